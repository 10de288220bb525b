// Blocks that arrive in any order become a verified, durable chain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/environment.h"
#include "ledger/ledger.h"
#include "msp/message_crypto.h"

namespace grapevine::node {

struct BlockCommitterConfig {
  std::string channel;
  // Blocks this far above the height are kept until those before them arrive; later ones are refused.
  std::uint64_t window = 200;
  // Different blocks of one number that are kept: a forged one must not keep the true one away.
  std::size_t max_candidates = 3;
  // Verified blocks whose commit is under way; the ledger writes those that wait together.
  std::size_t max_commits = 64;
};

// Verifies one block after the other, each under the configuration that the blocks before it have set, and commits them
// (specification 03, 6.3 and 8.5; 23, 6.3). One executor. The ledger and the crypto must outlive it.
class BlockCommitter {
 public:
  // A block that was offered unverified and has been verified here, before it is durable: may enter gossip.
  using OnVerified = std::function<void(std::uint64_t number, const base::Bytes& block)>;
  // The block is durable and the height includes it. A configuration block: make its configuration take effect before
  // returning; the next block is verified under it.
  using OnCommitted = std::function<void(std::uint64_t number, const base::Bytes& block)>;
  // A block that had been verified under an earlier configuration is not valid under the one in force: whoever has
  // passed it on must take another one of that number.
  using OnRefused = std::function<void(std::uint64_t number)>;

  // OnCommitted may destroy the committer.
  BlockCommitter(base::Environment environment, msp::MessageCrypto& crypto, ledger::Ledger& ledger,
                 BlockCommitterConfig config, OnVerified verified, OnCommitted committed, OnRefused refused = {});

  // Takes a serialised common.Block. False if it is known, pending already, or beyond the window or the number of
  // candidates. A block that turns out to be invalid is dropped and counted, and the next candidate is tried; without
  // one, another copy may be offered. `verified_under`: the epoch of the configuration under which it has been verified
  // already; it is not verified again if that is still in force when its turn comes.
  bool Offer(std::uint64_t number, base::Bytes block, std::optional<std::uint64_t> verified_under = std::nullopt);

  // Of the configuration in force: its sequence. To be set before OnCommitted returns for a configuration block.
  void SetEpoch(std::uint64_t epoch) { epoch_ = epoch; }

  // Set once the ledger has refused a verified block (full disk, for example): nothing more is committed.
  const base::Result<void>& health() const { return health_; }
  // The newest verdict against a block: which one and why. Others may offer a good copy of it.
  const std::optional<base::Error>& last_refusal() const { return last_refusal_; }

 private:
  struct Candidate {
    base::Bytes block;
    std::optional<std::uint64_t> verified_under;  // nothing: from outside gossip
  };
  struct Committing {
    base::Bytes block;
    bool configuration = false;
    base::Handle commit;
  };

  void Advance();
  void Verified(std::uint64_t number, const base::Result<void>& verdict);
  void Committed(std::uint64_t number, base::Result<void> outcome);

  base::Environment environment_;
  msp::MessageCrypto& crypto_;
  ledger::Ledger& ledger_;
  BlockCommitterConfig config_;
  OnVerified on_verified_;
  OnCommitted on_committed_;
  OnRefused on_refused_;
  base::Counter& invalid_;
  base::Counter& duplicates_;
  std::uint64_t next_;                                      // to verify; all below are verified
  std::map<std::uint64_t, std::deque<Candidate>> pending_;  // candidates by number, at next_ and above; never empty
  std::optional<std::uint64_t> epoch_;
  bool verifying_ = false;
  bool configuration_pending_ = false;  // a configuration block is being committed: verification waits for it
  base::Handle verification_;
  std::map<std::uint64_t, Committing> committing_;
  base::Result<void> health_;
  std::optional<base::Error> last_refusal_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::node

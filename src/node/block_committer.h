// Blocks that arrive in any order, from anybody, become a verified, durable chain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "ledger/block_sink.h"
#include "ledger/ledger.h"
#include "msp/message_crypto.h"
#include "node/ledger_writer.h"

namespace grapevine::node {

struct BlockCommitterConfig {
  std::string channel;
  // Blocks this far above the next one are kept until those before them arrive; later ones are refused.
  std::uint64_t window = 200;
  // Different blocks of one number that are kept: a forged one must not keep the true one away.
  std::size_t max_candidates = 3;
  // From the next block on, so many are verified at a time.
  std::size_t max_verifying = 8;
  // Verified blocks whose commit is under way; the ledger writes those that wait together.
  std::size_t max_commits = 64;
  // Offered blocks that wait, in bytes; the next one is taken regardless, and so are those that gossip holds anyway.
  std::size_t max_pending_bytes = 128UL << 20;
};

// Verifies each block under the configuration that the blocks before it have set and stores it (specification 03, 6.3
// and 8.5; 20, sections 4 to 6; 23, 6.3). Several are verified at a time, and what was verified under another
// configuration than the one in force at its turn, by gossip or here, is verified again: the configuration only changes
// when a configuration block is durable, and nothing behind it is taken before. One executor. The ledger and the crypto
// must outlive it.
class BlockCommitter final : public ledger::BlockSink {
 public:
  struct Observers {
    // A block from outside gossip is the chain's next one, before it is durable: may enter gossip.
    std::function<void(std::uint64_t number, const base::Bytes& block, ledger::BlockOrigin origin)> verified;
    // The block is durable and the height includes it. A configuration block: make its configuration take effect,
    // SetEpoch included, before returning. May destroy the committer.
    std::function<void(std::uint64_t number, const base::Bytes& block)> committed;
    // A block from gossip, verified under an earlier configuration, is not valid under the one in force: whoever has
    // passed it on must take another one of that number.
    std::function<void(std::uint64_t number)> refused;
  };

  BlockCommitter(base::Environment environment, msp::MessageCrypto& crypto, ledger::Ledger& ledger,
                 BlockCommitterConfig config, Observers observers);

  // ledger::BlockSink.
  std::uint64_t next() const override { return next_; }
  std::uint64_t limit() const override { return next_ + config_.window; }
  std::size_t pending_bytes() const override { return pending_bytes_ + writer_.pending_bytes(); }
  base::Handle Offer(std::uint64_t number, base::Bytes block, ledger::BlockOrigin origin, Verdict done) override;

  // A block that gossip has verified under the configuration of `epoch`. False if it is known or beyond the window.
  bool OfferVerified(std::uint64_t number, base::Bytes block, std::uint64_t epoch);

  // Of the configuration in force: its sequence.
  void SetEpoch(std::uint64_t epoch) { epoch_ = epoch; }

  // Not set: why verified blocks cannot be stored at the moment.
  const base::Result<void>& health() const { return writer_.health(); }
  // The newest verdict against a block: which one and why. Others may offer a good copy of it.
  const std::optional<base::Error>& last_refusal() const { return last_refusal_; }

 private:
  struct Candidate {
    base::Bytes block;
    std::optional<ledger::BlockOrigin> origin;  // nothing: gossip
    bool is_config = false;
    std::optional<std::uint64_t> verified_under;
    bool verify_at_its_turn = false;  // was refused under a configuration that need not be the one of its turn
    bool verifying = false;
    base::Handle verification;
    std::vector<std::shared_ptr<Verdict>> offers;  // who wants to know; null inside: forgotten
  };
  using Candidates = std::deque<Candidate>;

  // The place for a block of this number: an equal one that is pending already, or a new one. Null if there is none.
  Candidate* Place(std::uint64_t number, base::Bytes block, bool verified);
  void Advance();
  void TakeVerified();
  void StartVerifications();
  void Verify(std::uint64_t number, Candidate& candidate);
  void Verified(std::uint64_t number, std::uint64_t epoch, const base::Result<void>& verdict);
  void Take(const Candidate& candidate);
  void Refuse(const base::Error& error);
  base::Result<void> CheckLink(const Candidate& candidate) const;
  void Resolve(Candidate& candidate, const base::Result<void>& verdict);
  void Written(std::uint64_t number, const base::Bytes& block);

  base::Environment environment_;
  msp::MessageCrypto& crypto_;
  BlockCommitterConfig config_;
  Observers observers_;
  base::Counter& invalid_;
  base::Counter& duplicates_;
  base::Gauge& buffered_;
  std::uint64_t next_;
  std::string last_hash_;                        // header hash of block next_ - 1
  std::map<std::uint64_t, Candidates> pending_;  // by number, at next_ and above; never empty
  std::size_t pending_bytes_ = 0;                // in pending_
  std::uint64_t epoch_ = 0;
  std::optional<std::uint64_t> configuration_;  // number of a configuration block that is being stored
  std::optional<base::Error> last_refusal_;
  LedgerWriter writer_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::node

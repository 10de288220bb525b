// Stores verified blocks one after the other, and goes on trying while the disk refuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/environment.h"
#include "ledger/ledger.h"

namespace grapevine::node {

struct LedgerWriterConfig {
  std::string channel;
  // Pauses between attempts after a failure: doubled from the first to the last.
  base::Duration first_retry = std::chrono::seconds(1);
  base::Duration last_retry = std::chrono::seconds(30);
  // A block that takes longer to become durable is trouble too, though nothing has failed.
  base::Duration slow_commit = std::chrono::seconds(5);
};

// Keeps what is not durable yet. A full, read-only or slow disk stops the height, which is what others see, and nothing
// else: what is stored is served, and storing goes on by itself when the disk takes blocks again (24, item 69). One
// executor; the ledger must outlive it.
class LedgerWriter {
 public:
  // The block is durable and the ledger's height includes it. May destroy the writer.
  using OnWritten = std::function<void(std::uint64_t number, const base::Bytes& block)>;

  LedgerWriter(base::Environment environment, ledger::Ledger& ledger, LedgerWriterConfig config, OnWritten written);

  // Numbers ascend without gaps from the ledger's height on; the block follows the one before.
  void Write(std::uint64_t number, base::Bytes block);

  std::size_t pending() const { return pending_.size(); }
  std::size_t pending_bytes() const { return pending_bytes_; }
  // Not set: why blocks cannot be stored at the moment.
  const base::Result<void>& health() const { return health_; }

 private:
  struct Pending {
    base::Bytes block;
    base::SteadyTime since;
    base::Handle commit;
  };

  void Commit(std::uint64_t number, Pending& pending);
  void Committed(std::uint64_t number, const base::Result<void>& outcome);
  void Failed(std::uint64_t number, const base::Error& error);
  void Retry();
  void Watch();
  void SetTrouble(base::Error error);

  base::Environment environment_;
  ledger::Ledger& ledger_;
  LedgerWriterConfig config_;
  OnWritten on_written_;
  base::Gauge& height_;
  base::Gauge& trouble_;
  base::Histogram& duration_;
  std::map<std::uint64_t, Pending> pending_;
  std::size_t pending_bytes_ = 0;
  base::Result<void> health_;
  base::Duration pause_;
  base::Handle retry_;
  base::Handle watch_;
  bool failed_ = false;  // nothing is being written until the next retry
  base::Lifetime lifetime_;
};

}  // namespace grapevine::node

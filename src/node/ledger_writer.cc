#include "node/ledger_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace grapevine::node {

LedgerWriter::LedgerWriter(base::Environment environment, ledger::Ledger& ledger, LedgerWriterConfig config,
                           OnWritten written)
    : environment_(std::move(environment)),
      ledger_(ledger),
      config_(std::move(config)),
      on_written_(std::move(written)),
      height_(environment_.metrics.GetGauge("gossip_state_height", "Blocks of the ledger, all durable",
                                            {{"channel", config_.channel}})),
      trouble_(environment_.metrics.GetGauge("grapevine_ledger_trouble",
                                             "1 while verified blocks cannot be stored, else 0",
                                             {{"channel", config_.channel}})),
      duration_(environment_.metrics.GetTimeHistogram("gossip_state_commit_duration",
                                                      "Seconds from a verified block to a durable one",
                                                      {{"channel", config_.channel}})),
      pause_(config_.first_retry) {
  height_.Set(static_cast<std::int64_t>(ledger_.height()));
}

void LedgerWriter::Write(std::uint64_t number, base::Bytes block) {
  pending_bytes_ += block.size();
  auto& pending =
      pending_.emplace(number, Pending{.block = std::move(block), .since = environment_.executor.Now(), .commit = {}})
          .first->second;
  if (failed_) return;
  Commit(number, pending);
  if (pending_.size() == 1) Watch();
}

void LedgerWriter::Commit(std::uint64_t number, Pending& pending) {
  pending.commit =
      ledger_.Commit(pending.block, [this, number](const base::Result<void>& outcome) { Committed(number, outcome); });
}

void LedgerWriter::Committed(std::uint64_t number, const base::Result<void>& outcome) {
  // A failure need not mean that nothing was stored: the ledger finds out when it recovers.
  if (!outcome && number >= ledger_.height()) return Failed(number, outcome.error());
  if (!health_) environment_.log.Info("blocks of channel {} are stored again, from {} on", config_.channel, number);
  health_ = {};
  trouble_.Set(0);
  pause_ = config_.first_retry;
  const auto written = std::move(pending_.extract(number).mapped());
  pending_bytes_ -= written.block.size();
  watch_.Reset();
  if (!pending_.empty()) Watch();
  height_.Set(static_cast<std::int64_t>(ledger_.height()));
  duration_.Observe(environment_.executor.Now() - written.since);
  on_written_(number, written.block);
}

void LedgerWriter::Failed(std::uint64_t number, const base::Error& error) {
  SetTrouble(base::Wrap(error, "block {} of channel {} cannot be stored, the height stays {} until it can", number,
                        config_.channel, ledger_.height())
                 .error());
  failed_ = true;
  watch_.Reset();
  // Those behind it cannot succeed: one report is enough.
  for (auto& [later, pending] : pending_) pending.commit.Reset();
  retry_ = environment_.executor.After(pause_, [this] { Retry(); });
  pause_ = std::min(2 * pause_, config_.last_retry);
}

// What the ledger still has of earlier attempts fails before these have their turn.
void LedgerWriter::Retry() {
  failed_ = false;
  for (auto& [number, pending] : pending_) Commit(number, pending);
  Watch();
}

// For the first pending block.
void LedgerWriter::Watch() {
  watch_ = environment_.executor.After(config_.slow_commit, [this] {
    SetTrouble({base::ErrorCode::kTimeout,
                fmt::format("block {} of channel {} is not durable after {} s, the height stays {} until it is: the "
                            "disk is slow",
                            pending_.begin()->first, config_.channel, config_.slow_commit / std::chrono::seconds(1),
                            ledger_.height())});
  });
}

// One line per kind of trouble, however often it is tried.
void LedgerWriter::SetTrouble(base::Error error) {
  if (health_ || health_.error().code != error.code) environment_.log.Error("{}", error.message);
  health_ = std::unexpected(std::move(error));
  trouble_.Set(1);
}

}  // namespace grapevine::node

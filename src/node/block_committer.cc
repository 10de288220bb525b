#include "node/block_committer.h"

#include <algorithm>
#include <utility>

#include "msp/block.h"

namespace grapevine::node {

BlockCommitter::BlockCommitter(base::Environment environment, msp::MessageCrypto& crypto, ledger::Ledger& ledger,
                               BlockCommitterConfig config, OnVerified verified, OnCommitted committed,
                               OnRefused refused)
    : environment_(std::move(environment)),
      crypto_(crypto),
      ledger_(ledger),
      config_(std::move(config)),
      on_verified_(std::move(verified)),
      on_committed_(std::move(committed)),
      on_refused_(std::move(refused)),
      invalid_(environment_.metrics.GetCounter("grapevine_blocks_invalid", "Blocks that verification refused.",
                                               {{"channel", config_.channel}})),
      duplicates_(environment_.metrics.GetCounter("grapevine_blocks_duplicate", "Blocks received again.",
                                                  {{"channel", config_.channel}})),
      next_(ledger.height()) {}

bool BlockCommitter::Offer(std::uint64_t number, base::Bytes block, std::optional<std::uint64_t> verified_under) {
  const auto known = pending_.find(number);
  const auto has_block = [&block](const auto& candidates) {
    return std::ranges::find(candidates, block, &Candidate::block) != candidates.end();
  };
  if (number < next_ || (known != pending_.end() && has_block(known->second))) {
    duplicates_.Add();
    return false;
  }
  if (!health_ || number - next_ >= config_.window) return false;
  auto& candidates = pending_[number];
  if (candidates.size() >= config_.max_candidates) return false;
  candidates.push_back({.block = std::move(block), .verified_under = verified_under});
  Advance();
  return true;
}

void BlockCommitter::Advance() {
  while (!verifying_ && !configuration_pending_ && health_ && committing_.size() < config_.max_commits) {
    const auto lowest = pending_.begin();
    if (lowest == pending_.end() || lowest->first != next_) return;
    const Candidate& candidate = lowest->second.front();
    if (candidate.verified_under && candidate.verified_under == epoch_) {
      Verified(next_, {});
      continue;
    }
    verifying_ = true;
    verification_ = crypto_.VerifyBlock(config_.channel, next_, candidate.block,
                                        [this, number = next_](const base::Result<void>& verdict) {
                                          verifying_ = false;
                                          Verified(number, verdict);
                                          Advance();
                                        });
  }
}

void BlockCommitter::Verified(std::uint64_t number, const base::Result<void>& verdict) {
  const auto candidates = pending_.find(number);
  const Candidate candidate = std::move(candidates->second.front());
  const base::Bytes& block = candidate.block;
  candidates->second.pop_front();
  if (verdict || candidates->second.empty()) pending_.erase(candidates);
  if (!verdict) {
    invalid_.Add();
    last_refusal_ = base::Wrap(verdict.error(), "block {} of channel {} refused", number, config_.channel).error();
    environment_.log.Warn("{}", last_refusal_->message);
    if (candidate.verified_under && on_refused_) on_refused_(number);
    return;
  }
  ++next_;
  const auto parsed = msp::ParseBlock(block);
  configuration_pending_ = parsed && msp::IsConfigBlock(*parsed);
  if (!candidate.verified_under) on_verified_(number, block);
  auto commit =
      ledger_.Commit(block, [this, number](base::Result<void> outcome) { Committed(number, std::move(outcome)); });
  committing_.emplace(number,
                      Committing{.block = block, .configuration = configuration_pending_, .commit = std::move(commit)});
}

void BlockCommitter::Committed(std::uint64_t number, base::Result<void> outcome) {
  const auto committed = std::move(committing_.extract(number).mapped());
  if (!outcome) {
    if (health_) {
      environment_.log.Error("block {} of channel {} cannot be stored: {}", number, config_.channel,
                             outcome.error().message);
      health_ = std::move(outcome);
    }
    return;
  }
  const auto alive = lifetime_.Watch();
  on_committed_(number, committed.block);
  if (alive.expired()) return;
  if (committed.configuration) configuration_pending_ = false;
  Advance();
}

}  // namespace grapevine::node

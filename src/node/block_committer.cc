#include "node/block_committer.h"

#include <algorithm>
#include <utility>

#include "msp/block.h"

namespace grapevine::node {

using base::ErrorCode;

BlockCommitter::BlockCommitter(base::Environment environment, msp::MessageCrypto& crypto, ledger::Ledger& ledger,
                               BlockCommitterConfig config, Observers observers)
    : environment_(std::move(environment)),
      crypto_(crypto),
      config_(std::move(config)),
      observers_(std::move(observers)),
      invalid_(environment_.metrics.GetCounter("grapevine_blocks_invalid", "Blocks that verification refused",
                                               {{"channel", config_.channel}})),
      duplicates_(environment_.metrics.GetCounter("grapevine_blocks_duplicate", "Blocks received again",
                                                  {{"channel", config_.channel}})),
      buffered_(environment_.metrics.GetGauge("gossip_payload_buffer_size",
                                              "Blocks that wait for those before them, or for verification",
                                              {{"channel", config_.channel}})),
      next_(ledger.height()),
      last_hash_(ledger.current_hash()),
      writer_(environment_, ledger, {.channel = config_.channel},
              [this](std::uint64_t number, const base::Bytes& block) { Written(number, block); }) {}

base::Handle BlockCommitter::Offer(std::uint64_t number, base::Bytes block, ledger::BlockOrigin origin, Verdict done) {
  auto offer = std::make_shared<Verdict>(std::move(done));
  base::Handle handle([offer] { *offer = nullptr; });
  const auto answer = [&](base::Result<void> verdict) {
    Candidate nobody;
    nobody.offers.push_back(offer);
    Resolve(nobody, verdict);
  };
  if (number < next_) {
    duplicates_.Add();
    answer({});
  } else if (number >= limit() || (number > next_ && pending_bytes() + block.size() > config_.max_pending_bytes)) {
    answer(base::Fail(ErrorCode::kExhausted, "no room for block {} now: block {} is wanted", number, next_));
  } else if (Candidate* candidate = Place(number, std::move(block), false)) {
    if (candidate->offers.empty() && !candidate->verified_under) candidate->origin = origin;
    candidate->offers.push_back(std::move(offer));
    Advance();
  } else {
    answer(base::Fail(ErrorCode::kExhausted, "{} different blocks {} wait to be verified", config_.max_candidates,
                      number));
  }
  return handle;
}

bool BlockCommitter::OfferVerified(std::uint64_t number, base::Bytes block, std::uint64_t epoch) {
  if (number < next_) duplicates_.Add();
  if (number < next_ || number >= limit()) return false;
  Candidate* candidate = Place(number, std::move(block), true);
  if (candidate == nullptr) return false;
  candidate->origin.reset();
  if (!candidate->verifying) candidate->verified_under = epoch;
  Advance();
  return true;
}

BlockCommitter::Candidate* BlockCommitter::Place(std::uint64_t number, base::Bytes block, bool verified) {
  Candidates& candidates = pending_[number];
  const auto equal = std::ranges::find(candidates, block, &Candidate::block);
  if (equal != candidates.end()) {
    duplicates_.Add();
    return &*equal;
  }
  if (candidates.size() >= config_.max_candidates) {
    // The first one may be under verification.
    const auto unverified = std::find_if(candidates.begin() + 1, candidates.end(),
                                         [](const Candidate& candidate) { return candidate.origin.has_value(); });
    if (!verified || unverified == candidates.end()) return nullptr;
    Resolve(*unverified, base::Fail(ErrorCode::kExhausted, "another block {} has been verified", number));
    pending_bytes_ -= unverified->block.size();
    candidates.erase(unverified);
  }
  const auto view = msp::ParseBlock(block);
  pending_bytes_ += block.size();
  Candidate candidate;
  candidate.block = std::move(block);
  candidate.is_config = view && msp::IsConfigBlock(*view);
  candidates.push_back(std::move(candidate));
  buffered_.Set(static_cast<std::int64_t>(pending_.size()));
  return &candidates.back();
}

void BlockCommitter::Advance() {
  TakeVerified();
  StartVerifications();
}

void BlockCommitter::TakeVerified() {
  while (!configuration_ && writer_.pending() < config_.max_commits) {
    const auto lowest = pending_.begin();
    if (lowest == pending_.end() || lowest->first != next_) return;
    const Candidate& candidate = lowest->second.front();
    if (candidate.verifying || candidate.verified_under != epoch_) return;
    if (const auto linked = CheckLink(candidate); !linked) {
      Refuse(linked.error());
    } else {
      Take(candidate);
    }
  }
}

void BlockCommitter::StartVerifications() {
  if (configuration_) return;
  for (auto& [number, candidates] : pending_) {
    if (number - next_ >= config_.max_verifying) return;
    Candidate& candidate = candidates.front();
    const bool its_turn = number == next_;
    if (!candidate.verifying && candidate.verified_under != epoch_ && (its_turn || !candidate.verify_at_its_turn)) {
      Verify(number, candidate);
    }
    if (candidate.is_config) return;  // what follows is verified under the configuration that it sets
  }
}

void BlockCommitter::Verify(std::uint64_t number, Candidate& candidate) {
  candidate.verifying = true;
  candidate.verification = crypto_.VerifyBlock(
      config_.channel, number, candidate.block,
      [this, number, epoch = epoch_](const base::Result<void>& verdict) { Verified(number, epoch, verdict); });
}

// Only the first candidate of a number is ever under verification, and it stays the first one meanwhile.
void BlockCommitter::Verified(std::uint64_t number, std::uint64_t epoch, const base::Result<void>& verdict) {
  Candidate& candidate = pending_.at(number).front();
  candidate.verifying = false;
  if (verdict) {
    candidate.verified_under = epoch;
  } else if (number == next_ && epoch == epoch_) {
    Refuse(verdict.error());
  } else {
    candidate.verify_at_its_turn = true;
  }
  Advance();
}

// What the orderers have signed and yet does not follow our chain would be a fork; the ledger never has to refuse it.
base::Result<void> BlockCommitter::CheckLink(const Candidate& candidate) const {
  const auto view = msp::ParseBlock(candidate.block);
  if (!view) return std::unexpected(view.error());
  if (view->header.previous_hash == base::ByteView(last_hash_)) return {};
  return base::Fail(ErrorCode::kInvalid, "it follows a block with header hash {}, the chain here ends with {}",
                    base::ToHex(view->header.previous_hash), base::ToHex(last_hash_));
}

void BlockCommitter::Take(const Candidate& candidate) {
  const std::uint64_t number = next_++;
  const base::Bytes block = candidate.block;
  const auto origin = candidate.origin;
  last_hash_ = msp::ParseBlock(block)->header.Hash().ToString();
  if (candidate.is_config) configuration_ = number;
  // All copies: whoever offered another one need not care any more.
  auto taken = std::move(pending_.extract(number).mapped());
  for (Candidate& copy : taken) {
    pending_bytes_ -= copy.block.size();
    Resolve(copy, {});
  }
  buffered_.Set(static_cast<std::int64_t>(pending_.size()));
  writer_.Write(number, block);
  if (origin && observers_.verified) observers_.verified(number, block, *origin);
}

// The first candidate of the next number.
void BlockCommitter::Refuse(const base::Error& error) {
  const auto lowest = pending_.begin();
  Candidate refused = std::move(lowest->second.front());
  lowest->second.pop_front();
  if (lowest->second.empty()) pending_.erase(lowest);
  pending_bytes_ -= refused.block.size();
  buffered_.Set(static_cast<std::int64_t>(pending_.size()));
  invalid_.Add();
  last_refusal_ = base::Wrap(error, "block {} of channel {} refused", next_, config_.channel).error();
  environment_.log.Warn("{}", last_refusal_->message);
  Resolve(refused, std::unexpected(base::Error{ErrorCode::kInvalid, last_refusal_->message}));
  if (!refused.origin && observers_.refused) observers_.refused(next_);
}

void BlockCommitter::Resolve(Candidate& candidate, const base::Result<void>& verdict) {
  if (candidate.offers.empty()) return;
  environment_.executor.Post(lifetime_.Guard([offers = std::move(candidate.offers), verdict]() mutable {
    for (const auto& offer : offers) {
      if (auto done = std::exchange(*offer, nullptr)) done(verdict);
    }
  }));
}

void BlockCommitter::Written(std::uint64_t number, const base::Bytes& block) {
  const auto alive = lifetime_.Watch();
  observers_.committed(number, block);
  if (alive.expired()) return;
  if (configuration_ == number) configuration_.reset();
  Advance();
}

}  // namespace grapevine::node

#include "channel/block_candidates.h"

#include <algorithm>
#include <utility>

namespace grapevine::channel {

// Bounded by the bounds of numbers and of candidates for each; small unless somebody floods.
std::size_t BlockCandidates::CountOf(const wire::PkiId& sender) const {
  std::size_t count = 0;
  for (const auto& [number, queue] : numbers_) {
    count += static_cast<std::size_t>(std::ranges::count(queue.candidates, sender, &BlockCandidate::sender));
  }
  return count;
}

const char* BlockCandidates::Add(BlockCandidate candidate) {
  const auto found = numbers_.find(candidate.number);
  if (found == numbers_.end()) {
    if (CountOf(candidate.sender) >= max_of_sender_) return "too_many_of_sender";
    if (numbers_.size() >= max_numbers_) return "too_many_verifying";
    Queue& queue = numbers_[candidate.number];
    queue.candidates.push_back(std::move(candidate));
    VerifyFirst(queue.candidates.front().number, queue);
    return nullptr;
  }
  Queue& queue = found->second;
  bool sent_before = false;
  for (BlockCandidate& other : queue.candidates) {
    if (other.block == candidate.block) {
      if (candidate.pushed && !std::exchange(other.pushed, true)) other.received = std::move(candidate.received);
      return "duplicate";
    }
    sent_before = sent_before || other.sender == candidate.sender;
  }
  // One place for each sender: nobody can fill them alone.
  if (sent_before) return "second_of_sender";
  if (CountOf(candidate.sender) >= max_of_sender_) return "too_many_of_sender";
  if (queue.candidates.size() >= max_of_number_) return "too_many_candidates";
  queue.candidates.push_back(std::move(candidate));
  return nullptr;
}

void BlockCandidates::VerifyFirst(std::uint64_t number, Queue& queue) {
  queue.candidates.front().epoch = epoch_;
  queue.verification =
      crypto_.VerifyBlock(channel_, number, queue.candidates.front().block,
                          [this, number](const base::Result<void>& verdict) { Finish(number, verdict); });
}

void BlockCandidates::Finish(std::uint64_t number, const base::Result<void>& verdict) {
  const auto found = numbers_.find(number);
  Queue& queue = found->second;
  const BlockCandidate candidate = std::move(queue.candidates.front());
  queue.candidates.pop_front();
  if (verdict.has_value() || queue.candidates.empty()) {
    // The handle is that of the verification whose event this is: destroying it does nothing any more.
    numbers_.erase(found);
  } else {
    VerifyFirst(number, queue);
  }
  on_verdict_(candidate, verdict);
}

}  // namespace grapevine::channel

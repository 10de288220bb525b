#include "channel/block_candidates.h"

#include <utility>

namespace grapevine::channel {

const char* BlockCandidates::Add(BlockCandidate candidate) {
  const auto found = numbers_.find(candidate.number);
  if (found == numbers_.end()) {
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
      if (other.pushed == nullptr) other.pushed = std::move(candidate.pushed);
      return "duplicate";
    }
    sent_before = sent_before || other.sender == candidate.sender;
  }
  // One place for each sender: nobody can fill them alone.
  if (sent_before) return "second_of_sender";
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
  BlockCandidate candidate = std::move(queue.candidates.front());
  queue.candidates.pop_front();
  if (verdict.has_value() || queue.candidates.empty()) {
    // The handle is that of the verification whose event this is: destroying it does nothing any more.
    numbers_.erase(found);
  } else {
    VerifyFirst(number, queue);
  }
  on_verdict_(std::move(candidate), verdict);
}

}  // namespace grapevine::channel

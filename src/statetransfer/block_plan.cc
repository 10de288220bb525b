#include "statetransfer/block_plan.h"

#include <algorithm>

namespace grapevine::statetransfer {

void BlockPlan::Restart(std::uint64_t next) {
  next_ = next;
  fresh_ = next;
  returned_.clear();
}

void BlockPlan::Advance(std::uint64_t next) {
  next_ = std::max(next_, next);
  fresh_ = std::max(fresh_, next_);
  returned_.erase(returned_.begin(), returned_.lower_bound(next_));
}

std::optional<BlockRange> BlockPlan::Next(std::uint64_t end, std::uint64_t max_blocks) const {
  if (returned_.empty()) {
    if (fresh_ >= end) return std::nullopt;
    return BlockRange{fresh_, fresh_ + std::min(max_blocks, end - fresh_) - 1};
  }
  BlockRange range{*returned_.begin(), *returned_.begin()};
  if (range.first >= end) return std::nullopt;
  while (range.size() < max_blocks && returned_.contains(range.last + 1) && range.last + 1 < end) ++range.last;
  return range;
}

void BlockPlan::Take(const BlockRange& range) {
  returned_.erase(returned_.lower_bound(range.first), returned_.upper_bound(range.last));
  fresh_ = std::max(fresh_, range.last + 1);
}

void BlockPlan::Return(std::uint64_t number) {
  if (number >= next_ && number < fresh_) returned_.insert(number);
}

}  // namespace grapevine::statetransfer

#include "channel/block_window.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace grapevine::channel {

void BlockWindow::Add(std::uint64_t number, HeldBlock block, base::SteadyTime now) {
  blocks_.emplace(number, Entry{std::move(block), now});
  DropBelow();
  Advance();
}

void BlockWindow::DropBelow() { blocks_.erase(blocks_.begin(), blocks_.lower_bound(begin())); }

const HeldBlock* BlockWindow::Find(std::uint64_t number) const {
  const auto found = blocks_.find(number);
  return found == blocks_.end() ? nullptr : &found->second.block;
}

const HeldBlock* BlockWindow::PassOn(std::uint64_t number) {
  const auto found = blocks_.find(number);
  if (found == blocks_.end() || std::exchange(found->second.block.passed_on, true)) return nullptr;
  return &found->second.block;
}

void BlockWindow::Discard(std::uint64_t number) {
  if (blocks_.erase(number) > 0) next_ = std::max(height_, std::min(next_, number));
}

void BlockWindow::Expire(base::SteadyTime now) {
  std::erase_if(blocks_, [&](const auto& entry) { return entry.second.added + time_to_live_ <= now; });
}

std::optional<base::SteadyTime> BlockWindow::NextExpiry() const {
  if (blocks_.empty()) return std::nullopt;
  const auto oldest = std::ranges::min_element(blocks_, {}, [](const auto& entry) { return entry.second.added; });
  return oldest->second.added + time_to_live_;
}

void BlockWindow::SetHeight(std::uint64_t height) {
  height_ = std::max(height_, height);
  next_ = std::max(next_, height_);
  DropBelow();
  Advance();
}

void BlockWindow::Advance() {
  for (auto at = blocks_.find(next_); at != blocks_.end() && at->first == next_; ++at) ++next_;
}

std::vector<std::uint64_t> BlockWindow::Numbers() const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, entry] : blocks_) numbers.push_back(number);
  return numbers;
}

base::Bytes EncodeBlockId(std::uint64_t number) { return base::Bytes(std::to_string(number)); }

std::optional<std::uint64_t> ParseBlockId(base::ByteView id) {
  std::uint64_t number = 0;
  const char* end = id.data() + id.size();
  const auto [stop, error] = std::from_chars(id.data(), end, number);
  // from_chars takes no sign for unsigned numbers and no space, but it takes leading zeros.
  if (error != std::errc() || stop != end || (id.front() == '0' && id.size() > 1)) return std::nullopt;
  return number;
}

}  // namespace grapevine::channel

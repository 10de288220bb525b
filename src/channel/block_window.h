// The newest verified blocks of a channel (specification 11.7, 11.8: the channel's block store). Internal to the room.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/executor.h"
#include "wire/envelope.h"

namespace grapevine::channel {

struct HeldBlock {
  wire::Envelope envelope;  // the data message, as it came
  base::Bytes header_hash;
  bool passed_on = false;  // pushed on to others
};

// Holds the blocks n ... n + window, where n + window is the greatest number that was added: adding a greater one
// moves the window up. While the ledger is at most `max_uncommitted` blocks behind the greatest number, the window
// reaches down to its height, so that a burst that arrives out of order loses nothing. A pure data structure.
class BlockWindow {
 public:
  BlockWindow(std::uint64_t window, std::uint64_t max_uncommitted, base::Duration time_to_live)
      : window_(window), max_uncommitted_(max_uncommitted), time_to_live_(time_to_live) {}

  // Not below the ledger's height, not below the window, and not held.
  bool WouldAccept(std::uint64_t number) const { return number >= height_ && Fits(number); }
  // The same without regard to the ledger, for blocks that come from there. The greatest number of all has none above
  // it and never fits.
  bool Fits(std::uint64_t number) const {
    return number >= begin() && number < UINT64_MAX && !blocks_.contains(number);
  }
  // Precondition: Fits.
  void Add(std::uint64_t number, HeldBlock block, base::SteadyTime now);
  // Null if it is not held.
  const HeldBlock* Find(std::uint64_t number) const;
  bool Holds(std::uint64_t number) const { return blocks_.contains(number); }
  // The block if it is held and has not been passed on yet; from now on it has.
  const HeldBlock* PassOn(std::uint64_t number);
  // Forgets the block: another one of its number is missing again.
  void Discard(std::uint64_t number);
  // Drops what has been held for the time to live.
  void Expire(base::SteadyTime now);
  // When Expire has something to do; nothing while it is empty.
  std::optional<base::SteadyTime> NextExpiry() const;

  void SetHeight(std::uint64_t height);
  // Blocks in the ledger.
  std::uint64_t height() const { return height_; }
  // The first number that is neither in the ledger nor on its way there: all below have been delivered.
  std::uint64_t next() const { return next_; }
  // The first number of the window.
  std::uint64_t begin() const {
    const std::uint64_t lowest = end() > window_ ? end() - 1 - window_ : 0;
    return height_ < lowest && end() - height_ <= max_uncommitted_ ? height_ : lowest;
  }
  // One above the greatest number held; 0 if there is none.
  std::uint64_t end() const { return blocks_.empty() ? 0 : blocks_.rbegin()->first + 1; }
  // In ascending order.
  std::vector<std::uint64_t> Numbers() const;
  std::size_t size() const { return blocks_.size(); }

 private:
  struct Entry {
    HeldBlock block;
    base::SteadyTime added;
  };
  void Advance();
  void DropBelow();

  std::uint64_t window_;
  std::uint64_t max_uncommitted_;
  base::Duration time_to_live_;
  std::uint64_t height_ = 0;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Entry> blocks_;
};

// Block numbers as ids of the pull protocol: decimal, as short as possible (11.11).
base::Bytes EncodeBlockId(std::uint64_t number);
// Nothing if `id` is not exactly what EncodeBlockId makes.
std::optional<std::uint64_t> ParseBlockId(base::ByteView id);

}  // namespace grapevine::channel

// Which blocks of a transfer nobody has been asked for yet, or must be asked for again. Internal to the room.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

namespace grapevine::statetransfer {

// Blocks `first` to `last`, both included.
struct BlockRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  std::uint64_t size() const { return last - first + 1; }
  friend bool operator==(const BlockRange&, const BlockRange&) = default;
};

// Numbers are handed out in ascending order, those that came back first. A pure data structure, as large as what has
// come back.
class BlockPlan {
 public:
  // Forgets everything: `next` is the first number that is wanted.
  void Restart(std::uint64_t next);
  // Numbers below `next` are not wanted any more.
  void Advance(std::uint64_t next);
  // The lowest numbers below `end` that are to be asked for, at most `max_blocks` > 0; nothing if there are none.
  std::optional<BlockRange> Next(std::uint64_t end, std::uint64_t max_blocks) const;
  // They are being asked for: `range` begins like what Next has said, and may be shorter.
  void Take(const BlockRange& range);
  // The number is to be asked for again.
  void Return(std::uint64_t number);

 private:
  std::uint64_t next_ = 0;
  std::uint64_t fresh_ = 0;  // from here on nothing has been handed out
  std::set<std::uint64_t> returned_;
};

}  // namespace grapevine::statetransfer

// What is known of the members of a channel as givers of blocks, and whom to ask next. Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/executor.h"
#include "base/random.h"
#include "channel/state_info_exchange.h"
#include "comm/comm.h"

namespace grapevine::statetransfer {

// Prefers whoever is expected to answer first: the time that its answers took so far, times the requests that it has
// already; somebody who was never asked is tried once. Who has failed is left alone for a while, longer each time,
// until a block that it gave turns out to be good. A pure data structure, bounded by the number of members.
class Sources {
 public:
  struct Choice {
    comm::RemotePeer peer;  // with PKI-ID
    std::uint64_t height = 0;
    std::uint64_t max_blocks = 0;  // not more at once: it would take too long
  };

  // `response_timeout`: for an answer, and the first time that a failed one is left alone. `memory`: how long a member
  // counts as lacking what it said it lacks.
  Sources(base::Random& random, base::Duration response_timeout, base::Duration memory)
      : random_(random), response_timeout_(response_timeout), memory_(memory) {}

  // The members as they are now; what is known of those that stay is kept.
  void Update(const std::vector<channel::ChannelMember>& members);
  // Of all members; 0 if there are none.
  std::uint64_t highest() const { return highest_; }
  bool Contains(const wire::PkiId& peer) const { return records_.contains(peer); }

  // Whom to ask for block `first` and those after it; nobody in `avoid` if there is anybody else.
  std::optional<Choice> Choose(std::uint64_t first, const std::set<wire::PkiId>& avoid, base::SteadyTime now) const;
  // When somebody who has block `first` will not be left alone any more; nothing if nobody has it.
  std::optional<base::SteadyTime> FreeAt(std::uint64_t first, base::SteadyTime now) const;
  // How long to wait for an answer of it.
  base::Duration Timeout(const wire::PkiId& peer) const;

  // A request to it is under way; it is no more.
  void Asked(const wire::PkiId& peer);
  void Released(const wire::PkiId& peer);
  void Answered(const wire::PkiId& peer, base::Duration latency);
  // It did not answer in time when asked for so many blocks: it is asked for half of them, until it answers quickly.
  void TimedOut(const wire::PkiId& peer, std::uint64_t blocks);
  // It has no blocks up to `number`: its chain began with a snapshot.
  void Lacks(const wire::PkiId& peer, std::uint64_t number, base::SteadyTime now);
  // It gave nothing, which is no fault of it: left alone once, so that it need not be asked for every range.
  void GaveNothing(const wire::PkiId& peer, base::SteadyTime now);
  // A block that it gave is good.
  void Proved(const wire::PkiId& peer);
  // It did not answer, or what it gave is not good.
  void Failed(const wire::PkiId& peer, base::SteadyTime now);

 private:
  static constexpr std::uint64_t kMaxBlocks = 16;  // more are never asked for

  struct Record {
    comm::RemotePeer peer;
    std::uint64_t height = 0;
    std::size_t requests = 0;
    base::Duration latency{};  // zero: has not answered yet
    std::uint64_t max_blocks = kMaxBlocks;
    std::uint32_t failures = 0;
    base::SteadyTime alone_until{};
    std::uint64_t lacks_below = 0;
    base::SteadyTime lacks_until{};
  };

  static bool Has(const Record& record, std::uint64_t number, base::SteadyTime now);
  base::Duration Expectation(const Record& record) const;

  base::Random& random_;
  base::Duration response_timeout_;
  base::Duration memory_;
  std::map<wire::PkiId, Record> records_;
  std::uint64_t highest_ = 0;
};

}  // namespace grapevine::statetransfer

// Which message replaces which (specification 01, section 8). Pure functions; the stores are gossip's.
#pragma once

#include <cstdint>

#include "wire/message.h"

namespace grapevine::wire {

// What a new message is to a stored one.
enum class Replacement {
  kNone,         // they have nothing to do with each other
  kInvalidates,  // the stored one is out of date
  kInvalidated,  // the new one is out of date, or a duplicate
};

Replacement Compare(const PeerTime& incoming, const PeerTime& stored);

// `block_window`: how far apart in number blocks may be before the older one gives way; 0 except in the block store.
Replacement Compare(const Message& incoming, const Message& stored, std::uint64_t block_window);

}  // namespace grapevine::wire

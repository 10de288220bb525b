// Which type of message it is, before decoding and after: for lanes and metrics. Internal to the room.
#pragma once

#include <cstddef>
#include <variant>

#include "comm/demultiplexer.h"
#include "wire/envelope.h"
#include "wire/message.h"

namespace grapevine::comm {

// A position in wire::Content, whose order is that of the schema's field numbers.
using MessageKind = std::size_t;
inline constexpr std::size_t kMessageKinds = std::variant_size_v<wire::Content>;

inline MessageKind KindOf(const wire::Message& message) { return message.content.index(); }
// Without decoding; what cannot be told is `empty`.
MessageKind KindOf(const wire::Envelope& envelope);
// As wire::TypeName names it.
const char* TypeName(MessageKind kind);
// Alive messages, membership requests and responses are kLiveness.
Lane LaneOf(MessageKind kind);

}  // namespace grapevine::comm

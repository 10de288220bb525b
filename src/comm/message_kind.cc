#include "comm/message_kind.h"

#include <array>
#include <type_traits>
#include <utility>

#include "wire/field_reader.h"

namespace grapevine::comm {
namespace {

constexpr std::uint32_t kFirstField = 5;  // alive_msg of gossip.GossipMessage

template <typename T>
constexpr MessageKind IndexOf() {
  return []<typename... Types>(std::type_identity<std::variant<Types...>>) {
    std::size_t index = 0;
    (void)((std::is_same_v<T, Types> || (++index, false)) || ...);
    return index;
  }(std::type_identity<wire::Content>());
}

}  // namespace

MessageKind KindOf(const wire::Envelope& envelope) {
  wire::FieldReader reader(envelope.payload());
  while (reader.Next()) {
    const wire::Field& field = reader.field();
    const std::size_t kind = std::size_t{field.number} - kFirstField;
    if (field.number >= kFirstField && kind < kMessageKinds && field.type == wire::WireType::kBytes) return kind;
  }
  return IndexOf<wire::Empty>();
}

const char* TypeName(MessageKind kind) {
  static const auto kNames = []<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return std::array{wire::TypeName(wire::Content(std::in_place_index<kIndex>))...};
  }(std::make_index_sequence<kMessageKinds>());
  return kNames.at(kind);
}

Lane LaneOf(MessageKind kind) {
  const bool liveness = kind == IndexOf<wire::AliveMessage>() || kind == IndexOf<wire::MembershipRequest>() ||
                        kind == IndexOf<wire::MembershipResponse>();
  return liveness ? Lane::kLiveness : Lane::kBulk;
}

}  // namespace grapevine::comm

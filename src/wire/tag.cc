#include "wire/tag.h"

#include <concepts>

namespace grapevine::wire {

namespace {

template <typename T, typename... Ts>
concept OneOf = (std::same_as<T, Ts> || ...);

template <typename T>
concept Pull = OneOf<T, PullHello, PullDigest, PullRequest, PullUpdate>;

template <typename... Ts>
bool Holds(const Message& message) {
  return (std::holds_alternative<Ts>(message.content) || ...);
}

Tag TagOfPull(PullType type) {
  if (type == PullType::kBlock) return Tag::kChannelAndOrg;
  return type == PullType::kIdentity ? Tag::kEmpty : Tag::kUndefined;
}

// What 5.2 requires; kUndefined: no tag is legal.
struct RequiredTag {
  template <typename T>
  Tag operator()(const T& content) const {
    if constexpr (Pull<T>) {
      return TagOfPull(content.type);
    } else if constexpr (OneOf<T, AliveMessage, MembershipRequest, MembershipResponse>) {
      return Tag::kEmpty;
    } else if constexpr (OneOf<T, DataMessage, LeadershipMessage>) {
      return Tag::kChannelAndOrg;
    } else if constexpr (std::same_as<T, PeerIdentity>) {
      return Tag::kOrgOnly;
    } else if constexpr (OneOf<T, StateInfo, StateInfoPullRequest, StateInfoSnapshot, StateRequest, StateResponse>) {
      return Tag::kChannelOrOrg;
    } else {
      return Tag::kUndefined;
    }
  }
};

}  // namespace

Tag SenderTag(const Content& content) {
  if (std::holds_alternative<PeerIdentity>(content) || std::holds_alternative<ConnEstablish>(content)) {
    return Tag::kEmpty;
  }
  if (std::holds_alternative<PrivateDataRequest>(content) || std::holds_alternative<PrivateDataResponse>(content) ||
      std::holds_alternative<PrivateDataMessage>(content)) {
    return Tag::kChannelOnly;
  }
  return std::visit(RequiredTag{}, content);
}

bool HasLegalTag(const Message& message) {
  return message.tag != Tag::kUndefined && message.tag == std::visit(RequiredTag{}, message.content);
}

bool IsPullMessage(const Message& message) { return Holds<PullHello, PullDigest, PullRequest, PullUpdate>(message); }

PullType PullTypeOf(const Message& message) {
  return std::visit(
      []<typename T>(const T& content) {
        if constexpr (Pull<T>) {
          return content.type;
        } else {
          return PullType::kUndefined;
        }
      },
      message.content);
}

bool IsRemoteStateMessage(const Message& message) { return Holds<StateRequest, StateResponse>(message); }

bool IsPrivateDataMessage(const Message& message) {
  return Holds<PrivateDataRequest, PrivateDataResponse, PrivateDataMessage>(message);
}

bool IsDiscoveryMessage(const Message& message) {
  return Holds<AliveMessage, MembershipRequest, MembershipResponse>(message);
}

}  // namespace grapevine::wire

// Which tag a message may have, and what a message is about (specification 01, sections 5 and 12). Pure functions.
#pragma once

#include "wire/message.h"

namespace grapevine::wire {

// The tag that senders put (the table of section 4). Not always one that HasLegalTag accepts: some contents are
// never routed, and peer_identity only travels inside others (5.3).
Tag SenderTag(const Content& content);

// 5.2: what every message that reaches the gossip handlers must pass. Never asked of messages embedded in others, of
// acknowledgements and of private data.
bool HasLegalTag(const Message& message);

// 5.1.
inline bool IsChannelRestricted(Tag tag) {
  return tag == Tag::kChannelOnly || tag == Tag::kChannelAndOrg || tag == Tag::kChannelOrOrg;
}
inline bool IsOrgRestricted(Tag tag) { return tag == Tag::kOrgOnly || tag == Tag::kChannelAndOrg; }

// 12.
bool IsPullMessage(const Message& message);
PullType PullTypeOf(const Message& message);  // kUndefined if it is no pull message
bool IsRemoteStateMessage(const Message& message);
bool IsPrivateDataMessage(const Message& message);
bool IsDiscoveryMessage(const Message& message);

}  // namespace grapevine::wire

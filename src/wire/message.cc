#include "wire/message.h"

#include <array>
#include <utility>

#include "wire/tag.h"

namespace grapevine::wire {

const char* ToString(DecodeError error) {
  switch (error) {
    case DecodeError::kMalformedEnvelope:
      return "malformed_envelope";
    case DecodeError::kMalformedMessage:
      return "malformed_message";
    case DecodeError::kTooManyElements:
      return "too_many_elements";
    case DecodeError::kNoContent:
      return "no_content";
    case DecodeError::kNoMembership:
      return "no_membership";
    case DecodeError::kNoTimestamp:
      return "no_timestamp";
    case DecodeError::kNoPkiId:
      return "no_pki_id";
    case DecodeError::kBadPkiId:
      return "bad_pki_id";
    case DecodeError::kNoIdentity:
      return "no_identity";
    case DecodeError::kNoPayload:
      return "no_payload";
    case DecodeError::kNoSelfInformation:
      return "no_self_information";
    case DecodeError::kNoDigest:
      return "no_digest";
  }
  return "unknown";
}

Message NewMessage(Content content, std::string channel, std::uint64_t nonce) {
  const Tag tag = SenderTag(content);
  return {.nonce = nonce, .channel = std::move(channel), .tag = tag, .content = std::move(content)};
}

const char* TypeName(const Content& content) {
  static constexpr std::array<const char*, std::variant_size_v<Content>> kNames = {"alive_msg",
                                                                                   "mem_req",
                                                                                   "mem_res",
                                                                                   "data_msg",
                                                                                   "hello",
                                                                                   "data_dig",
                                                                                   "data_req",
                                                                                   "data_update",
                                                                                   "empty",
                                                                                   "conn",
                                                                                   "state_info",
                                                                                   "state_snapshot",
                                                                                   "state_info_pull_req",
                                                                                   "state_request",
                                                                                   "state_response",
                                                                                   "leadership_msg",
                                                                                   "peer_identity",
                                                                                   "ack",
                                                                                   "privateReq",
                                                                                   "privateRes",
                                                                                   "private_data"};
  return kNames[content.index()];
}

}  // namespace grapevine::wire

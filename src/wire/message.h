// The messages of the gossip protocol as validated values (specification 01, section 4).
//
// DecodeMessage is the only way from remote bytes to these types: behind it no code asks whether a required part is
// there. Byte strings are slices of the received buffer. Messages embedded in others stay envelopes: their split is
// checked, their payload is decoded by whoever wants it, after recognising a duplicate.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "wire/decode_error.h"
#include "wire/envelope.h"
#include "wire/pki_id.h"

namespace grapevine::wire {

// Who may see a message (5.1). A received message may hold a value that is not listed here.
enum class Tag : std::int32_t {
  kUndefined = 0,
  kEmpty = 1,
  kOrgOnly = 2,
  kChannelOnly = 3,
  kChannelAndOrg = 4,
  kChannelOrOrg = 5
};

// Also here other values may be received.
enum class PullType : std::int32_t { kUndefined = 0, kBlock = 1, kIdentity = 2 };

// Logical time (8.1): incarnation of the sender's module, then a counter.
struct PeerTime {
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;

  friend auto operator<=>(const PeerTime&, const PeerTime&) = default;
};

struct Member {
  std::string endpoint{};  // external; may be empty
  base::Bytes metadata{};
  PkiId pki_id{};
};

struct AliveMessage {
  Member membership{};
  PeerTime timestamp{};
  base::Bytes identity{};  // only shortly after the sender's start
};

struct MembershipRequest {
  Envelope self_information{};  // alive message of the requester
};

struct MembershipResponse {
  std::vector<Envelope> alive{};  // alive messages; the responder's own is last
  std::vector<Envelope> dead{};
};

// A block on its way.
struct BlockPayload {
  std::uint64_t number = 0;
  base::Bytes block{};                      // serialised common.Block
  std::vector<base::Bytes> private_data{};  // serialised gossip.PvtDataPayload; in state responses only
};

struct DataMessage {
  BlockPayload payload{};
};

struct PullHello {
  std::uint64_t nonce = 0;
  PullType type = PullType::kUndefined;
};

struct PullDigest {
  std::uint64_t nonce = 0;
  std::vector<base::Bytes> digests{};  // PKI-IDs, or block numbers in decimal (4.3)
  PullType type = PullType::kUndefined;
};

struct PullRequest {
  std::uint64_t nonce = 0;
  std::vector<base::Bytes> digests{};
  PullType type = PullType::kUndefined;
};

struct PullUpdate {
  std::uint64_t nonce = 0;
  std::vector<Envelope> data{};  // peer_identity or data_msg
  PullType type = PullType::kUndefined;
};

struct ConnEstablish {
  PkiId pki_id{};
  base::Bytes identity{};
  base::Bytes tls_cert_hash{};
  bool probe = false;
};

struct Chaincode {
  std::string name{};
  std::string version{};
  base::Bytes metadata{};
};

struct Properties {
  std::uint64_t ledger_height = 0;
  bool left_channel = false;
  std::vector<Chaincode> chaincodes{};
};

struct StateInfo {
  PeerTime timestamp{};
  PkiId pki_id{};
  base::Bytes channel_mac{};
  std::optional<Properties> properties{};  // absent: no information
};

struct StateInfoSnapshot {
  std::vector<Envelope> elements{};  // state_info
};

struct StateInfoPullRequest {
  base::Bytes channel_mac{};
};

// Blocks `start` to `end`, both included.
struct StateRequest {
  std::uint64_t start = 0;
  std::uint64_t end = 0;

  // Whether a responder answers: not reversed, at most batch_size + 1 blocks (4.4). The sum wraps as Fabric's does: a
  // range at the very end of the numbers is refused.
  bool IsServable(std::uint64_t batch_size) const { return start <= end && end <= start + batch_size; }
};

struct StateResponse {
  std::vector<BlockPayload> payloads{};
};

struct LeadershipMessage {
  PkiId pki_id{};
  PeerTime timestamp{};
  bool is_declaration = false;  // otherwise a proposal
};

struct PeerIdentity {
  PkiId pki_id{};
  base::Bytes identity{};  // field `cert`: serialised msp.SerializedIdentity
  base::Bytes metadata{};
};

struct Acknowledgement {
  std::string error{};  // empty: success
};

struct PrivateDataDigest {
  std::string tx_id{};  // empty in reconciliation
  std::string chaincode{};
  std::string collection{};
  std::uint64_t block = 0;
  std::uint64_t tx_in_block = 0;

  friend auto operator<=>(const PrivateDataDigest&, const PrivateDataDigest&) = default;
};

struct PrivateDataRequest {
  std::vector<PrivateDataDigest> digests{};
};

struct PrivateDataElement {
  PrivateDataDigest digest{};
  std::vector<base::Bytes> rwsets{};  // serialised kvrwset.KVRWSet
};

struct PrivateDataResponse {
  std::vector<PrivateDataElement> elements{};
};

struct PrivateDataMessage {
  std::string collection{};
  std::string chaincode{};
  std::string tx_id{};
  base::Bytes rwset{};  // serialised kvrwset.KVRWSet
  std::uint64_t simulation_height = 0;
  base::Bytes collection_configs{};  // serialised protos.CollectionConfigPackage, not looked into
};

// Not sent by current peers.
struct Empty {};

// One alternative per member of the oneof `content`, in the order of their field numbers 5 to 25.
using Content = std::variant<AliveMessage, MembershipRequest, MembershipResponse, DataMessage, PullHello, PullDigest,
                             PullRequest, PullUpdate, Empty, ConnEstablish, StateInfo, StateInfoSnapshot,
                             StateInfoPullRequest, StateRequest, StateResponse, LeadershipMessage, PeerIdentity,
                             Acknowledgement, PrivateDataRequest, PrivateDataResponse, PrivateDataMessage>;

struct Message {
  std::uint64_t nonce = 0;
  std::string channel{};  // empty: not about a channel, or about one that only a MAC names
  Tag tag = Tag::kUndefined;
  Content content{};

  // The content if it is a T, else null.
  template <typename T>
  const T* As() const {
    return std::get_if<T>(&content);
  }
};

// What one message may make a receiver allocate.
struct DecodeLimits {
  std::size_t max_elements = 100000;  // of all lists of one message together
};

// Decodes and validates the payload of an envelope. The result shares the payload's buffer.
std::expected<Message, DecodeError> DecodeMessage(const base::Bytes& payload, const DecodeLimits& limits = {});

// A message as senders make it: with the tag of section 4 for its content.
Message NewMessage(Content content, std::string channel = {}, std::uint64_t nonce = 0);
// The payload of an envelope: fields in ascending order, defaults left out.
base::Bytes EncodeMessage(const Message& message);
// Encoded and without signature, for the types that are not signed (6.3).
Envelope UnsignedEnvelope(const Message& message);

// The member of the oneof, as in the schema: "alive_msg".
const char* TypeName(const Content& content);

}  // namespace grapevine::wire

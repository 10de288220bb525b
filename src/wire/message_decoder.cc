#include "wire/field_reader.h"
#include "wire/message.h"

namespace grapevine::wire {

namespace {

// Decodes one message. Each Read merges an encoding into a value, so that a message field that occurs twice means what
// protocol buffers say; each Finish checks the required parts once everything is read. Read returns false and sets
// error_ for what is malformed.
class Decoder {
 public:
  Decoder(const base::Bytes& buffer, const DecodeLimits& limits) : buffer_(buffer), limits_(limits) {}

  std::expected<Message, DecodeError> Decode() {
    FieldReader reader(buffer_);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsVarint(1)) {
        message_.nonce = field.integer;
      } else if (field.IsBytes(2)) {
        message_.channel = field.bytes;
      } else if (field.IsVarint(3)) {
        message_.tag = static_cast<Tag>(static_cast<std::int32_t>(field.integer));
      } else if (field.type == WireType::kBytes && !ReadContent(field.number, field.bytes)) {
        return std::unexpected(error_);
      }
    }
    if (reader.malformed()) return std::unexpected(DecodeError::kMalformedMessage);
    if (!has_content_) return std::unexpected(DecodeError::kNoContent);
    if (!std::visit([this](auto& content) { return Finish(content); }, message_.content)) {
      return std::unexpected(error_);
    }
    return std::move(message_);
  }

 private:
  // Parts of the content that Finish asks for.
  struct Seen {
    bool membership = false;
    bool timestamp = false;
    bool payload = false;
    bool self_information = false;
    base::ByteView pki_id;
  };

  bool Refuse(DecodeError error) {
    error_ = error;
    return false;
  }
  bool Wellformed(const FieldReader& reader) { return !reader.malformed() || Refuse(DecodeError::kMalformedMessage); }

  // Fields 5 to 25 are the alternatives of Content, in order; others are unknown.
  template <std::size_t kIndex = 0>
  bool ReadContent(std::uint32_t number, base::ByteView encoded) {
    if constexpr (kIndex == std::variant_size_v<Content>) {
      return true;
    } else {
      return number == 5 + kIndex ? ReadAs<kIndex>(encoded) : ReadContent<kIndex + 1>(number, encoded);
    }
  }

  template <std::size_t kIndex>
  bool ReadAs(base::ByteView encoded) {
    if (!has_content_ || message_.content.index() != kIndex) {
      message_.content.emplace<kIndex>();
      seen_ = {};
      has_content_ = true;
    }
    return Read(encoded, std::get<kIndex>(message_.content));
  }

  base::Bytes Slice(base::ByteView part) const { return buffer_.Slice(part); }

  bool Text(base::ByteView bytes, std::string& text) {
    if (!IsUtf8(bytes)) return Refuse(DecodeError::kMalformedMessage);
    text = bytes;
    return true;
  }

  bool CountElement() { return ++elements_ <= limits_.max_elements || Refuse(DecodeError::kTooManyElements); }

  bool AddBytes(base::ByteView element, std::vector<base::Bytes>& list) {
    if (!CountElement()) return false;
    list.push_back(Slice(element));
    return true;
  }

  bool ReadEnvelope(base::ByteView encoded, Envelope& out) {
    auto envelope = Envelope::Decode(Slice(encoded));
    if (!envelope) return Refuse(DecodeError::kMalformedMessage);
    out = std::move(*envelope);
    return true;
  }

  bool AddEnvelope(base::ByteView element, std::vector<Envelope>& list) {
    return CountElement() && ReadEnvelope(element, list.emplace_back());
  }

  template <typename T>
  bool Add(base::ByteView element, std::vector<T>& list) {
    return CountElement() && Read(element, list.emplace_back());
  }

  bool Read(base::ByteView encoded, PeerTime& time) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsVarint(1)) time.incarnation = reader.field().integer;
      if (reader.field().IsVarint(2)) time.sequence = reader.field().integer;
    }
    seen_.timestamp = true;
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, Member& member) {
    seen_.membership = true;
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(1) && !Text(field.bytes, member.endpoint)) return false;
      if (field.IsBytes(2)) member.metadata = Slice(field.bytes);
      if (field.IsBytes(3)) seen_.pki_id = field.bytes;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, AliveMessage& alive) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(1) && !Read(field.bytes, alive.membership)) return false;
      if (field.IsBytes(2) && !Read(field.bytes, alive.timestamp)) return false;
      if (field.IsBytes(4)) alive.identity = Slice(field.bytes);
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, MembershipRequest& request) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (!reader.field().IsBytes(1)) continue;
      if (!ReadEnvelope(reader.field().bytes, request.self_information)) return false;
      seen_.self_information = true;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, MembershipResponse& response) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(1) && !AddEnvelope(reader.field().bytes, response.alive)) return false;
      if (reader.field().IsBytes(2) && !AddEnvelope(reader.field().bytes, response.dead)) return false;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, BlockPayload& payload) {
    seen_.payload = true;
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsVarint(1)) payload.number = field.integer;
      if (field.IsBytes(2)) payload.block = Slice(field.bytes);
      if (field.IsBytes(3) && !AddBytes(field.bytes, payload.private_data)) return false;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, DataMessage& data) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(1) && !Read(reader.field().bytes, data.payload)) return false;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, PullHello& hello) {
    FieldReader reader(encoded);
    while (reader.Next()) ReadPullField(reader.field(), hello);
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, PullDigest& digest) { return ReadDigests(encoded, digest); }
  bool Read(base::ByteView encoded, PullRequest& request) { return ReadDigests(encoded, request); }

  template <typename T>
  bool ReadDigests(base::ByteView encoded, T& pull) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(2) && !AddBytes(reader.field().bytes, pull.digests)) return false;
      ReadPullField(reader.field(), pull);
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, PullUpdate& update) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(2) && !AddEnvelope(reader.field().bytes, update.data)) return false;
      ReadPullField(reader.field(), update);
    }
    return Wellformed(reader);
  }

  template <typename T>
  void ReadPullField(const Field& field, T& pull) {
    if (field.IsVarint(1)) pull.nonce = field.integer;
    if (field.IsVarint(3)) pull.type = static_cast<PullType>(static_cast<std::int32_t>(field.integer));
  }

  bool Read(base::ByteView encoded, Empty&) {
    FieldReader reader(encoded);
    while (reader.Next()) {
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, ConnEstablish& conn) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(1)) seen_.pki_id = field.bytes;
      if (field.IsBytes(2)) conn.identity = Slice(field.bytes);
      if (field.IsBytes(3)) conn.tls_cert_hash = Slice(field.bytes);
      if (field.IsVarint(4)) conn.probe = field.integer != 0;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, Chaincode& chaincode) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(1) && !Text(field.bytes, chaincode.name)) return false;
      if (field.IsBytes(2) && !Text(field.bytes, chaincode.version)) return false;
      if (field.IsBytes(3)) chaincode.metadata = Slice(field.bytes);
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, Properties& properties) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsVarint(1)) properties.ledger_height = field.integer;
      if (field.IsVarint(2)) properties.left_channel = field.integer != 0;
      if (field.IsBytes(3) && !Add(field.bytes, properties.chaincodes)) return false;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, StateInfo& info) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(2) && !Read(field.bytes, info.timestamp)) return false;
      if (field.IsBytes(3)) seen_.pki_id = field.bytes;
      if (field.IsBytes(4)) info.channel_mac = Slice(field.bytes);
      if (field.IsBytes(5)) {
        if (!info.properties) info.properties.emplace();
        if (!Read(field.bytes, *info.properties)) return false;
      }
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, StateInfoSnapshot& snapshot) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(1) && !AddEnvelope(reader.field().bytes, snapshot.elements)) return false;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, StateInfoPullRequest& request) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(1)) request.channel_mac = Slice(reader.field().bytes);
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, StateRequest& request) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsVarint(1)) request.start = reader.field().integer;
      if (reader.field().IsVarint(2)) request.end = reader.field().integer;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, StateResponse& response) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(1) && !Add(reader.field().bytes, response.payloads)) return false;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, LeadershipMessage& leadership) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(1)) seen_.pki_id = field.bytes;
      if (field.IsBytes(2) && !Read(field.bytes, leadership.timestamp)) return false;
      if (field.IsVarint(3)) leadership.is_declaration = field.integer != 0;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, PeerIdentity& identity) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(1)) seen_.pki_id = field.bytes;
      if (field.IsBytes(2)) identity.identity = Slice(field.bytes);
      if (field.IsBytes(3)) identity.metadata = Slice(field.bytes);
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, Acknowledgement& ack) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(1) && !Text(reader.field().bytes, ack.error)) return false;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, PrivateDataDigest& digest) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(1) && !Text(field.bytes, digest.tx_id)) return false;
      if (field.IsBytes(2) && !Text(field.bytes, digest.chaincode)) return false;
      if (field.IsBytes(3) && !Text(field.bytes, digest.collection)) return false;
      if (field.IsVarint(4)) digest.block = field.integer;
      if (field.IsVarint(5)) digest.tx_in_block = field.integer;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, PrivateDataRequest& request) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(1) && !Add(reader.field().bytes, request.digests)) return false;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, PrivateDataElement& element) {
    bool has_digest = false;
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(1)) {
        if (!Read(field.bytes, element.digest)) return false;
        has_digest = true;
      }
      if (field.IsBytes(2) && !AddBytes(field.bytes, element.rwsets)) return false;
    }
    every_element_has_digest_ = every_element_has_digest_ && has_digest;
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, PrivateDataResponse& response) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(1) && !Add(reader.field().bytes, response.elements)) return false;
    }
    return Wellformed(reader);
  }

  bool Read(base::ByteView encoded, PrivateDataMessage& message) {
    FieldReader reader(encoded);
    while (reader.Next()) {
      if (reader.field().IsBytes(1) && !ReadPrivatePayload(reader.field().bytes, message)) return false;
    }
    return Wellformed(reader);
  }

  bool ReadPrivatePayload(base::ByteView encoded, PrivateDataMessage& message) {
    seen_.payload = true;
    FieldReader reader(encoded);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes(1) && !Text(field.bytes, message.collection)) return false;
      if (field.IsBytes(2) && !Text(field.bytes, message.chaincode)) return false;
      if (field.IsBytes(3) && !Text(field.bytes, message.tx_id)) return false;
      if (field.IsBytes(4)) message.rwset = Slice(field.bytes);
      if (field.IsVarint(5)) message.simulation_height = field.integer;
      if (field.IsBytes(6)) message.collection_configs = Slice(field.bytes);
    }
    return Wellformed(reader);
  }

  bool FinishPkiId(PkiId& out) {
    if (seen_.pki_id.empty()) return Refuse(DecodeError::kNoPkiId);
    const auto pki_id = PkiId::From(seen_.pki_id);
    if (!pki_id) return Refuse(DecodeError::kBadPkiId);
    out = *pki_id;
    return true;
  }
  bool FinishTimestamp() { return seen_.timestamp || Refuse(DecodeError::kNoTimestamp); }

  bool Finish(AliveMessage& alive) {
    if (!seen_.membership) return Refuse(DecodeError::kNoMembership);
    return FinishTimestamp() && FinishPkiId(alive.membership.pki_id);
  }
  bool Finish(MembershipRequest&) { return seen_.self_information || Refuse(DecodeError::kNoSelfInformation); }
  bool Finish(DataMessage&) { return seen_.payload || Refuse(DecodeError::kNoPayload); }
  bool Finish(PrivateDataMessage&) { return seen_.payload || Refuse(DecodeError::kNoPayload); }
  bool Finish(PrivateDataResponse&) { return every_element_has_digest_ || Refuse(DecodeError::kNoDigest); }
  bool Finish(ConnEstablish& conn) {
    return FinishPkiId(conn.pki_id) && (!conn.identity.empty() || Refuse(DecodeError::kNoIdentity));
  }
  bool Finish(StateInfo& info) { return FinishTimestamp() && FinishPkiId(info.pki_id); }
  bool Finish(LeadershipMessage& leadership) { return FinishTimestamp() && FinishPkiId(leadership.pki_id); }
  bool Finish(PeerIdentity& identity) {
    return FinishPkiId(identity.pki_id) && (!identity.identity.empty() || Refuse(DecodeError::kNoIdentity));
  }
  template <typename T>
  bool Finish(T&) {
    return true;
  }

  const base::Bytes& buffer_;
  const DecodeLimits& limits_;
  Message message_;
  bool has_content_ = false;
  Seen seen_;
  bool every_element_has_digest_ = true;
  std::size_t elements_ = 0;
  DecodeError error_ = DecodeError::kMalformedMessage;
};

}  // namespace

std::expected<Message, DecodeError> DecodeMessage(const base::Bytes& payload, const DecodeLimits& limits) {
  return Decoder(payload, limits).Decode();
}

}  // namespace grapevine::wire

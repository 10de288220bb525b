#include "wire/field_writer.h"
#include "wire/message.h"

namespace grapevine::wire {

namespace {

void WriteElements(FieldWriter& writer, std::uint32_t number, const std::vector<base::Bytes>& elements) {
  for (const base::Bytes& element : elements) writer.Element(number, element);
}

void WriteElements(FieldWriter& writer, std::uint32_t number, const std::vector<Envelope>& elements) {
  constexpr std::size_t kTagAndSize = 6;
  std::size_t bytes = 0;
  for (const Envelope& element : elements) bytes += element.encoded().size() + kTagAndSize;
  writer.Reserve(bytes);
  for (const Envelope& element : elements) writer.Element(number, element.encoded());
}

template <typename Enum>
std::uint64_t EnumValue(Enum value) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));  // negative ones are sign-extended
}

std::string Encode(const PeerTime& time) {
  return FieldWriter().Integer(1, time.incarnation).Integer(2, time.sequence).Take();
}

std::string Encode(const AliveMessage& alive) {
  const Member& member = alive.membership;
  return FieldWriter()
      .Element(1,
               FieldWriter().Bytes(1, member.endpoint).Bytes(2, member.metadata).Bytes(3, member.pki_id.view()).Take())
      .Element(2, Encode(alive.timestamp))
      .Bytes(4, alive.identity)
      .Take();
}

std::string Encode(const MembershipRequest& request) {
  return FieldWriter().Element(1, request.self_information.encoded()).Take();
}

std::string Encode(const MembershipResponse& response) {
  FieldWriter writer;
  WriteElements(writer, 1, response.alive);
  WriteElements(writer, 2, response.dead);
  return writer.Take();
}

std::string Encode(const BlockPayload& payload) {
  FieldWriter writer;
  writer.Integer(1, payload.number).Bytes(2, payload.block);
  WriteElements(writer, 3, payload.private_data);
  return writer.Take();
}

std::string Encode(const DataMessage& data) { return FieldWriter().Element(1, Encode(data.payload)).Take(); }

std::string Encode(const PullHello& hello) {
  return FieldWriter().Integer(1, hello.nonce).Integer(3, EnumValue(hello.type)).Take();
}

template <typename List>
std::string EncodePull(std::uint64_t nonce, const List& list, PullType type) {
  FieldWriter writer;
  writer.Integer(1, nonce);
  WriteElements(writer, 2, list);
  return writer.Integer(3, EnumValue(type)).Take();
}

std::string Encode(const PullDigest& digest) { return EncodePull(digest.nonce, digest.digests, digest.type); }
std::string Encode(const PullRequest& request) { return EncodePull(request.nonce, request.digests, request.type); }
std::string Encode(const PullUpdate& update) { return EncodePull(update.nonce, update.data, update.type); }

std::string Encode(const Empty&) { return {}; }

std::string Encode(const ConnEstablish& conn) {
  return FieldWriter()
      .Bytes(1, conn.pki_id.view())
      .Bytes(2, conn.identity)
      .Bytes(3, conn.tls_cert_hash)
      .Integer(4, conn.probe ? 1 : 0)
      .Take();
}

std::string Encode(const Properties& properties) {
  FieldWriter writer;
  writer.Integer(1, properties.ledger_height).Integer(2, properties.left_channel ? 1 : 0);
  for (const Chaincode& chaincode : properties.chaincodes) {
    writer.Element(
        3, FieldWriter().Bytes(1, chaincode.name).Bytes(2, chaincode.version).Bytes(3, chaincode.metadata).Take());
  }
  return writer.Take();
}

std::string Encode(const StateInfo& info) {
  FieldWriter writer;
  writer.Element(2, Encode(info.timestamp)).Bytes(3, info.pki_id.view()).Bytes(4, info.channel_mac);
  if (info.properties) writer.Element(5, Encode(*info.properties));
  return writer.Take();
}

std::string Encode(const StateInfoSnapshot& snapshot) {
  FieldWriter writer;
  WriteElements(writer, 1, snapshot.elements);
  return writer.Take();
}

std::string Encode(const StateInfoPullRequest& request) { return FieldWriter().Bytes(1, request.channel_mac).Take(); }

std::string Encode(const StateRequest& request) {
  return FieldWriter().Integer(1, request.start).Integer(2, request.end).Take();
}

std::string Encode(const StateResponse& response) {
  FieldWriter writer;
  for (const BlockPayload& payload : response.payloads) writer.Element(1, Encode(payload));
  return writer.Take();
}

std::string Encode(const LeadershipMessage& leadership) {
  return FieldWriter()
      .Bytes(1, leadership.pki_id.view())
      .Element(2, Encode(leadership.timestamp))
      .Integer(3, leadership.is_declaration ? 1 : 0)
      .Take();
}

std::string Encode(const PeerIdentity& identity) {
  return FieldWriter().Bytes(1, identity.pki_id.view()).Bytes(2, identity.identity).Bytes(3, identity.metadata).Take();
}

std::string Encode(const Acknowledgement& ack) { return FieldWriter().Bytes(1, ack.error).Take(); }

std::string Encode(const PrivateDataDigest& digest) {
  return FieldWriter()
      .Bytes(1, digest.tx_id)
      .Bytes(2, digest.chaincode)
      .Bytes(3, digest.collection)
      .Integer(4, digest.block)
      .Integer(5, digest.tx_in_block)
      .Take();
}

std::string Encode(const PrivateDataRequest& request) {
  FieldWriter writer;
  for (const PrivateDataDigest& digest : request.digests) writer.Element(1, Encode(digest));
  return writer.Take();
}

std::string Encode(const PrivateDataResponse& response) {
  FieldWriter writer;
  for (const PrivateDataElement& element : response.elements) {
    FieldWriter inner;
    inner.Element(1, Encode(element.digest));
    WriteElements(inner, 2, element.rwsets);
    writer.Element(1, inner.Take());
  }
  return writer.Take();
}

std::string Encode(const PrivateDataMessage& message) {
  FieldWriter payload;
  payload.Bytes(1, message.collection).Bytes(2, message.chaincode).Bytes(3, message.tx_id).Bytes(4, message.rwset);
  payload.Integer(5, message.simulation_height).Bytes(6, message.collection_configs);
  return FieldWriter().Element(1, payload.Take()).Take();
}

}  // namespace

base::Bytes EncodeMessage(const Message& message) {
  const auto content_number = static_cast<std::uint32_t>(5 + message.content.index());
  return base::Bytes(
      FieldWriter()
          .Integer(1, message.nonce)
          .Bytes(2, message.channel)
          .Integer(3, EnumValue(message.tag))
          .Element(content_number, std::visit([](const auto& content) { return Encode(content); }, message.content))
          .Take());
}

Envelope UnsignedEnvelope(const Message& message) { return Envelope::Make(EncodeMessage(message)); }

}  // namespace grapevine::wire

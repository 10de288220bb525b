// Every message recorded off the wire of Fabric peers decodes, is validated and is encoded to the same bytes.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "crypto/hash.h"
#include "gossip/message.pb.h"
#include "support/fixtures.h"
#include "wire/envelope.h"
#include "wire/message.h"
#include "wire/tag.h"

namespace grapevine::wire {
namespace {

using nlohmann::json;
using testing::ReadFixture;
using testing::ReadFixtureJson;

// Names of contents in the index and in the schema differ where the index tells variants apart.
bool IsType(const std::string& index_type, const Message& message) {
  const std::string name = message.As<LeadershipMessage>() != nullptr ? "leadership" : TypeName(message.content);
  return index_type == name || index_type.starts_with(name + "_");
}

void ExpectSameBytesAgain(const Envelope& envelope) {
  EXPECT_EQ(Envelope::Make(envelope.payload(), envelope.signature(), envelope.secret()), envelope);
  const auto message = DecodeMessage(envelope.payload());
  ASSERT_TRUE(message) << ToString(message.error());
  EXPECT_EQ(EncodeMessage(*message), envelope.payload());
}

// Envelopes inside a message.
std::vector<Envelope> Embedded(const Message& message) {
  std::vector<Envelope> embedded;
  const auto append = [&embedded](const std::vector<Envelope>& more) {
    embedded.insert(embedded.end(), more.begin(), more.end());
  };
  if (const auto* request = message.As<MembershipRequest>()) embedded.push_back(request->self_information);
  if (const auto* response = message.As<MembershipResponse>()) append(response->alive), append(response->dead);
  if (const auto* update = message.As<PullUpdate>()) append(update->data);
  if (const auto* snapshot = message.As<StateInfoSnapshot>()) append(snapshot->elements);
  return embedded;
}

TEST(CapturesTest, EveryCaptureDecodesAndIsReproducedByteByByte) {
  std::set<std::size_t> contents;
  const json index = ReadFixtureJson("captures/index.json");
  for (const json& capture : index.at("messages")) {
    SCOPED_TRACE(capture.at("name").get<std::string>());
    const auto envelope =
        Envelope::Decode(base::Bytes(ReadFixture("captures/" + capture.at("file").get<std::string>())));
    ASSERT_TRUE(envelope);
    EXPECT_EQ(crypto::Sha256(envelope->encoded()).ToHex(), capture.at("sha256").get<std::string>());
    ExpectSameBytesAgain(*envelope);

    const auto message = DecodeMessage(envelope->payload());
    ASSERT_TRUE(message);
    contents.insert(message->content.index());
    EXPECT_TRUE(IsType(capture.at("type").get<std::string>(), *message));
    EXPECT_EQ(message->channel, capture.at("channel").get<std::string>());
    EXPECT_EQ(static_cast<int>(message->tag), capture.at("tag_number"));
    EXPECT_EQ(std::to_string(message->nonce), capture.at("nonce").get<std::string>());
    EXPECT_EQ(envelope->is_signed(), capture.at("signed"));
    EXPECT_EQ(envelope->secret().has_value(), capture.at("secret_envelope"));
    EXPECT_EQ(HasLegalTag(*message), capture.at("tag_check") == "legal") << capture.at("tag_check");
    EXPECT_EQ(message->tag, SenderTag(message->content));
    for (const Envelope& embedded : Embedded(*message)) ExpectSameBytesAgain(embedded);
  }
  EXPECT_EQ(contents.size(), std::variant_size_v<Content> - 1) << "all contents but `empty` were recorded";
}

// The decoded form that Fabric's library gave agrees with ours, field by field, through the schema.
TEST(CapturesTest, InternalEndpointsAndAliveFieldsAreThoseThatFabricRead) {
  int with_secret = 0;
  const json index = ReadFixtureJson("captures/index.json");
  for (const json& capture : index.at("messages")) {
    if (capture.at("type") != "alive_msg") continue;
    const std::string name = capture.at("name");
    SCOPED_TRACE(name);
    const Envelope envelope = *Envelope::Decode(base::Bytes(ReadFixture("captures/" + name + ".bin")));
    const json decoded = ReadFixtureJson("captures/" + name + ".json");
    const json& alive_json = decoded.at("message").at("alive_msg");
    const Message message = *DecodeMessage(envelope.payload());
    const auto* alive = message.As<AliveMessage>();
    EXPECT_EQ(alive->membership.endpoint, alive_json.at("membership").value("endpoint", ""));
    EXPECT_EQ(std::to_string(alive->timestamp.incarnation),
              alive_json.at("timestamp").at("inc_num").get<std::string>());
    EXPECT_EQ(std::to_string(alive->timestamp.sequence), alive_json.at("timestamp").at("seq_num").get<std::string>());
    EXPECT_EQ(alive->identity.empty(), !alive_json.contains("identity"));
    EXPECT_EQ(base::ToHex(envelope.signature()), decoded.at("signature").get<std::string>());
    if (decoded.contains("secret")) {
      ++with_secret;
      EXPECT_EQ(envelope.internal_endpoint(), decoded.at("secret").at("internalEndpoint").get<std::string>());
    }
  }
  EXPECT_GT(with_secret, 0);
}

TEST(CapturesTest, EveryRecordOfTheTranscriptsDecodes) {
  for (const char* name :
       {"connection-same-org", "connection-other-org", "connection-refused", "crossing-dials", "late-join"}) {
    SCOPED_TRACE(name);
    const json transcript = ReadFixtureJson(std::string("transcripts/") + name + ".json");
    const base::Bytes bytes(ReadFixture(std::string("transcripts/") + name + ".bin"));
    std::size_t envelopes = 0;
    for (const json& record : transcript.at("records")) {
      if (!record.contains("offset")) continue;  // an event
      ++envelopes;
      SCOPED_TRACE(record.dump());
      const auto envelope = Envelope::Decode(bytes.Slice(record.at("offset"), record.at("size")));
      ASSERT_TRUE(envelope);
      EXPECT_EQ(crypto::Sha256(envelope->encoded()).ToHex(), record.at("sha256").get<std::string>());
      ExpectSameBytesAgain(*envelope);
      const auto message = DecodeMessage(envelope->payload());
      ASSERT_TRUE(message);
      EXPECT_TRUE(IsType(record.at("type").get<std::string>(), *message));
      EXPECT_EQ(static_cast<int>(message->tag), record.at("tag"));
      EXPECT_EQ(std::to_string(message->nonce), record.at("nonce").get<std::string>());
      EXPECT_EQ(message->channel, record.at("channel").get<std::string>());
      EXPECT_EQ(envelope->is_signed(), record.at("signed"));
    }
    EXPECT_GT(envelopes, 0U);
  }
}

TEST(CapturesTest, HandshakesBindTheTlsCertificatesOfTheirStream) {
  const json handshakes = ReadFixtureJson("handshakes/index.json");
  for (const json& handshake : handshakes) {
    SCOPED_TRACE(handshake.at("name").get<std::string>());
    for (const std::string side : {"initiator", "responder"}) {
      const auto file = [&](const std::string& what) {
        return ReadFixture("handshakes/" + handshake.at(side + what).at("file").get<std::string>());
      };
      const auto envelope = Envelope::Decode(base::Bytes(file("_envelope")));
      ASSERT_TRUE(envelope);
      ExpectSameBytesAgain(*envelope);
      const auto message = DecodeMessage(envelope->payload());
      ASSERT_TRUE(message);
      const auto* conn = message->As<ConnEstablish>();
      ASSERT_NE(conn, nullptr);
      EXPECT_EQ(conn->tls_cert_hash.view(), crypto::Sha256(file("_tls_certificate")).view());
      EXPECT_EQ(conn->pki_id.ToHex(), handshake.at(side + "_pki_id").get<std::string>());
      if (side == "initiator") {
        EXPECT_EQ(conn->probe, handshake.at("probe"));
      }
    }
  }
}

}  // namespace
}  // namespace grapevine::wire

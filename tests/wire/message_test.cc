// Decoding, required parts, building (specification 01, sections 4, 10 and 13).
#include "wire/message.h"

#include <gtest/gtest.h>

#include "gossip/message.pb.h"
#include "wire/tag.h"

namespace grapevine::wire {
namespace {

base::Bytes Hex(const std::string& hex) { return base::Bytes(base::FromHex(hex).value()); }
using base::ToHex;

PkiId SomePkiId() { return *PkiId::From(std::string(32, '\x07')); }
const std::string kPkiIdHex(ToHex(std::string(32, '\x07')));

DecodeError ErrorOf(const std::string& hex) {
  const auto message = DecodeMessage(Hex(hex));
  EXPECT_FALSE(message) << hex;
  return message ? DecodeError{} : message.error();
}

template <typename T>
base::Bytes Serialize(const T& message) {
  return base::Bytes(message.SerializeAsString());
}

// Section 13 has one-byte values where the protocol's are longer, so the expected bytes are written with the same
// structure and a PKI-ID of 32 bytes.
TEST(MessageTest, ByteExampleOfConn) {
  const Message message = NewMessage(
      ConnEstablish{.pki_id = SomePkiId(), .identity = Hex("02"), .tls_cert_hash = Hex("03"), .probe = true});
  EXPECT_EQ(ToHex(EncodeMessage(message)), "1801722a0a20" + kPkiIdHex + "1201021a01032001");
}

TEST(MessageTest, ByteExampleOfConnByTheSchema) {
  gossip::GossipMessage message;
  message.set_tag(gossip::GossipMessage::EMPTY);
  message.mutable_conn()->set_pki_id("\x01");
  message.mutable_conn()->set_identity("\x02");
  message.mutable_conn()->set_tls_cert_hash("\x03");
  message.mutable_conn()->set_probe(true);
  EXPECT_EQ(ToHex(message.SerializeAsString()), "1801720b0a01011201021a01032001");
}

TEST(MessageTest, ByteExamplesOfBlockPull) {
  const Message hello = NewMessage(PullHello{.nonce = 7, .type = PullType::kBlock}, "ch");
  EXPECT_EQ(ToHex(EncodeMessage(hello)), "1202636818044a0408071801");
  const Message digest =
      NewMessage(PullDigest{.nonce = 7, .digests = {Hex("3130"), Hex("3131")}, .type = PullType::kBlock}, "ch");
  EXPECT_EQ(ToHex(EncodeMessage(digest)),
            "120263681804520c08071202313012023131"
            "1801");
}

TEST(MessageTest, AckHasNeitherTagNorChannel) {
  EXPECT_EQ(ToHex(EncodeMessage(NewMessage(Acknowledgement{}, {}, 5))), "0805b20100");
  EXPECT_EQ(ToHex(EncodeMessage(NewMessage(Acknowledgement{.error = "no"}, {}, 5))), "0805b201040a026e6f");
}

TEST(MessageTest, EveryContentSurvivesEncodingAndIsWhatTheSchemaReads) {
  const Envelope inner = Envelope::Make("p", "s");
  const Content contents[] = {
      AliveMessage{{"host:1", Hex("01"), SomePkiId()}, {3, 4}, Hex("05")},
      MembershipRequest{inner},
      MembershipResponse{{inner, inner}, {inner}},
      DataMessage{{9, Hex("aa"), {Hex("bb")}}},
      PullHello{1, PullType::kIdentity},
      PullDigest{1, {Hex("01"), base::Bytes()}, PullType::kIdentity},
      PullRequest{1, {Hex("01")}, PullType::kBlock},
      PullUpdate{1, {inner}, PullType::kBlock},
      Empty{},
      ConnEstablish{SomePkiId(), Hex("02"), Hex("03"), false},
      StateInfo{{1, 2}, SomePkiId(), Hex("03"), Properties{4, true, {{"cc", "1", Hex("05")}}}},
      StateInfoSnapshot{{inner}},
      StateInfoPullRequest{Hex("01")},
      StateRequest{1, 2},
      StateResponse{{{1, Hex("02"), {}}, {2, Hex("03"), {Hex("04")}}}},
      LeadershipMessage{SomePkiId(), {1, 2}, true},
      PeerIdentity{SomePkiId(), Hex("01"), Hex("02")},
      Acknowledgement{"bad"},
      PrivateDataRequest{{{"tx", "ns", "coll", 5, 6}}},
      PrivateDataResponse{{{{"tx", "ns", "coll", 5, 6}, {Hex("01"), Hex("02")}}}},
      PrivateDataMessage{"coll", "ns", "tx", Hex("01"), 7, Hex("0a00")},
  };
  static_assert(std::size(contents) == std::variant_size_v<Content>);
  for (const Content& content : contents) {
    const base::Bytes encoded = EncodeMessage(NewMessage(content, "ch", 8));
    const auto decoded = DecodeMessage(encoded);
    ASSERT_TRUE(decoded) << TypeName(content) << ": " << ToString(decoded.error());
    EXPECT_EQ(decoded->content.index(), content.index());
    EXPECT_EQ(ToHex(EncodeMessage(*decoded)), ToHex(encoded)) << TypeName(content);

    gossip::GossipMessage schema;
    ASSERT_TRUE(schema.ParseFromArray(encoded.data(), static_cast<int>(encoded.size())));
    EXPECT_EQ(ToHex(schema.SerializeAsString()), ToHex(encoded)) << TypeName(content);
    const auto* member =
        schema.GetReflection()->GetOneofFieldDescriptor(schema, schema.GetDescriptor()->FindOneofByName("content"));
    ASSERT_NE(member, nullptr);
    EXPECT_EQ(member->name(), TypeName(content));
  }
}

TEST(MessageTest, ValuesAreSlicesOfThePayload) {
  const base::Bytes encoded = EncodeMessage(NewMessage(DataMessage{{9, Hex("aabb"), {}}}, "ch"));
  const Message message = *DecodeMessage(encoded);
  const base::Bytes& block = message.As<DataMessage>()->payload.block;
  EXPECT_EQ(block.data(), encoded.data() + encoded.size() - 2);
}

// Section 10: what can crash a Go peer (D-1) and everything else that misses a required part.
TEST(MessageTest, RequiredPartsAreAskedForByName) {
  gossip::GossipMessage message;
  message.set_tag(gossip::GossipMessage::EMPTY);
  auto* alive = message.mutable_alive_msg();
  alive->mutable_timestamp();
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoMembership);
  alive->mutable_membership();
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoPkiId);
  alive->mutable_membership()->set_pki_id("short");
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kBadPkiId);
  alive->mutable_membership()->set_pki_id(std::string(32, 'x'));
  EXPECT_TRUE(DecodeMessage(Serialize(message)));
  alive->clear_timestamp();
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoTimestamp);

  message.mutable_state_info()->set_pki_id(std::string(32, 'x'));
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoTimestamp);
  message.mutable_leadership_msg()->set_pki_id(std::string(32, 'x'));
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoTimestamp);
  message.mutable_leadership_msg()->mutable_timestamp();
  message.mutable_leadership_msg()->clear_pki_id();
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoPkiId);
  message.mutable_mem_req();
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoSelfInformation);
  message.mutable_data_msg();
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoPayload);
  message.mutable_private_data();
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoPayload);
  message.mutable_privateres()->add_elements();
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoDigest);
  message.mutable_conn()->set_pki_id(std::string(32, 'x'));
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoIdentity);
  message.mutable_peer_identity()->set_pki_id(std::string(32, 'x'));
  EXPECT_EQ(DecodeMessage(Serialize(message)).error(), DecodeError::kNoIdentity);
}

TEST(MessageTest, StateInfoWithoutPropertiesIsNoInformation) {
  gossip::GossipMessage message;
  message.mutable_state_info()->set_pki_id(std::string(32, 'x'));
  message.mutable_state_info()->mutable_timestamp();
  const auto decoded = DecodeMessage(Serialize(message));
  ASSERT_TRUE(decoded);
  EXPECT_FALSE(decoded->As<StateInfo>()->properties);
}

TEST(MessageTest, NoContentAndUnknownContentAreDroppedNotFatal) {
  EXPECT_EQ(ErrorOf(""), DecodeError::kNoContent);
  EXPECT_EQ(ErrorOf("1801"), DecodeError::kNoContent);
  EXPECT_EQ(ErrorOf("1801d20100"), DecodeError::kNoContent);  // member 26
  EXPECT_EQ(ErrorOf("2801"), DecodeError::kNoContent);        // alive_msg as an integer
  EXPECT_FALSE(EndsStream(DecodeError::kNoContent));
}

TEST(MessageTest, MalformedPayloadEndsTheStream) {
  for (const char* hex : {"18", "2a05", "2a020a05", "720212ff", "6a0180",
                          "b20103"
                          "0a01ff"}) {
    EXPECT_EQ(ErrorOf(hex), DecodeError::kMalformedMessage) << hex;
  }
  EXPECT_TRUE(EndsStream(DecodeError::kMalformedMessage));
}

TEST(MessageTest, AMalformedEmbeddedEnvelopeMakesTheMessageMalformed) {
  gossip::GossipMessage message;
  message.mutable_state_snapshot()->add_elements()->set_payload("not looked into");
  EXPECT_TRUE(DecodeMessage(Serialize(message)));
  EXPECT_EQ(ErrorOf("8201030a0105"), DecodeError::kMalformedMessage);
}

TEST(MessageTest, UnknownFieldsAreIgnoredAtEveryLevel) {
  // membership, timestamp and the message itself have a field 99.
  const std::string unknown = "9a06027878";
  const std::string member =
      "0a27"
      "1a20" +
      kPkiIdHex + unknown;
  const std::string time = "1205" + unknown;
  const auto decoded =
      DecodeMessage(Hex("18012a"
                        "35" +
                        member + time + unknown + unknown));
  ASSERT_TRUE(decoded) << ToString(decoded.error());
  EXPECT_EQ(decoded->As<AliveMessage>()->membership.pki_id, SomePkiId());
}

TEST(MessageTest, TheLastContentCountsAndTheSameContentTwiceIsMerged) {
  // hello{nonce 1}, then state_request{start 1}, then state_request{end 2}
  const auto decoded =
      DecodeMessage(Hex("4a020801"
                        "9201020801"
                        "9201021002"));
  ASSERT_TRUE(decoded);
  const auto* request = decoded->As<StateRequest>();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->start, 1U);
  EXPECT_EQ(request->end, 2U);
  // Parts of a content that another one replaced do not count.
  gossip::GossipMessage first;
  first.mutable_alive_msg()->mutable_timestamp();
  gossip::GossipMessage second;
  second.mutable_state_info()->set_pki_id(std::string(32, 'x'));
  EXPECT_EQ(DecodeMessage(base::Bytes(first.SerializeAsString() + second.SerializeAsString())).error(),
            DecodeError::kNoTimestamp);
}

TEST(MessageTest, ListsAreBounded) {
  gossip::GossipMessage message;
  for (int i = 0; i < 3; ++i) message.mutable_data_dig()->add_digests("x");
  EXPECT_TRUE(DecodeMessage(Serialize(message), {.max_elements = 3}));
  EXPECT_EQ(DecodeMessage(Serialize(message), {.max_elements = 2}).error(), DecodeError::kTooManyElements);
}

TEST(MessageTest, UnknownEnumValuesAreKeptAndNeverLegal) {
  const auto tag =
      DecodeMessage(Hex("18632a281a00"
                        "0a22"
                        "1a20" +
                        kPkiIdHex +
                        "1200"
                        "2200"));
  ASSERT_TRUE(tag) << ToString(tag.error());
  EXPECT_EQ(static_cast<int>(tag->tag), 99);
  EXPECT_FALSE(HasLegalTag(*tag));
  const auto type = DecodeMessage(Hex("18014a021809"));
  ASSERT_TRUE(type);
  EXPECT_EQ(static_cast<int>(PullTypeOf(*type)), 9);
  EXPECT_FALSE(HasLegalTag(*type));
}

TEST(MessageTest, StateRequestsAreBounded) {  // 4.4
  EXPECT_TRUE((StateRequest{5, 5}).IsServable(10));
  EXPECT_TRUE((StateRequest{5, 15}).IsServable(10));
  EXPECT_FALSE((StateRequest{5, 16}).IsServable(10));
  EXPECT_FALSE((StateRequest{6, 5}).IsServable(10));
  EXPECT_FALSE((StateRequest{~0ULL - 4, ~0ULL}).IsServable(10));
}

}  // namespace
}  // namespace grapevine::wire

// Envelopes (specification 01, section 3 and 6).
#include "wire/envelope.h"

#include <gtest/gtest.h>

namespace grapevine::wire {
namespace {

base::Bytes Hex(const char* hex) { return base::Bytes(base::FromHex(hex).value()); }
using base::ToHex;

TEST(EnvelopeTest, PartsAreSlicesOfTheReceivedBuffer) {
  const base::Bytes received =
      Hex("0a0170120173"
          "1a070a0278781201"
          "79");
  const auto envelope = Envelope::Decode(received);
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->payload().view(), "p");
  EXPECT_EQ(envelope->signature().view(), "s");
  ASSERT_TRUE(envelope->secret());
  EXPECT_EQ(envelope->secret()->payload.view(), "xx");
  EXPECT_EQ(envelope->payload().data(), received.data() + 2);
  EXPECT_EQ(envelope->encoded().data(), received.data());
  EXPECT_TRUE(envelope->is_signed());
}

TEST(EnvelopeTest, UnknownFieldsAndAnyOrderAreForwardedAsReceived) {
  const char* hex = "1201731a00f8ff03010a0170bb0601bc06";
  const auto envelope = Envelope::Decode(Hex(hex));
  ASSERT_FALSE(envelope) << "group with a field of number 0";
  const char* good = "1201731a00f8ff03010a0170bb060801bc06";
  const auto other = Envelope::Decode(Hex(good));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->payload().view(), "p");
  EXPECT_EQ(ToHex(other->encoded()), good);
  EXPECT_TRUE(other->secret());
}

TEST(EnvelopeTest, RepeatedFieldsCountAsProtocolBuffersSay) {
  const auto envelope = Envelope::Decode(Hex("0a01700a01711a030a01781a03120179"));
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->payload().view(), "q");
  EXPECT_EQ(envelope->secret()->payload.view(), "x");
  EXPECT_EQ(envelope->secret()->signature.view(), "y");
}

TEST(EnvelopeTest, AWrongWireTypeIsAnUnknownField) {
  const auto envelope = Envelope::Decode(Hex("0805"));
  ASSERT_TRUE(envelope);
  EXPECT_TRUE(envelope->payload().empty());
}

TEST(EnvelopeTest, MalformedInputIsRefused) {
  for (const char* hex : {"0a", "0a02", "0a0270", "00", "0f", "0c", "0b", "0b14", "ffffffffffffffffffff01", "80",
                          "0affffffffffffffffff01", "1a020a05", "09000000", "0d0000", "0bff"}) {
    const auto envelope = Envelope::Decode(Hex(hex));
    ASSERT_FALSE(envelope) << hex;
    EXPECT_EQ(envelope.error(), DecodeError::kMalformedEnvelope);
  }
}

TEST(EnvelopeTest, MakeWritesPartsInOrderAndLeavesEmptyOnesOut) {
  EXPECT_EQ(ToHex(Envelope::Make("p").encoded()), "0a0170");
  EXPECT_EQ(ToHex(Envelope::Make("p", "s", SecretEnvelope{Hex("78"), Hex("79")}).encoded()),
            "0a01701201731a060a0178120179");
  EXPECT_FALSE(Envelope::Make("p").is_signed());
  EXPECT_FALSE(Envelope::Make("", "s").is_signed());
}

TEST(EnvelopeTest, TheSecretCanBeRemoved) {
  const Envelope envelope = Envelope::Make("p", "s", SecretEnvelope{EncodeSecret("host:1"), Hex("79")});
  EXPECT_EQ(envelope.internal_endpoint(), "host:1");
  EXPECT_EQ(ToHex(envelope.WithoutSecret().encoded()), "0a0170120173");
  EXPECT_EQ(envelope.WithoutSecret().internal_endpoint(), "");
}

TEST(EnvelopeTest, PartsAreComparedWhereTheyLie) {
  const SecretEnvelope secret{Hex("78"), Hex("79")};
  const Envelope envelope = Envelope::Make("p", "s", secret);
  const Envelope other_payload = Envelope::Make("q", "s", secret);
  EXPECT_TRUE(envelope.HasSameSignature(other_payload));
  EXPECT_TRUE(envelope.HasSameSecret(other_payload));
  EXPECT_FALSE(envelope.HasSameSignature(Envelope::Make("p", "t", secret)));
  EXPECT_FALSE(envelope.HasSameSecret(Envelope::Make("p", "s", SecretEnvelope{Hex("78"), Hex("7a")})));
  EXPECT_FALSE(envelope.HasSameSecret(Envelope::Make("p", "s", SecretEnvelope{Hex("77"), Hex("79")})));
  EXPECT_FALSE(envelope.HasSameSecret(envelope.WithoutSecret()));
  EXPECT_TRUE(envelope.WithoutSecret().HasSameSecret(Envelope::Make("q")));
  // A secret part without content is not the same as none.
  EXPECT_FALSE(Envelope::Decode(Hex("0a01701a00"))->HasSameSecret(*Envelope::Decode(Hex("0a0170"))));
}

TEST(EnvelopeTest, ReadingTheInternalEndpointNeverFails) {
  EXPECT_EQ(ToHex(EncodeSecret("ab")), "0a026162");
  for (const char* secret : {"", "0a05", "0a02fffe", "1001"}) {
    EXPECT_EQ(Envelope::Make("p", "s", SecretEnvelope{Hex(secret), Hex("79")}).internal_endpoint(), "") << secret;
  }
  EXPECT_EQ(Envelope::Make("p").internal_endpoint(), "");
}

TEST(EnvelopeTest, DetachedSharesNoBufferWithOtherThings) {
  const base::Bytes alone =
      Hex("0a01701201731a060a017812"
          "0179");
  const Envelope envelope = *Envelope::Decode(alone);
  EXPECT_EQ(envelope.Detached().encoded().data(), alone.data()) << "nothing else is in it";

  const base::Bytes message(std::string(100, 'x') + alone.ToString() + std::string(100, 'x'));
  const Envelope element = *Envelope::Decode(message.Slice(100, alone.size()));
  const Envelope detached = element.Detached();
  EXPECT_EQ(detached, envelope);
  EXPECT_TRUE(detached.encoded().is_whole_buffer());
  EXPECT_EQ(detached.payload().view(), "p");
  EXPECT_EQ(detached.signature().view(), "s");
  EXPECT_EQ(detached.secret()->payload.view(), "x");
  EXPECT_EQ(detached.secret()->signature.view(), "y");
}

}  // namespace
}  // namespace grapevine::wire

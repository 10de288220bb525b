// Types of messages without decoding, for lanes and metrics.
#include "comm/message_kind.h"

#include <gtest/gtest.h>

#include "comm/depth_token.h"

namespace grapevine::comm {
namespace {

template <typename Content>
MessageKind EncodedKind(Content content) {
  return KindOf(wire::UnsignedEnvelope(wire::NewMessage(std::move(content), "mychannel", 7)));
}

TEST(MessageKindTest, IsFoundInTheEncodedMessage) {
  EXPECT_STREQ(TypeName(EncodedKind(wire::AliveMessage())), "alive_msg");
  EXPECT_STREQ(TypeName(EncodedKind(wire::DataMessage())), "data_msg");
  EXPECT_STREQ(TypeName(EncodedKind(wire::Empty())), "empty");
  EXPECT_STREQ(TypeName(EncodedKind(wire::StateInfo())), "state_info");
  EXPECT_STREQ(TypeName(EncodedKind(wire::Acknowledgement())), "ack");
}

TEST(MessageKindTest, IsThatOfTheDecodedMessage) {
  const wire::Message message = wire::NewMessage(wire::Acknowledgement{}, {}, 7);
  EXPECT_EQ(KindOf(wire::UnsignedEnvelope(message)), KindOf(message));
}

TEST(MessageKindTest, MembershipGoesInTheLaneOfLiveness) {
  int liveness = 0;
  for (MessageKind kind = 0; kind < kMessageKinds; ++kind) {
    const std::string name = TypeName(kind);
    const bool expected = name == "alive_msg" || name == "mem_req" || name == "mem_res";
    EXPECT_EQ(LaneOf(kind) == Lane::kLiveness, expected) << name;
    liveness += expected ? 1 : 0;
  }
  EXPECT_EQ(liveness, 3);
}

TEST(DepthTokenTest, CountsOnceHoweverItIsMoved) {
  base::Gauge gauge;
  {
    DepthToken first(gauge);
    DepthToken second(std::move(first));
    EXPECT_EQ(gauge.value(), 1);
    DepthToken other(gauge);
    EXPECT_EQ(gauge.value(), 2);
    other = std::move(second);
  }
  EXPECT_EQ(gauge.value(), 0);
}

}  // namespace
}  // namespace grapevine::comm

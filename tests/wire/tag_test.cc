// Tag rules (specification 01, section 5) against Fabric's verdicts, and the predicates of section 12.
#include "wire/tag.h"

#include <gtest/gtest.h>

#include <map>

#include "gossip/message.pb.h"
#include "support/fixtures.h"

namespace grapevine::wire {
namespace {

const std::map<std::string, Tag> kTags = {{"UNDEFINED", Tag::kUndefined},        {"EMPTY", Tag::kEmpty},
                                          {"ORG_ONLY", Tag::kOrgOnly},           {"CHAN_ONLY", Tag::kChannelOnly},
                                          {"CHAN_AND_ORG", Tag::kChannelAndOrg}, {"CHAN_OR_ORG", Tag::kChannelOrOrg}};

// The fixtures' examples hold empty messages, which this decoder refuses where parts are required; the tag rules only
// look at the kind of content and at the pull type.
Content ContentOf(const gossip::GossipMessage& message) {
  const auto type = [](gossip::PullMsgType pull_type) { return static_cast<PullType>(pull_type); };
  switch (message.content_case()) {
    case gossip::GossipMessage::kHello:
      return PullHello{.type = type(message.hello().msg_type())};
    case gossip::GossipMessage::kDataDig:
      return PullDigest{.type = type(message.data_dig().msg_type())};
    case gossip::GossipMessage::kDataReq:
      return PullRequest{.type = type(message.data_req().msg_type())};
    case gossip::GossipMessage::kDataUpdate:
      return PullUpdate{.type = type(message.data_update().msg_type())};
    case gossip::GossipMessage::kAliveMsg:
      return AliveMessage{};
    case gossip::GossipMessage::kMemReq:
      return MembershipRequest{};
    case gossip::GossipMessage::kMemRes:
      return MembershipResponse{};
    case gossip::GossipMessage::kDataMsg:
      return DataMessage{};
    case gossip::GossipMessage::kConn:
      return ConnEstablish{};
    case gossip::GossipMessage::kStateInfo:
      return StateInfo{};
    case gossip::GossipMessage::kStateSnapshot:
      return StateInfoSnapshot{};
    case gossip::GossipMessage::kStateInfoPullReq:
      return StateInfoPullRequest{};
    case gossip::GossipMessage::kStateRequest:
      return StateRequest{};
    case gossip::GossipMessage::kStateResponse:
      return StateResponse{};
    case gossip::GossipMessage::kLeadershipMsg:
      return LeadershipMessage{};
    case gossip::GossipMessage::kPeerIdentity:
      return PeerIdentity{};
    case gossip::GossipMessage::kAck:
      return Acknowledgement{};
    case gossip::GossipMessage::kPrivateReq:
      return PrivateDataRequest{};
    case gossip::GossipMessage::kPrivateRes:
      return PrivateDataResponse{};
    case gossip::GossipMessage::kPrivateData:
      return PrivateDataMessage{};
    default:
      return Empty{};
  }
}

TEST(TagTest, LegalityIsFabrics) {
  const auto table = testing::ReadFixtureJson("negative/tags.json");
  ASSERT_GE(table.size(), 20U);
  for (const auto& row : table) {
    if (row.at("content") == "none") continue;  // refused by DecodeMessage: kNoContent
    gossip::GossipMessage example;
    ASSERT_TRUE(example.ParseFromString(testing::FromHexText(row.at("example").get<std::string>())));
    if (example.content_case() == gossip::GossipMessage::CONTENT_NOT_SET) continue;
    for (const auto& [name, tag] : kTags) {
      bool legal = false;
      for (const auto& legal_tag : row.at("legal_tags")) legal = legal || legal_tag == name;
      Message message{.tag = tag, .content = ContentOf(example)};
      EXPECT_EQ(HasLegalTag(message), legal) << row.at("content") << " " << row.at("example") << " with " << name;
    }
  }
}

TEST(TagTest, SendersUseTheTagsOfTheTable) {
  EXPECT_EQ(SenderTag(PeerIdentity{}), Tag::kEmpty);  // although the legality check wants ORG_ONLY (5.3)
  EXPECT_EQ(SenderTag(ConnEstablish{}), Tag::kEmpty);
  EXPECT_EQ(SenderTag(Acknowledgement{}), Tag::kUndefined);
  EXPECT_EQ(SenderTag(PrivateDataMessage{}), Tag::kChannelOnly);
  EXPECT_EQ(SenderTag(PrivateDataRequest{}), Tag::kChannelOnly);
  EXPECT_EQ(SenderTag(PrivateDataResponse{}), Tag::kChannelOnly);
  EXPECT_EQ(SenderTag(PullHello{.type = PullType::kBlock}), Tag::kChannelAndOrg);
  EXPECT_EQ(SenderTag(PullHello{.type = PullType::kIdentity}), Tag::kEmpty);
}

TEST(TagTest, Restrictions) {
  EXPECT_FALSE(IsChannelRestricted(Tag::kEmpty) || IsChannelRestricted(Tag::kOrgOnly));
  EXPECT_TRUE(IsChannelRestricted(Tag::kChannelOnly) && IsChannelRestricted(Tag::kChannelAndOrg) &&
              IsChannelRestricted(Tag::kChannelOrOrg));
  EXPECT_TRUE(IsOrgRestricted(Tag::kOrgOnly) && IsOrgRestricted(Tag::kChannelAndOrg));
  EXPECT_FALSE(IsOrgRestricted(Tag::kChannelOrOrg) || IsOrgRestricted(Tag::kChannelOnly));
}

TEST(TagTest, KindsOfMessages) {
  const auto message = [](Content content) { return NewMessage(std::move(content)); };
  EXPECT_TRUE(IsDiscoveryMessage(message(MembershipResponse{})));
  EXPECT_FALSE(IsDiscoveryMessage(message(StateInfo{})));
  EXPECT_TRUE(IsPullMessage(message(PullUpdate{})));
  EXPECT_FALSE(IsPullMessage(message(StateInfoPullRequest{})));
  EXPECT_EQ(PullTypeOf(message(PullRequest{.type = PullType::kIdentity})), PullType::kIdentity);
  EXPECT_EQ(PullTypeOf(message(AliveMessage{})), PullType::kUndefined);
  EXPECT_TRUE(IsRemoteStateMessage(message(StateRequest{})));
  EXPECT_FALSE(IsRemoteStateMessage(message(StateInfo{})));
  EXPECT_TRUE(IsPrivateDataMessage(message(PrivateDataResponse{})));
  EXPECT_FALSE(IsPrivateDataMessage(message(DataMessage{})));
}

}  // namespace
}  // namespace grapevine::wire

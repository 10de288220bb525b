// The record table by itself: the rows of handleAlive and of expiry (specification 10.5, 10.6).
#include <gtest/gtest.h>

#include <string>

#include "membership/member_table.h"

namespace grapevine::membership {
namespace {

using namespace std::chrono_literals;
using Acceptance = MemberTable::Acceptance;
using Change = MemberTable::Change;

constexpr base::SteadyTime kStart{std::chrono::hours(1)};

wire::PkiId Id(char c) { return *wire::PkiId::From(std::string(32, c)); }

// What a Sighting borrows.
struct Heard {
  wire::AliveMessage alive;
  wire::Envelope envelope;
  bool direct = false;
  bool doubted = false;

  operator Sighting() const {  // NOLINT: a Sighting of it
    return {.alive = alive, .envelope = envelope, .organization = "Org1MSP", .direct = direct, .doubted = doubted};
  }
};

Heard See(char who, wire::PeerTime time, const std::string& internal = "inside:1", bool direct = false,
          bool doubted = false) {
  Heard heard{.alive = {}, .envelope = {}, .direct = direct, .doubted = doubted};
  heard.alive.membership = {"outside:1", base::Bytes::Copy("meta"), Id(who)};
  heard.alive.timestamp = time;
  std::optional<wire::SecretEnvelope> secret;
  if (!internal.empty()) secret = wire::SecretEnvelope{wire::EncodeSecret(internal), base::Bytes::Copy("s")};
  heard.envelope = wire::Envelope::Make(wire::EncodeMessage(wire::NewMessage(heard.alive)), "signature", secret);
  return heard;
}

class MemberTableTest : public ::testing::Test {
 protected:
  MemberTable::Expired Expire(base::Duration after_start) {
    return table_.Expire(kStart + after_start, 25s, 500s, [this](const MemberRecord&) { return keep_; });
  }
  MemberTable table_{3, 2};
  bool keep_ = false;
};

TEST_F(MemberTableTest, UnknownIsLearned) {
  EXPECT_EQ(table_.Test(Id('a'), {1, 1}, false), Acceptance::kAccept);
  EXPECT_EQ(table_.See(See('a', {1, 1}), kStart), Change::kLearned);
  const MemberRecord& record = *table_.Find(Id('a'));
  EXPECT_TRUE(record.alive);
  EXPECT_EQ(record.peer.endpoint, "inside:1");
  EXPECT_EQ(record.peer.external_endpoint, "outside:1");
  EXPECT_EQ(record.metadata.view(), "meta");
  EXPECT_EQ(table_.Alive().size(), 1U);
}

TEST_F(MemberTableTest, AliveAndNewerIsRefreshedAndKeepsTheInternalEndpointWithoutSecret) {
  table_.See(See('a', {1, 1}), kStart);
  EXPECT_EQ(table_.See(See('a', {1, 2}, ""), kStart + 1s), Change::kRefreshed);
  EXPECT_EQ(table_.Find(Id('a'))->internal_endpoint, "inside:1");
  EXPECT_EQ(table_.Find(Id('a'))->last_seen, kStart + 1s);
  EXPECT_EQ(table_.See(See('a', {2, 1}, "inside:2"), kStart + 2s), Change::kMoved);
  EXPECT_EQ(table_.Alive().front().endpoint, "inside:2");
}

TEST_F(MemberTableTest, EqualAndOlderAreNotAccepted) {
  table_.See(See('a', {5, 5}), kStart);
  EXPECT_EQ(table_.Test(Id('a'), {5, 5}, true), Acceptance::kDuplicate);
  EXPECT_EQ(table_.Test(Id('a'), {5, 4}, true), Acceptance::kOlder);
  EXPECT_EQ(table_.Test(Id('a'), {4, 9}, true), Acceptance::kOlder);
  EXPECT_EQ(table_.Test(Id('a'), {5, 6}, false), Acceptance::kAccept);
  EXPECT_EQ(table_.Test(Id('a'), {6, 0}, false), Acceptance::kAccept);
  table_.Kill(Id('a'));
  EXPECT_EQ(table_.Test(Id('a'), {5, 5}, true), Acceptance::kDuplicate) << "the dead do not rise by a duplicate";
}

TEST_F(MemberTableTest, DeadAndNewerIsResurrected) {
  table_.See(See('a', {1, 1}), kStart);
  EXPECT_TRUE(table_.Kill(Id('a')));
  EXPECT_FALSE(table_.Kill(Id('a')));
  EXPECT_TRUE(table_.Alive().empty());
  EXPECT_EQ(table_.See(See('a', {1, 2}, ""), kStart + 1s), Change::kResurrected);
  EXPECT_EQ(table_.Alive().front().endpoint, "inside:1");
}

TEST_F(MemberTableTest, ADoubtedOneLivesOnlyWhenItSpeaksItself) {
  EXPECT_EQ(table_.See(See('a', {1, 7}, "inside:1", false, true), kStart), Change::kDoubted);
  EXPECT_FALSE(table_.Find(Id('a'))->alive);
  EXPECT_EQ(table_.Test(Id('a'), {1, 7}, false), Acceptance::kDuplicate);
  EXPECT_EQ(table_.Test(Id('a'), {1, 7}, true), Acceptance::kAccept);
  EXPECT_EQ(table_.See(See('a', {1, 7}, "", true), kStart + 1s), Change::kResurrected);
  EXPECT_EQ(table_.Test(Id('a'), {1, 7}, true), Acceptance::kDuplicate);
}

TEST_F(MemberTableTest, ADoubtfulMessageDoesNotProlongADeadRecord) {
  table_.See(See('a', {1, 1}), kStart);
  table_.Kill(Id('a'));
  EXPECT_EQ(table_.See(See('a', {1, 2}, "", false, true), kStart + 499s), Change::kDoubted);
  EXPECT_EQ(table_.Test(Id('a'), {1, 2}, false), Acceptance::kDuplicate);
  EXPECT_EQ(Expire(500s).forgotten.size(), 1U);
}

TEST_F(MemberTableTest, StagesOfExpiryAtTheirMoments) {
  table_.See(See('a', {1, 1}), kStart);
  EXPECT_EQ(Expire(25s - 1ns).next, kStart + 25s);
  EXPECT_TRUE(table_.Find(Id('a'))->alive);
  const auto dead = Expire(25s);
  EXPECT_EQ(dead.died, std::vector{Id('a')});
  EXPECT_EQ(dead.next, kStart + 500s);
  EXPECT_TRUE(Expire(500s - 1ns).forgotten.empty());
  const auto forgotten = Expire(500s);
  EXPECT_EQ(forgotten.forgotten, std::vector{Id('a')});
  EXPECT_EQ(forgotten.next, std::nullopt);
  EXPECT_EQ(table_.Find(Id('a')), nullptr);
  EXPECT_EQ(table_.tombstones(), 1U);
}

TEST_F(MemberTableTest, WhoIsWantedIsKeptAndAskedForAgain) {
  table_.See(See('a', {1, 1}), kStart);
  keep_ = true;
  Expire(25s);
  EXPECT_EQ(Expire(500s).next, kStart + 525s);
  keep_ = false;
  EXPECT_EQ(Expire(525s).forgotten.size(), 1U);
}

TEST_F(MemberTableTest, D3_TheClockRunsHoweverTheMemberWasLearned) {
  table_.AdoptDead(See('a', {1, 1}), kStart);
  EXPECT_FALSE(table_.Find(Id('a'))->alive);
  EXPECT_EQ(table_.dead(), 1U);
  EXPECT_EQ(Expire(500s).forgotten.size(), 1U);
}

TEST_F(MemberTableTest, D9_ATombstoneKeepsReplaysOut) {
  table_.See(See('a', {5, 5}), kStart);
  Expire(25s);
  Expire(500s);
  EXPECT_EQ(table_.Test(Id('a'), {5, 5}, false), Acceptance::kDuplicate);
  EXPECT_EQ(table_.Test(Id('a'), {5, 4}, false), Acceptance::kOlder);
  EXPECT_EQ(table_.Test(Id('a'), {5, 6}, false), Acceptance::kAccept);
  // Whoever speaks itself is there, whatever its clock says (D-12).
  EXPECT_EQ(table_.Test(Id('a'), {1, 1}, true), Acceptance::kAccept);
  table_.See(See('a', {5, 6}), kStart + 501s);
  EXPECT_EQ(table_.tombstones(), 0U);
}

TEST_F(MemberTableTest, BoundsOfMembersAndTombstones) {
  for (const char c : {'a', 'b', 'c'}) table_.See(See(c, {1, 1}), kStart);
  EXPECT_EQ(table_.Test(Id('d'), {1, 1}, false), Acceptance::kFull);
  EXPECT_EQ(table_.Test(Id('d'), {1, 1}, true), Acceptance::kFull);
  EXPECT_EQ(table_.Test(Id('a'), {1, 2}, false), Acceptance::kAccept);
  for (const char c : {'b', 'a', 'c'}) EXPECT_TRUE(table_.Forget(Id(c)));
  EXPECT_FALSE(table_.Forget(Id('c')));
  EXPECT_EQ(table_.tombstones(), 2U);
  EXPECT_EQ(table_.Test(Id('b'), {1, 1}, false), Acceptance::kAccept) << "the oldest made room";
  EXPECT_EQ(table_.Test(Id('a'), {1, 1}, false), Acceptance::kDuplicate);
  EXPECT_EQ(table_.alive() + table_.dead(), 0U);
}

TEST_F(MemberTableTest, AliveIsInOrderOfPkiId) {
  for (const char c : {'c', 'a', 'b'}) table_.See(See(c, {1, 1}), kStart);
  ASSERT_EQ(table_.Alive().size(), 3U);
  EXPECT_EQ(table_.Alive()[0].pki_id, Id('a'));
  EXPECT_EQ(table_.Alive()[2].pki_id, Id('c'));
}

TEST_F(MemberTableTest, AMessageOfALargeResponseIsKeptInABufferOfItsOwn) {
  const Heard small = See('a', {1, 1});
  const std::string large = std::string(1000, 'x') + small.envelope.encoded().ToString();
  const base::Bytes buffer{large};
  Heard heard = small;
  heard.envelope = *wire::Envelope::Decode(buffer.Slice(1000, small.envelope.encoded().size()));
  table_.See(heard, kStart);
  EXPECT_EQ(table_.Find(Id('a'))->envelope, small.envelope);
  const char* kept = table_.Find(Id('a'))->envelope.encoded().data();
  EXPECT_TRUE(kept < buffer.data() || kept >= buffer.data() + buffer.size());
}

}  // namespace
}  // namespace grapevine::membership

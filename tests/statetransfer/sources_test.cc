#include "statetransfer/sources.h"

#include <gtest/gtest.h>

#include <string>

namespace grapevine::statetransfer {
namespace {

using namespace std::chrono_literals;

wire::PkiId Id(char name) { return *wire::PkiId::From(std::string(wire::PkiId::kSize, name)); }

channel::ChannelMember Member(char name, std::uint64_t height) {
  channel::ChannelMember member;
  member.peer.pki_id = Id(name);
  member.peer.endpoint = std::string(1, name) + ":7051";
  member.properties.ledger_height = height;
  return member;
}

class SourcesTest : public ::testing::Test {
 protected:
  char Choose(std::uint64_t first, const std::set<wire::PkiId>& avoid = {}) const {
    const auto choice = sources_.Choose(first, avoid, now_);
    return choice ? choice->peer.endpoint.front() : '-';
  }

  base::Random random_{1};
  base::SteadyTime now_{1h};
  Sources sources_{random_, 3s, 100s};
};

TEST_F(SourcesTest, OnlyWhoHasTheFirstBlockIsAsked) {  // not, as Fabric, who is said to have the last one (section 7)
  sources_.Update({Member('a', 5), Member('b', 6)});
  EXPECT_EQ(sources_.highest(), 6U);
  EXPECT_EQ(Choose(5), 'b');
  EXPECT_EQ(Choose(6), '-');
  EXPECT_FALSE(sources_.FreeAt(6, now_));
}

TEST_F(SourcesTest, TheFasterOneIsAskedUntilItIsBusy) {
  sources_.Update({Member('a', 9), Member('b', 9)});
  sources_.Answered(Id('a'), 10ms);
  sources_.Answered(Id('b'), 25ms);
  std::string asked;
  for (int i = 0; i < 4; ++i) {
    asked += Choose(1);
    sources_.Asked(Id(asked.back()));
  }
  EXPECT_EQ(asked, "aaba");  // 10 and 20 ms; 25 instead of 30; 30 instead of 50
}

TEST_F(SourcesTest, AStrangerIsTriedOnceUntilItAnswers) {
  sources_.Update({Member('a', 9), Member('b', 9)});
  sources_.Answered(Id('a'), 10ms);
  EXPECT_EQ(Choose(1), 'b');
  sources_.Asked(Id('b'));
  EXPECT_EQ(Choose(1), 'a');
}

TEST_F(SourcesTest, WhoIsTooSlowIsAskedForLessUntilItIsQuick) {
  sources_.Update({Member('a', 99)});
  const auto most = [&] { return sources_.Choose(1, {}, now_)->max_blocks; };
  EXPECT_EQ(most(), 16U);
  sources_.TimedOut(Id('a'), 11);
  EXPECT_EQ(most(), 5U);
  sources_.TimedOut(Id('a'), 5);
  EXPECT_EQ(most(), 2U);
  sources_.Answered(Id('a'), 2s);
  EXPECT_EQ(most(), 2U) << "more than half of its time";
  sources_.Answered(Id('a'), 1s);
  EXPECT_EQ(most(), 4U);
  for (int i = 0; i < 5; ++i) sources_.Answered(Id('a'), 1s);
  EXPECT_EQ(most(), 16U);
  sources_.TimedOut(Id('a'), 1);
  EXPECT_EQ(most(), 1U);
}

TEST_F(SourcesTest, WhoFailsIsLeftAloneLongerEachTime) {
  sources_.Update({Member('a', 9)});
  for (const base::Duration pause : {3s, 6s, 12s, 24s, 48s, 48s}) {
    sources_.Failed(Id('a'), now_);
    sources_.Failed(Id('a'), now_);  // of the same cause
    EXPECT_EQ(Choose(1), '-');
    EXPECT_EQ(sources_.FreeAt(1, now_), now_ + pause);
    now_ += pause;
    EXPECT_EQ(Choose(1), 'a');
  }
  EXPECT_EQ(sources_.Timeout(Id('a')), 24s);
  sources_.Proved(Id('a'));
  EXPECT_EQ(sources_.Timeout(Id('a')), 3s);
}

TEST_F(SourcesTest, WhoLacksTheBeginningIsAskedForTheRest) {
  sources_.Update({Member('a', 50)});
  sources_.Lacks(Id('a'), 15, now_);
  EXPECT_EQ(Choose(15), '-');
  EXPECT_EQ(Choose(16), 'a');
  now_ += 100s;
  EXPECT_EQ(Choose(15), 'a');
}

TEST_F(SourcesTest, WhoGaveNothingIsLeftAloneWithoutBlame) {
  sources_.Update({Member('a', 50)});
  sources_.GaveNothing(Id('a'), now_);
  EXPECT_EQ(Choose(1), '-');
  EXPECT_EQ(sources_.FreeAt(1, now_), now_ + 3s);
  EXPECT_EQ(sources_.Timeout(Id('a')), 3s);
}

TEST_F(SourcesTest, TheAvoidedOneIsBetterThanNobody) {
  sources_.Update({Member('a', 9), Member('b', 9)});
  sources_.Answered(Id('a'), 1ms);
  EXPECT_EQ(Choose(1, {Id('b')}), 'a');
  EXPECT_EQ(Choose(1, {Id('a')}), 'b');
  sources_.Failed(Id('b'), now_);
  EXPECT_EQ(Choose(1, {Id('a')}), 'a');
}

TEST_F(SourcesTest, WhatIsKnownOfThoseThatStayIsKept) {
  sources_.Update({Member('a', 9), Member('b', 9)});
  sources_.Failed(Id('a'), now_);
  sources_.Failed(Id('b'), now_);
  sources_.Update({Member('a', 10)});
  EXPECT_EQ(Choose(1), '-');
  EXPECT_FALSE(sources_.Contains(Id('b')));
  sources_.Update({Member('a', 10), Member('b', 9)});
  EXPECT_EQ(Choose(1), 'b');
}

}  // namespace
}  // namespace grapevine::statetransfer

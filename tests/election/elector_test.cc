// The election algorithm row by row (specification 12.7), its times (12.8), and where it is better (docs/election.md).
#include "election/elector_world.h"

namespace grapevine::election {
namespace {

using Log = std::vector<std::string>;

// --- stabilizing -----------------------------------------------------------------------------------------------------

// 12.7: a view unchanged for one sample ends it; the proposal opens the election.
TEST_F(ElectorTest, AViewUnchangedForOneSampleIsStable) {
  Add(3);
  StartElector();
  Add(7);
  RunTo(1s);
  Add(8);
  RunTo(2s);
  EXPECT_EQ(TakeLog(), Log{});
  RunTo(3s);
  EXPECT_EQ(TakeLog(), Log{"3000 proposal"});
}

// 12.7: the grace period bounds a view that keeps changing.
TEST_F(ElectorTest, TheGracePeriodEndsStabilizing) {
  Add(3);
  StartElector();
  for (int second = 0; second < 15; ++second) {
    RunTo(second * 1s + 500ms);
    Add(10 + second);
  }
  RunTo(14999ms);
  EXPECT_EQ(TakeLog(), Log{});
  RunTo(15s);
  EXPECT_EQ(TakeLog(), Log{"15000 proposal"});
}

// 12.7: a declaration ends it without an election.
TEST_F(ElectorTest, ADeclarationWhileStabilizingMakesAFollower) {
  Add(7);
  StartElector();
  Declaration(7);
  RunTo(9s);
  EXPECT_EQ(elector_->leader(), Peer(7));
  EXPECT_EQ(TakeLog(), Log{"6000 reach"});
}

// D-30: an empty view is not stable while members of the organisation are alive whose state infos may be on their way.
TEST_F(ElectorTest, D30_AnEmptyViewIsNotStableWhileTheOrganisationIsAlive) {
  organization_is_alive_ = true;
  StartElector();
  RunTo(14s);
  EXPECT_EQ(TakeLog(), Log{});
  Add(7);
  RunTo(15s);
  EXPECT_EQ(TakeLog(), Log{"15000 proposal"});
}

// D-30: ... but not for longer than the grace period: they may not be in the channel at all.
TEST_F(ElectorTest, D30_TheGracePeriodBoundsAnEmptyView) {
  organization_is_alive_ = true;
  StartElector();
  RunTo(16s);
  EXPECT_EQ(TakeLog(), (Log{"15000 proposal", "15000 gained", "15000 declaration"}));
}

// D-30, 12.8: whoever is alone in its organisation leads as soon as a Fabric peer does, after 1 + 5 s.
TEST_F(ElectorTest, D30_ALonePeerLeadsAfterSixSeconds) {
  StartElector();
  RunTo(7s);
  EXPECT_EQ(TakeLog(), (Log{"6000 proposal", "6000 gained", "6000 declaration"}));
  EXPECT_EQ(elector_->leader(), Peer(5));
}

// --- electing --------------------------------------------------------------------------------------------------------

// 12.7: electing, declaration -> follower.
TEST_F(ElectorTest, ADeclarationEndsTheElection) {
  Add(7);
  StartElector();
  RunTo(4s);
  Declaration(7);
  EXPECT_EQ(elector_->leader(), Peer(7));
  RunTo(9s);
  EXPECT_EQ(TakeLog(), Log{"2000 proposal"});
}

// 12.7: electing, 5 s elapsed, none lower -> leader. Only proposals count, not who is there (12.9 item 2). The first
// election of a node goes on until a leader that there is must have been heard: 10 s after the view had a member.
TEST_F(ElectorTest, WithoutALowerProposalTheElectionIsWon) {
  Add(3);
  Add(7);
  StartElector();
  RunTo(3s);
  Proposal(7);
  RunTo(10999ms);
  EXPECT_EQ(TakeLog(), Log{"2000 proposal"});
  RunTo(11s);
  EXPECT_EQ(TakeLog(), (Log{"11000 gained", "11000 declaration"}));
}

// Later ones last for 5 s.
TEST_F(ElectorTest, ALaterElectionLastsFiveSeconds) {
  Add(3);
  Add(7);
  StartFollowing(7);
  RunTo(10s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal"}));
  EXPECT_EQ(elector_->leader(), wire::PkiId());
  RunTo(14999ms);
  EXPECT_EQ(TakeLog(), Log{});
  RunTo(15s);
  EXPECT_EQ(TakeLog(), (Log{"15000 gained", "15000 declaration"}));
}

// Whom no smaller PKI-ID can outbid waits only for the objection of a leader, once it has listened for long enough.
TEST_F(ElectorTest, TheSmallestOfTheViewLeadsIfNobodyObjects) {
  Add(7);
  Add(8);
  StartFollowing(7);
  RunTo(11s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "10500 gained", "10500 declaration"}));
}

// A leader that there is objects by its declaration, and what waited while this node was not running is read: nobody
// takes over from a leader because of an own pause.
TEST_F(ElectorTest, ADeclarationRightAfterTheProposalEndsTheElection) {
  Add(7);
  Add(8);
  StartFollowing(7);
  RunTo(10s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal"}));
  RunTo(10499ms);
  Declaration(7);
  RunTo(15s);
  EXPECT_EQ(TakeLog(), Log{});
  EXPECT_EQ(elector_->leader(), Peer(7));
}

// The leader that is gone is nobody to wait for, though the view still has it.
TEST_F(ElectorTest, ALeaderThatIsGoneOutbidsNobody) {
  Add(3);
  Add(7);
  StartFollowing(3);
  RunTo(11s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "10500 gained", "10500 declaration"}));
}

// A first election is over as soon as everybody in the view has proposed: nobody of them leads.
TEST_F(ElectorTest, WhenAllProposeTheSmallestLeadsAtOnce) {
  Add(7);
  Add(8);
  StartElector();
  RunTo(3s);
  Proposal(7);
  EXPECT_EQ(TakeLog(), Log{"2000 proposal"});
  Proposal(8);
  EXPECT_EQ(TakeLog(), (Log{"3000 gained", "3000 declaration"}));
}

// A smaller PKI-ID that proposes later may not have heard of this node yet: the proposal is said again, once a second.
TEST_F(ElectorTest, ALaterLowerProposalIsAnswered) {
  Add(3);
  StartElector();
  RunTo(4s);
  Proposal(3);
  Proposal(3);
  RunTo(4900ms);
  Proposal(3);
  EXPECT_EQ(TakeLog(), (Log{"2000 proposal", "4000 proposal"}));
}

// 12.7: electing, 5 s elapsed, a lower proposer seen -> follower.
TEST_F(ElectorTest, ALowerProposalMakesAFollower) {
  Add(3);
  Add(7);
  StartFollowing(7);
  RunTo(12s);
  Proposal(3);
  RunTo(16s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "12000 proposal"}));
  Declaration(3);
  EXPECT_EQ(elector_->leader(), Peer(3));
}

// 12.9 item 4: if the lower proposer does not declare itself when it must have, nobody waits for a whole window.
TEST_F(ElectorTest, ALowerProposerThatDiesIsNotWaitedForALongTime) {
  Add(3);
  Add(7);
  StartFollowing(7);
  RunTo(12s);
  Proposal(3);
  view_.erase(7);
  RunTo(24s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "12000 proposal", "18000 proposal", "23000 gained",
                            "23000 declaration"}));
}

// ... and not at all if it has left the view.
TEST_F(ElectorTest, ALowerProposerThatHasLeftTheViewIsNotWaitedFor) {
  Add(3);
  Add(7);
  StartFollowing(7);
  RunTo(12s);
  Proposal(3);
  view_.erase(3);
  RunTo(15s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "12000 proposal", "15000 gained", "15000 declaration"}));
}

// 12.9 item 5: a proposal that never became a declaration does not count in a later election.
TEST_F(ElectorTest, ProposalsOfThePastDoNotCount) {
  Add(3);
  Add(7);
  StartFollowing(7);
  RunTo(3s);
  Proposal(3);
  RunTo(15s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "15000 gained", "15000 declaration"}));
}

// --- following -------------------------------------------------------------------------------------------------------

// 12.7: follower, declarations -> follower. The window starts anew with each one.
TEST_F(ElectorTest, DeclarationsKeepAFollower) {
  Add(7);
  StartFollowing(7);
  for (int i = 1; i <= 20; ++i) {
    RunTo(i * 5s);
    Declaration(7);
  }
  EXPECT_EQ(TakeLog(), Log{});
  RunTo(110s);
  EXPECT_EQ(TakeLog(), (Log{"106000 reach", "110000 proposal", "110000 gained", "110000 declaration"}));
}

// A late declaration of a leader that cannot be reached either: it is gone.
TEST_F(ElectorTest, ALateLeaderThatCannotBeReachedIsGone) {
  Add(3);
  Add(7);
  reachable_ = false;
  StartFollowing(3);
  RunTo(7s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "6010 proposal", "6510 gained", "6510 declaration"}));
}

// A dial may take longer than an election: that it has failed says nothing about the leader of then.
TEST_F(ElectorTest, AFailureToReachTheEarlierLeaderDoesNotEndTheOwnLeadership) {
  Add(7);
  Add(8);
  reachable_ = false;
  reach_time_ = 6s;
  StartFollowing(7);
  RunTo(15s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "10500 gained", "10500 declaration"}));
  EXPECT_TRUE(elector_->is_leader());
}

// A late declaration of a leader that has left the view: likewise.
TEST_F(ElectorTest, ALateLeaderThatHasLeftTheViewIsGone) {
  Add(7);
  Add(3);
  StartFollowing(7);
  view_.erase(7);
  RunTo(5999ms);
  EXPECT_EQ(TakeLog(), Log{});
  RunTo(11s);
  EXPECT_EQ(TakeLog(), (Log{"6000 proposal", "11000 gained", "11000 declaration"}));
}

// A leader that leaves the view but goes on declaring (its messages come by others) keeps its followers: no flapping.
TEST_F(ElectorTest, AnUnreachableLeaderThatDeclaresItselfIsFollowed) {
  Add(7);
  reachable_ = false;
  StartFollowing(7);
  for (int i = 1; i <= 10; ++i) {
    RunTo(i * 5900ms);
    Declaration(7);
  }
  EXPECT_EQ(TakeLog(), Log{});
}

// A declaration that comes while the leader is being reached for settles it.
TEST_F(ElectorTest, ADeclarationWhileReachingSettlesIt) {
  Add(7);
  reachable_ = false;
  StartFollowing(7);
  RunTo(6005ms);
  Declaration(7);
  RunTo(12s);
  EXPECT_EQ(TakeLog(), Log{"6000 reach"});
}

// --- leading ---------------------------------------------------------------------------------------------------------

// 12.7, 12.8: a leader declares itself every 5 s.
TEST_F(ElectorTest, ALeaderDeclaresItselfEveryFiveSeconds) {
  StartLeading({7});
  RunTo(21s);
  EXPECT_EQ(TakeLog(), (Log{"11000 declaration", "16000 declaration", "21000 declaration"}));
}

// 12.7, 12.13: a higher PKI-ID that declares itself is told at once; the period starts anew.
TEST_F(ElectorTest, ADeclarationOfAHigherPkiIdIsAnsweredAtOnce) {
  StartLeading({7});
  RunTo(8s);
  Declaration(7);
  RunTo(13s);
  EXPECT_EQ(TakeLog(), (Log{"8000 declaration", "13000 declaration"}));
}

// Many of them do not make a flood.
TEST_F(ElectorTest, AnswersAreNotMoreFrequentThanTenPerSecond) {
  StartLeading({7});
  RunTo(8s);
  for (int i = 0; i < 50; ++i) {
    RunTo(8s + i * 2ms);
    Declaration(7);
  }
  RunTo(9s);
  EXPECT_EQ(TakeLog(), (Log{"8000 declaration", "8100 declaration"}));
}

// Who proposes has not heard of the leader: told at once, so that a newcomer does not elect itself.
TEST_F(ElectorTest, AProposalIsAnsweredByADeclaration) {
  StartLeading({3, 7});
  RunTo(8s);
  Proposal(3);
  EXPECT_EQ(TakeLog(), Log{"8000 declaration"});
  EXPECT_TRUE(elector_->is_leader());
}

// 12.7, 12.13: a lower PKI-ID that declares itself makes a leader step down.
TEST_F(ElectorTest, ADeclarationOfALowerPkiIdMakesALeaderStepDown) {
  StartLeading({3});
  RunTo(8s);
  Declaration(3);
  EXPECT_EQ(TakeLog(), Log{"8000 lost"});
  EXPECT_FALSE(elector_->is_leader());
  EXPECT_EQ(elector_->leader(), Peer(3));
  RunTo(13s);
  EXPECT_EQ(TakeLog(), Log{});
}

// 12.7, 12.8: a leader that yields stands again after 60 s if nobody else has led.
TEST_F(ElectorTest, ALeaderThatYieldsStandsAgainAfterSixtySeconds) {
  StartLeading({7});
  RunTo(8s);
  elector_->Yield();
  EXPECT_FALSE(elector_->is_leader());
  EXPECT_EQ(elector_->leader(), wire::PkiId());
  Proposal(7);
  RunTo(67999ms);
  EXPECT_EQ(TakeLog(), Log{"8000 lost"});
  RunTo(69s);
  EXPECT_EQ(TakeLog(), (Log{"68000 proposal", "68500 gained", "68500 declaration"}));
}

// 12.7: a declaration of somebody else ends the yield: when that one is gone, this node stands as anybody.
TEST_F(ElectorTest, AnotherLeaderEndsTheYield) {
  StartLeading({7});
  RunTo(8s);
  elector_->Yield();
  RunTo(20s);
  Declaration(7);
  RunTo(30s);
  EXPECT_EQ(TakeLog(), (Log{"8000 lost", "26000 reach", "30000 proposal", "30000 gained", "30000 declaration"}));
  RunTo(69s);  // the end of the old yield changes nothing
  EXPECT_EQ(TakeLog().back(), "65000 declaration");
}

// 12.6: only a leader yields.
TEST_F(ElectorTest, AFollowerHasNothingToYield) {
  Add(7);
  StartFollowing(7);
  elector_->Yield();
  RunTo(10s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "10000 gained", "10000 declaration"}));
}

// --- ledgers (RFC 0011) ----------------------------------------------------------------------------------------------

// Far behind a member of the view: no proposal. 25 s after the last declaration, when every Fabric peer would have
// stood, it leads nevertheless.
TEST_F(ElectorTest, WhoIsFarBehindStandsOnlyIfNobodyElseDoes) {
  Add(7, 1000);
  Add(8, 102);
  StartFollowing(8);
  RunTo(24999ms);
  EXPECT_EQ(TakeLog(), Log{"6000 reach"});
  RunTo(30s);
  EXPECT_EQ(TakeLog(), (Log{"25000 gained", "25000 declaration", "30000 declaration"}));
}

// The bound is exact: 100 blocks are not far.
TEST_F(ElectorTest, AHundredBlocksAreNotFar) {
  Add(7, 101);
  StartFollowing(7);
  Add(8, 101);
  RunTo(11s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "10500 gained", "10500 declaration"}));
}

// What the leader that is gone had does not count.
TEST_F(ElectorTest, TheLedgerOfALeaderThatIsGoneDoesNotCount) {
  Add(7, 1000);
  StartFollowing(7);
  RunTo(10s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "10000 proposal", "10000 gained", "10000 declaration"}));
}

// A better one that proposes gets the time to win.
TEST_F(ElectorTest, WhoIsFarBehindWaitsForAProposer) {
  Add(7, 1000);
  Add(8, 1000);
  StartFollowing(8);
  RunTo(24s);
  Proposal(7);
  RunTo(29s);
  EXPECT_EQ(TakeLog(), Log{"6000 reach"});
  Declaration(7);
  EXPECT_EQ(elector_->leader(), Peer(7));
}

// Who has caught up stands as anybody, looked at every 5 s.
TEST_F(ElectorTest, WhoHasCaughtUpStands) {
  Add(7, 1000);
  Add(8, 1000);
  StartFollowing(8);
  RunTo(12s);
  own_height_ = 950;
  RunTo(16s);
  EXPECT_EQ(TakeLog(), (Log{"6000 reach", "15000 proposal", "15500 gained", "15500 declaration"}));
}

// Elected alone, it finds an organisation that is far ahead: it steps down instead of declaring itself.
TEST_F(ElectorTest, AnIsolatedLeaderThatIsFarBehindDoesNotDeclareItself) {
  StartLeading({});
  Add(7, 1000);
  RunTo(11s);
  EXPECT_EQ(TakeLog(), Log{"11000 lost"});
}

// ... and not at all when it hears the organisation's leader first, though that has a higher PKI-ID.
TEST_F(ElectorTest, AnIsolatedLeaderThatIsFarBehindGivesWayToTheLeader) {
  StartLeading({});
  Add(7, 1000);
  RunTo(8s);
  Declaration(7);
  EXPECT_EQ(TakeLog(), Log{"8000 lost"});
  EXPECT_EQ(elector_->leader(), Peer(7));
}

// One that leads because nobody else did keeps leading, and answers a leader that is no better.
TEST_F(ElectorTest, WhoStandsInKeepsLeading) {
  Add(7, 1000);
  Add(8, 1);
  StartFollowing(9);
  RunTo(26s);
  TakeLog();
  Declaration(8);
  RunTo(36s);
  EXPECT_EQ(TakeLog(), (Log{"26000 declaration", "31000 declaration", "36000 declaration"}));
}

// Switched off: as in Fabric, an empty ledger is no obstacle.
TEST_F(ElectorTest, TheRuleCanBeSwitchedOff) {
  Add(7, 1000);
  StartElector({.max_blocks_behind = 0});
  Declaration(8);
  RunTo(9s);
  EXPECT_EQ(TakeLog(), (Log{"6000 proposal", "6500 gained", "6500 declaration"}));
}

}  // namespace
}  // namespace grapevine::election

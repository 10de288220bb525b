// Contact with bootstrap and anchor peers (specification 10.7; D-11).
#include "membership/connector.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "comm_node.h"

namespace grapevine::membership {
namespace {

using namespace std::chrono_literals;
using base::Duration;
using base::SteadyTime;

// How long a dial to an address where nobody listens is tried (CommConfig::dial_timeout).
constexpr Duration kDial = 3s;

// The node under test, whose connector asks `answers` what became of each introduction.
class ConnectorTest : public ::testing::Test {
 protected:
  struct Introduction {
    SteadyTime at;
    base::Endpoint endpoint;
    wire::PkiId peer;
  };

  ConnectorTest() : node_(world_.AddHost("self"), authority_, kOrg1) { Make({}); }

  void Make(const MembershipConfig& config) {
    connector_ =
        std::make_unique<Connector>(node_.host.environment(), *node_.comm, config, kOrg1,
                                    [this](const comm::ConnectionInfo& remote, const base::Endpoint& endpoint,
                                           std::move_only_function<void(bool)> done) {
                                      introductions_.push_back({Now(), endpoint, remote.pki_id});
                                      auto timer = std::make_shared<base::Handle>(node_.host.executor().After(
                                          answer_after_, [this, done = std::move(done)]() mutable { done(answers_); }));
                                      return base::Handle([this, timer] { ++withdrawn_; });
                                    });
  }
  CommNode& AddPeer(const std::string& name, const std::string& organization) {
    peers_.push_back(std::make_unique<CommNode>(world_.AddHost(name), authority_, organization));
    return *peers_.back();
  }
  SteadyTime Now() { return world_.scheduler().Now(); }
  std::uint64_t Attempts(const std::string& result) const {
    return node_.Counter("gossip_membership_connects", {{"result", result}});
  }
  // The moments of the next `count` attempts with `result`.
  std::vector<SteadyTime> NextAttempts(std::size_t count, const std::string& result) {
    std::vector<SteadyTime> moments;
    while (moments.size() < count) {
      const std::uint64_t before = Attempts(result);
      if (!world_.scheduler().RunUntil([&] { return Attempts(result) > before; }, 200s)) break;
      moments.push_back(Now());
    }
    return moments;
  }

  simulation::World world_{1};
  simulation::Authority authority_{1};
  CommNode node_;
  std::vector<std::unique_ptr<CommNode>> peers_;
  Duration answer_after_{};
  bool answers_ = true;
  std::vector<Introduction> introductions_;
  int withdrawn_ = 0;
  std::unique_ptr<Connector> connector_;
};

// Expects that `pauses` begin with a second, grow by half each time up to 25 s, and vary by a fifth; measured with
// up to `slack` too much.
void ExpectGrowingPauses(const std::vector<Duration>& pauses, Duration slack = 0s) {
  Duration expected = 1s;
  int shorter = 0;
  int longer = 0;
  for (const Duration pause : pauses) {
    EXPECT_GE(pause, expected * 4 / 5);
    EXPECT_LE(pause, expected * 6 / 5 + slack);
    ++(pause < expected ? shorter : longer);
    expected = std::min<Duration>(expected * 3 / 2, 25s);
  }
  EXPECT_EQ(expected, 25s);  // the greatest pause was reached
  EXPECT_GT(shorter, 0);
  EXPECT_GT(longer, 0);
}

TEST_F(ConnectorTest, AnIdentifiedPeerIsAskedOnceAndThenLeftAlone) {
  CommNode& peer = AddPeer("peer", kOrg1);
  connector_->Want("bootstrap", {{peer.host.endpoint(), kOrg1, true}});
  EXPECT_EQ(connector_->under_way(), 1U);
  EXPECT_TRUE(introductions_.empty());  // nothing happens within the call

  world_.scheduler().RunFor(1h);
  ASSERT_EQ(introductions_.size(), 1U);
  EXPECT_EQ(introductions_[0].peer, peer.pki_id());
  EXPECT_EQ(introductions_[0].endpoint, peer.host.endpoint());
  EXPECT_EQ(connector_->under_way(), 0U);
  EXPECT_EQ(Attempts("ok"), 1U);
  EXPECT_TRUE(connector_->IsWanted(peer.host.endpoint()));
  EXPECT_FALSE(connector_->IsWanted("other:7051"));
}

TEST_F(ConnectorTest, D11_AnUnreachableEndpointIsTriedForEverWithGrowingJitteredPauses) {
  const SteadyTime start = Now();
  connector_->Want("bootstrap", {{"nobody:7051", "", true}});
  const auto moments = NextAttempts(16, "unreachable");
  ASSERT_EQ(moments.size(), 16U);
  EXPECT_EQ(moments[0], start + kDial);
  std::vector<Duration> pauses;
  for (std::size_t i = 1; i < moments.size(); ++i) pauses.push_back(moments[i] - moments[i - 1] - kDial);
  ExpectGrowingPauses(pauses);

  // A day later the peer is there.
  world_.scheduler().RunFor(24h);
  EXPECT_EQ(connector_->under_way(), 1U);
  AddPeer("nobody", kOrg1);
  EXPECT_TRUE(world_.scheduler().RunUntil([&] { return connector_->under_way() == 0; }, 72s + kDial));
}

TEST_F(ConnectorTest, D11_ErrorsOfEveryKindPause) {
  CommNode& peer = AddPeer("peer", kOrg1);
  answers_ = false;
  connector_->Want("bootstrap", {{peer.host.endpoint(), kOrg1, true}});
  const auto moments = NextAttempts(16, "no_response");
  ASSERT_EQ(moments.size(), 16U);
  ASSERT_EQ(introductions_.size(), 16U);
  std::vector<Duration> pauses;  // from the failure to the next introduction: a handshake longer
  for (std::size_t i = 1; i < 16; ++i) pauses.push_back(introductions_[i].at - moments[i - 1]);
  ExpectGrowingPauses(pauses, 20ms);

  // The pause after a wrong organisation is no shorter.
  CommNode& foreign = AddPeer("foreign", kOrg2);
  connector_->Want("bootstrap", {{foreign.host.endpoint(), kOrg1, true}});
  const auto refusals = NextAttempts(2, "wrong_organization");
  ASSERT_EQ(refusals.size(), 2U);
  EXPECT_GE(refusals[1] - refusals[0], 800ms);
}

TEST_F(ConnectorTest, D11_AConfigurationWithoutPausesMakesNoTightLoop) {
  MembershipConfig config;
  config.connect_pause_min = 0s;
  config.connect_pause_max = 0s;
  Make(config);
  answers_ = false;
  CommNode& peer = AddPeer("peer", kOrg1);
  connector_->Want("bootstrap", {{peer.host.endpoint(), kOrg1, true}});
  world_.scheduler().RunFor(10s);
  EXPECT_LE(introductions_.size(), 126U);  // every 80 ms at most
  EXPECT_GE(introductions_.size(), 75U);
}

TEST_F(ConnectorTest, D11_ObsoleteEndpointsAreNotTriedAnyMore) {
  connector_->Want("channel", {{"old:7051", kOrg2, false}, {"kept:7051", kOrg2, false}});
  ASSERT_EQ(NextAttempts(2, "unreachable").size(), 2U);
  connector_->Want("channel", {{"kept:7051", kOrg2, false}});
  EXPECT_FALSE(connector_->IsWanted("old:7051"));
  EXPECT_EQ(connector_->under_way(), 1U);

  // Given that both are there now, then only the one that is still wanted is asked.
  CommNode& old = AddPeer("old", kOrg2);
  AddPeer("kept", kOrg2);
  world_.scheduler().RunFor(1h);
  ASSERT_EQ(introductions_.size(), 1U);
  EXPECT_EQ(introductions_[0].endpoint, "kept:7051");
  EXPECT_EQ(old.Counter("gossip_comm_handshakes", {{"role", "responder"}, {"result", "ok"}}), 0U);
}

TEST_F(ConnectorTest, WhatIsGivenUpInTheMiddleOfAnAttemptIsWithdrawn) {
  CommNode& peer = AddPeer("peer", kOrg1);
  answer_after_ = 5s;
  connector_->Want("bootstrap", {{peer.host.endpoint(), kOrg1, true}});
  ASSERT_TRUE(world_.scheduler().RunUntil([&] { return introductions_.size() == 1; }, 5s));
  connector_->Want("bootstrap", {});
  EXPECT_EQ(withdrawn_, 1);
  EXPECT_EQ(connector_->under_way(), 0U);

  // In the handshake.
  connector_->Want("bootstrap", {{peer.host.endpoint(), kOrg1, true}});
  connector_->Want("bootstrap", {});
  world_.scheduler().RunFor(1h);
  EXPECT_EQ(introductions_.size(), 1U);
  EXPECT_EQ(Attempts("ok"), 0U);
}

TEST_F(ConnectorTest, DestroyingItGivesEverythingUp) {
  CommNode& peer = AddPeer("peer", kOrg1);
  answer_after_ = 5s;
  connector_->Want("bootstrap", {{peer.host.endpoint(), kOrg1, true}, {"nobody:7051", kOrg1, true}});
  ASSERT_TRUE(world_.scheduler().RunUntil([&] { return introductions_.size() == 1; }, 5s));
  connector_.reset();
  EXPECT_EQ(withdrawn_, 1);
  world_.scheduler().RunFor(1h);
  EXPECT_EQ(introductions_.size(), 1U);
  EXPECT_EQ(Attempts("unreachable"), 0U);
}

TEST_F(ConnectorTest, D11_OneEndpointOfSeveralOwnersIsContactedOnce) {
  CommNode& peer = AddPeer("peer", kOrg1);
  const Contact contact{peer.host.endpoint(), kOrg1, true};
  connector_->Want("bootstrap", {contact, contact});
  connector_->Want("channel one", {contact});
  connector_->Want("channel two", {contact});
  world_.scheduler().RunFor(1h);
  EXPECT_EQ(introductions_.size(), 1U);

  // As long as one owner wants it, it is wanted.
  connector_->Want("bootstrap", {});
  connector_->Want("channel one", {});
  EXPECT_TRUE(connector_->IsWanted(contact.endpoint));
  connector_->Want("channel two", {});
  EXPECT_FALSE(connector_->IsWanted(contact.endpoint));
}

TEST_F(ConnectorTest, AConfigurationThatNamesAnEndpointAsNewContactsItAgain) {
  CommNode& peer = AddPeer("peer", kOrg1);
  const Contact contact{peer.host.endpoint(), kOrg1, true};
  connector_->Want("bootstrap", {contact});
  world_.scheduler().RunFor(1min);
  connector_->Want("bootstrap", {contact, {"nobody:7051", kOrg1, true}});  // not new
  world_.scheduler().RunFor(1min);
  EXPECT_EQ(introductions_.size(), 1U);
  connector_->Want("channel", {contact});  // new for this owner
  world_.scheduler().RunFor(1min);
  EXPECT_EQ(introductions_.size(), 2U);
  connector_->Want("channel", {});
  connector_->Want("channel", {contact});  // new again
  world_.scheduler().RunFor(1min);
  EXPECT_EQ(introductions_.size(), 3U);
}

// A new configuration does not wait for the pause of an earlier one.
TEST_F(ConnectorTest, AnEndpointThatIsNewForAnOwnerIsTriedAtOnce) {
  connector_->Want("bootstrap", {{"late:7051", kOrg1, true}});
  world_.scheduler().RunFor(1h);
  ASSERT_GT(Attempts("unreachable"), 0U);
  ASSERT_TRUE(world_.scheduler().RunUntil(
      [&, before = Attempts("unreachable")] { return Attempts("unreachable") > before; }, 75s));
  AddPeer("late", kOrg1);
  connector_->Want("channel", {{"late:7051", kOrg1, true}});
  EXPECT_TRUE(world_.scheduler().RunUntil([&] { return connector_->under_way() == 0; }, 100ms));
  EXPECT_EQ(introductions_.size(), 1U);
}

TEST_F(ConnectorTest, AnAnchorThatIsDeclaredAsOwnAndIsForeignIsRefused) {
  CommNode& foreign = AddPeer("foreign", kOrg2);
  connector_->Want("channel", {{foreign.host.endpoint(), kOrg1, true}});
  world_.scheduler().RunFor(1h);
  EXPECT_TRUE(introductions_.empty());
  EXPECT_GT(Attempts("wrong_organization"), 60U);
  EXPECT_EQ(connector_->under_way(), 1U);
}

TEST_F(ConnectorTest, AtAForeignAnchorAnybodyMayAnswer) {
  CommNode& declared = AddPeer("declared", kOrg2);
  CommNode& other = AddPeer("other", kOrg3);
  CommNode& own = AddPeer("own", kOrg1);
  connector_->Want("channel", {{declared.host.endpoint(), kOrg2, false},
                               {other.host.endpoint(), kOrg2, false},
                               {own.host.endpoint(), kOrg2, false}});
  world_.scheduler().RunFor(1min);
  EXPECT_EQ(introductions_.size(), 3U);
  EXPECT_EQ(connector_->under_way(), 0U);
}

// Given an endpoint that bootstrap wants to be of the own organisation and a channel declares as foreign, when a
// foreign peer answers, then contact is made for the channel, once, and bootstrap's is still tried.
TEST_F(ConnectorTest, EachOwnerDecidesWhoMayAnswer) {
  CommNode& foreign = AddPeer("foreign", kOrg2);
  connector_->Want("bootstrap", {{foreign.host.endpoint(), "", true}});
  connector_->Want("channel", {{foreign.host.endpoint(), kOrg2, false}});
  world_.scheduler().RunFor(1h);
  EXPECT_EQ(introductions_.size(), 1U);
  EXPECT_EQ(connector_->under_way(), 1U);
  EXPECT_GT(Attempts("wrong_organization"), 60U);
  connector_->Want("bootstrap", {});
  EXPECT_EQ(connector_->under_way(), 0U);
  const auto attempts = Attempts("wrong_organization");
  world_.scheduler().RunFor(1h);
  EXPECT_EQ(Attempts("wrong_organization"), attempts);
}

TEST_F(ConnectorTest, OnlySoManyAttemptsAreUnderWay) {
  std::vector<Contact> contacts;
  for (int i = 0; i < 40; ++i) contacts.push_back({"nobody" + std::to_string(i) + ":7051", kOrg2, false});
  connector_->Want("channel", contacts);
  world_.scheduler().RunFor(kDial);
  EXPECT_EQ(Attempts("unreachable"), Connector::kMaxAttempts);
  world_.scheduler().RunFor(kDial);
  EXPECT_EQ(Attempts("unreachable"), 2 * Connector::kMaxAttempts);
  EXPECT_EQ(connector_->under_way(), 40U);

  // Those that waited, and were given up before their turn came, are not tried.
  connector_->Want("channel", {});
  world_.scheduler().RunFor(1h);
  EXPECT_EQ(Attempts("unreachable"), 2 * Connector::kMaxAttempts);
  CommNode& peer = AddPeer("peer", kOrg2);
  connector_->Want("channel", {{peer.host.endpoint(), kOrg2, false}});
  world_.scheduler().RunFor(1s);
  EXPECT_EQ(Attempts("ok"), 1U);
}

}  // namespace
}  // namespace grapevine::membership

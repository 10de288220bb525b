// Who gets what: the table of specification 11.6, D-17, D-19.
#include "gossip/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "station.h"
#include "support/given_peers.h"

namespace grapevine::gossip {
namespace {

using Names = std::set<std::string>;

struct GivenChannels final : ChannelDirectory {
  bool IsJoined(const std::string& channel) const override { return organizations.contains(channel); }
  bool IsOrgInChannel(const std::string& channel, const std::string& organization) const override {
    return organizations.contains(channel) && organizations.at(channel).contains(organization);
  }
  bool IsEligible(const std::string&, const wire::PkiId& pki_id) const override { return eligible.contains(pki_id); }

  std::map<std::string, std::set<std::string>> organizations;
  std::set<wire::PkiId> eligible;
};

wire::Envelope Secretive(const std::string& payload) {
  return wire::Envelope::Make(payload, "signature",
                              wire::SecretEnvelope{base::Bytes::Copy("secret"), base::Bytes::Copy("signed")});
}

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() { view_.self = self_.AsPeer(); }

  // Another peer that is alive, and in the joined channel.
  Station& Add(const std::string& name, const std::string& organization, const std::string& external_endpoint = {}) {
    stations_.push_back(std::make_unique<Station>(world_->AddHost(name), authority_, organization));
    Station& station = *stations_.back();
    station.external_endpoint = external_endpoint;
    station.Collect();
    view_.alive.push_back(station.AsPeer());
    std::ranges::sort(view_.alive, {}, &Peer::pki_id);
    channels_.eligible.insert(station.pki_id());
    return station;
  }
  Peer& PeerOf(const Station& station) { return *std::ranges::find(view_.alive, station.pki_id(), &Peer::pki_id); }
  void Join(std::set<std::string> organizations) { channels_.organizations[kChannel] = std::move(organizations); }

  // Names of those that got something when `batch` was routed.
  Names Route(const std::vector<Emission>& batch, std::size_t fan_out = 100) {
    for (const auto& station : stations_) station->arrivals.clear();
    Router router(self_.host.environment(), self_.comm, view_, channels_,
                  {.fan_out = fan_out, .push = push_, .share_trees = share_trees_});
    router.Route(batch);
    world_->scheduler().RunFor(1s);
    Names names;
    for (const auto& station : stations_) {
      if (!station->arrivals.empty()) names.insert(station->host.name());
    }
    return names;
  }
  Names Route(Emission emission, std::size_t fan_out = 100) {
    return Route(std::vector<Emission>{std::move(emission)}, fan_out);
  }

  static Emission Block(std::uint64_t number = 1) {
    wire::DataMessage data;
    data.payload.number = number;
    Emission block{.kind = EmissionKind::kBlock, .channel = kChannel};
    block.envelope = wire::UnsignedEnvelope(wire::NewMessage(data, kChannel));
    return block;
  }
  static Emission Leadership() {
    Emission leadership{.kind = EmissionKind::kLeadership, .channel = kChannel};
    const wire::LeadershipMessage message{.pki_id = *wire::PkiId::From(std::string(32, 'l')), .timestamp = {1, 1}};
    leadership.envelope = wire::UnsignedEnvelope(wire::NewMessage(message, kChannel));
    return leadership;
  }
  static Emission StateInfo(const wire::PkiId& originator, const std::string& channel) {
    Emission state_info{.kind = EmissionKind::kStateInfo, .channel = channel, .originator = originator};
    const wire::StateInfo message{
        .timestamp = {1, 1}, .pki_id = originator, .channel_mac = base::Bytes::Copy(std::string(32, 'm'))};
    state_info.envelope = wire::UnsignedEnvelope(wire::NewMessage(message));
    return state_info;
  }
  static Emission Alive(const wire::PkiId& originator, std::uint64_t sequence = 1) {
    wire::AliveMessage message;
    message.membership.pki_id = originator;
    message.timestamp = {1, sequence};
    Emission alive{.kind = EmissionKind::kAlive, .originator = originator};
    const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(message));
    alive.envelope = Secretive(payload.ToString());
    return alive;
  }
  std::uint64_t Refused(const std::string& type, const std::string& reason) const {
    return self_.Refused(type, reason, "gossip_push_refused");
  }
  static bool GotSecret(const Station& station) {
    EXPECT_EQ(station.arrivals.size(), 1u);
    return station.arrivals.at(0).received->envelope().secret().has_value();
  }

  std::unique_ptr<simulation::World> world_ = MakeWorld(5);
  simulation::Authority authority_{5};
  Station self_{world_->AddHost("self"), authority_, kOrg1};
  std::vector<std::unique_ptr<Station>> stations_;
  PushKind push_ = PushKind::kRandom;  // the table as it stands
  bool share_trees_ = true;
  testing::GivenPeers view_;
  GivenChannels channels_;
};

// ---- Steps 1 and 2: blocks, leadership

TEST_F(RouterTest, BlocksGoToEligiblePeersOfTheOwnOrganization) {
  Join({kOrg1, kOrg2});
  Add("own a", kOrg1);
  Add("own b", kOrg1);
  Add("foreign", kOrg2, "foreign:7051");
  Add("unknown", "");
  channels_.eligible.erase(Add("not in the channel", kOrg1).pki_id());
  EXPECT_EQ(Route(Block()), (Names{"own a", "own b"}));
}

TEST_F(RouterTest, ABlockNeverGoesBack) {
  Join({kOrg1});
  Station& sender = Add("sender", kOrg1);
  for (const char* name : {"a", "b", "c"}) Add(name, kOrg1);
  Emission block = Block();
  block.received_from = sender.pki_id();
  EXPECT_EQ(Route(block), (Names{"a", "b", "c"}));
}

TEST_F(RouterTest, BlocksGoToAsManyPeersAsTheFanOut) {
  Join({kOrg1});
  for (int i = 0; i < 8; ++i) Add("peer" + std::to_string(i), kOrg1);
  EXPECT_EQ(Route(Block(), 3).size(), 3u);
}

TEST_F(RouterTest, ABatchMayHoldAllKinds) {
  Join({kOrg1});
  Station& peer = Add("peer", kOrg1);
  Route({Block(1), Alive(self_.pki_id()), Leadership(), StateInfo(self_.pki_id(), kChannel), Block(2)});
  EXPECT_EQ(peer.Got<wire::DataMessage>().size(), 2u);
  EXPECT_EQ(peer.Got<wire::AliveMessage>().size(), 1u);
  EXPECT_EQ(peer.Got<wire::LeadershipMessage>().size(), 1u);
  EXPECT_EQ(peer.Got<wire::StateInfo>().size(), 1u);
  EXPECT_EQ(self_.host.metrics().CounterValue("gossip_pushes", {{"type", "data_msg"}}), 2u);
  EXPECT_EQ(self_.host.metrics().CounterValue("gossip_pushes", {{"type", "alive_msg"}}), 1u);
}

TEST_F(RouterTest, NothingOfAChannelThatIsNotJoinedIsPushed) {
  Add("own", kOrg1);
  EXPECT_EQ(Route({Block(), Leadership()}), Names{});
  EXPECT_EQ(Refused("data_msg", "channel_not_joined"), 1u);
  EXPECT_EQ(Refused("leadership_msg", "channel_not_joined"), 1u);
}

TEST_F(RouterTest, LeadershipGoesToAllEligiblePeersOfTheOwnOrganization) {
  Join({kOrg1, kOrg2});
  for (const char* name : {"a", "b", "c", "d", "e"}) Add(name, kOrg1);
  Add("foreign", kOrg2, "foreign:7051");
  channels_.eligible.erase(Add("not in the channel", kOrg1).pki_id());
  EXPECT_EQ(Route(Leadership(), 3), (Names{"a", "b", "c", "d", "e"}));
}

TEST_F(RouterTest, D19_PeersThatHaveLeftTheChannelGetNeitherBlocksNorLeadership) {
  Join({kOrg1});
  Add("member", kOrg1);
  channels_.eligible.erase(Add("has left", kOrg1).pki_id());  // the directory honours left_channel
  EXPECT_EQ(Route(Block()), Names{"member"});
  EXPECT_EQ(Route(Leadership()), Names{"member"});
}

TEST_F(RouterTest, WhenTheOwnOrganizationIsNotInTheChannelBlocksGoNowhere) {
  Join({kOrg2});
  Add("own", kOrg1);
  EXPECT_EQ(Route({Block(), Leadership()}), Names{});
}

// ---- Step 3: state info

TEST_F(RouterTest, StateInfoOfAChannelThatIsNotJoinedStaysInTheOrganization) {
  Add("own", kOrg1);
  Add("foreign", kOrg2, "foreign:7051");
  Station& origin = Add("origin", kOrg1, "origin:7051");
  EXPECT_EQ(Route(StateInfo(origin.pki_id(), "")), (Names{"own", "origin"}));
  EXPECT_EQ(Route(StateInfo(origin.pki_id(), kChannel)), (Names{"own", "origin"})) << "left meanwhile";
}

TEST_F(RouterTest, StateInfoOfAnOriginatorWithExternalEndpointGoesToTheWholeChannel) {
  Join({kOrg1, kOrg2});
  Add("own", kOrg1);
  Add("foreign", kOrg2);
  Add("elsewhere", "Org3MSP", "elsewhere:7051");
  Station& origin = Add("origin", kOrg1, "origin:7051");
  EXPECT_EQ(Route(StateInfo(origin.pki_id(), kChannel)), (Names{"own", "foreign", "origin"}));
  view_.self.external_endpoint = "self:7051";
  EXPECT_EQ(Route(StateInfo(self_.pki_id(), kChannel)), (Names{"own", "foreign", "origin"}));
}

TEST_F(RouterTest, StateInfoOfAnOriginatorWithoutExternalEndpointStaysInTheOrganization) {
  Join({kOrg1, kOrg2});
  Add("own", kOrg1);
  Add("foreign", kOrg2, "foreign:7051");
  Station& hidden = Add("hidden", kOrg1);
  EXPECT_EQ(Route(StateInfo(hidden.pki_id(), kChannel)), (Names{"own", "hidden"}));
  EXPECT_EQ(Route(StateInfo(self_.pki_id(), kChannel)), (Names{"own", "hidden"}));
  const auto unknown = *wire::PkiId::From(std::string(32, 'u'));
  EXPECT_EQ(Route(StateInfo(unknown, kChannel)), (Names{"own", "hidden"}));
}

// ---- Steps 4 and 5: alive messages

TEST_F(RouterTest, AliveOfAHiddenPeerStaysInTheOrganizationWithItsSecret) {
  Station& own = Add("own", kOrg1);
  Add("foreign", kOrg2, "foreign:7051");
  EXPECT_EQ(Route(Alive(self_.pki_id())), Names{"own"});
  EXPECT_TRUE(GotSecret(own));
}

TEST_F(RouterTest, AliveOfTheOwnOrganizationGoesToAllWithoutSecretToOthers) {
  view_.self.external_endpoint = "self:7051";
  Station& own = Add("own", kOrg1);
  Station& foreign = Add("foreign", kOrg2, "foreign:7051");
  Station& hidden_foreign = Add("hidden foreign", "Org3MSP");
  EXPECT_EQ(Route(Alive(self_.pki_id())), (Names{"own", "foreign", "hidden foreign"}));
  EXPECT_TRUE(GotSecret(own));
  EXPECT_FALSE(GotSecret(foreign));
  EXPECT_FALSE(GotSecret(hidden_foreign));
}

TEST_F(RouterTest, AliveOfAForeignPeerGoesToItsAndTheOwnOrganizationWhereEndpointsAreExternal) {
  Station& origin = Add("origin", kOrg2, "origin:7051");
  Add("own", kOrg1, "own:7051");
  Add("hidden own", kOrg1);
  Station& same = Add("same", kOrg2, "same:7051");
  Add("hidden same", kOrg2);
  Add("third", "Org3MSP", "third:7051");
  EXPECT_EQ(Route(Alive(origin.pki_id())), (Names{"origin", "own", "same"}));
  EXPECT_FALSE(GotSecret(same));
}

TEST_F(RouterTest, NobodyIsChosenInsteadOfAForeignersHiddenDestination) {
  Station& origin = Add("origin", kOrg2, "origin:7051");
  Add("own", kOrg1, "own:7051");
  Add("hidden", kOrg1);
  std::map<std::size_t, int> counts;
  for (int i = 0; i < 60; ++i) {
    Emission alive = Alive(origin.pki_id());
    alive.received_from = origin.pki_id();
    ++counts[Route(alive, 1).size()];
  }
  EXPECT_EQ(counts[0] + counts[1], 60);
  EXPECT_GT(counts[0], 10);
  EXPECT_GT(counts[1], 10);
}

TEST_F(RouterTest, AliveNeverGoesBackAndTheSenderCostsNoCopy) {
  Station& sender = Add("sender", kOrg1);
  for (const char* name : {"a", "b", "c"}) Add(name, kOrg1);
  for (int i = 0; i < 10; ++i) {
    Emission alive = Alive(self_.pki_id());
    alive.received_from = sender.pki_id();
    EXPECT_EQ(Route(alive, 3), (Names{"a", "b", "c"}));
  }
}

TEST_F(RouterTest, D17_PeersOfUnknownOrganizationGetNothingAndNothingOfTheirsIsPushed) {
  Join({kOrg1, ""});
  view_.self.external_endpoint = "self:7051";
  Station& unknown = Add("unknown", "", "unknown:7051");
  Add("own", kOrg1, "own:7051");
  EXPECT_EQ(Route({Alive(self_.pki_id()), StateInfo(self_.pki_id(), kChannel), Block(), Leadership()}), Names{"own"});
  EXPECT_EQ(Route(Alive(unknown.pki_id())), Names{});
  EXPECT_EQ(Route(Alive(*wire::PkiId::From(std::string(32, 'u')))), Names{});
  EXPECT_EQ(Refused("alive_msg", "unknown_organization"), 2u);
}

// ---- The ring

// Every member of the organisation gets the originator's copy or one of those that it is passed on in: two each at most
// on average, and other organisations get `fan_out` entries.
TEST_F(RouterTest, TheRingKeepsToTheTableOfWhoMayHaveWhat) {
  push_ = PushKind::kRing;
  Join({kOrg1, kOrg2});
  view_.self.external_endpoint = "self:7051";
  Station& own = Add("own", kOrg1);
  Station& foreign = Add("foreign", kOrg2, "foreign:7051");
  Add("third", "Org3MSP", "third:7051");
  EXPECT_EQ(Route(Alive(self_.pki_id())), (Names{"own", "foreign", "third"}));
  EXPECT_TRUE(GotSecret(own));
  EXPECT_FALSE(GotSecret(foreign));
  EXPECT_EQ(Route(StateInfo(self_.pki_id(), kChannel)), (Names{"own", "foreign"}));
  EXPECT_EQ(Route(StateInfo(self_.pki_id(), "")), Names{"own"});
  view_.self.external_endpoint.clear();
  EXPECT_EQ(Route(Alive(self_.pki_id())), Names{"own"});
  EXPECT_EQ(Route(StateInfo(self_.pki_id(), kChannel)), Names{"own"});
}

TEST_F(RouterTest, AliveMessagesTakeBothTreesWhileTheViewMovesAndWhereNothingCompletesOne) {
  push_ = PushKind::kRing;
  for (int i = 0; i < 30; ++i) Add("peer" + std::to_string(i), kOrg1);
  const auto targets = [&] {
    std::size_t count = 0;
    for (std::uint64_t period = 0; period < 40; ++period) {
      Emission alive = Alive(self_.pki_id(), period);
      alive.key = base::Bytes(std::to_string(period));
      count += Route(alive).size();
    }
    return count;
  };
  const std::size_t both = targets();
  view_.unchanged_since = base::SteadyTime(-kSettledAfter);
  const std::size_t settled = targets();
  EXPECT_LT(settled, both);
  share_trees_ = false;
  EXPECT_EQ(targets(), both);
}

// Those of a period go on together, those of the next one another way; whatever else is in the batch.
TEST_F(RouterTest, InASettledViewAliveMessagesOfOneKeyTakeOneTree) {
  push_ = PushKind::kRing;
  view_.unchanged_since = base::SteadyTime(-kSettledAfter);
  Station& sender = Add("sender", kOrg1);
  for (int i = 0; i < 12; ++i) Add("peer" + std::to_string(i), kOrg1);
  std::vector<Emission> batch;
  std::map<std::uint64_t, Names> trees;  // by period: all targets
  std::map<std::pair<std::uint64_t, wire::PkiId>, Names> alone;
  for (std::uint64_t period = 0; period < 20; ++period) {
    for (const auto& origin : stations_) {
      Emission alive = Alive(origin->pki_id(), period);
      alive.key = base::Bytes(std::to_string(period));
      if (origin.get() == &sender || period % 3 > 0) alive.received_from = sender.pki_id();
      const Names targets = Route(alive);
      alone[{period, origin->pki_id()}] = targets;
      if (alive.received_from) trees[period].insert(targets.begin(), targets.end());
      batch.push_back(std::move(alive));
    }
  }
  for (const auto& origin : stations_) {
    for (const auto& [period, tree] : trees) {
      if (period % 3 == 0) continue;  // there most of them enter here
      Names expected = tree;
      expected.erase(origin->host.name());
      EXPECT_EQ((alone[{period, origin->pki_id()}]), expected) << "period " << period;
    }
  }
  std::set<Names> different;
  for (const auto& [period, tree] : trees) different.insert(tree);
  EXPECT_GT(different.size(), 5u);

  // What was computed for the message before does not lead the next one astray.
  Route(batch);
  std::map<std::pair<std::uint64_t, wire::PkiId>, Names> together;
  for (const auto& station : stations_) {
    for (const Arrival& arrival : station->arrivals) {
      const auto& alive = *arrival.message().As<wire::AliveMessage>();
      together[{alive.timestamp.sequence, alive.membership.pki_id}].insert(station->host.name());
    }
  }
  std::erase_if(alone, [](const auto& entry) { return entry.second.empty(); });
  EXPECT_EQ(together, alone);
}

// A message that came from abroad enters the organisation here, and does not go abroad again; hidden peers do not get
// it.
TEST_F(RouterTest, OnTheRingForeignersEnterAtWhoeverHeardOfThemFirst) {
  push_ = PushKind::kRing;
  Station& origin = Add("origin", kOrg2, "origin:7051");
  Add("own", kOrg1, "own:7051");
  Add("hidden", kOrg1);
  Add("same", kOrg2, "same:7051");
  Emission alive = Alive(origin.pki_id());
  alive.received_from = origin.pki_id();
  EXPECT_EQ(Route(alive), Names{"own"});
}

// What a foreigner's response told goes to those who expect it from here; it does not enter the organisation again.
TEST_F(RouterTest, OnTheRingWhatBecameKnownOtherwiseDoesNotEnterAnew) {
  push_ = PushKind::kRing;
  Station& origin = Add("origin", kOrg2, "origin:7051");
  for (int i = 0; i < 12; ++i) Add("own" + std::to_string(i), kOrg1, "own:7051");
  std::size_t entering = 0;
  std::size_t expected_here = 0;
  for (int i = 0; i < 10; ++i) {
    Emission alive = Alive(origin.pki_id());
    alive.envelope = wire::Envelope::Make(alive.envelope.payload(), base::Bytes(std::to_string(i)));
    alive.received_from = origin.pki_id();
    const Names all = Route(alive);
    alive.received_from = self_.pki_id();
    const Names children = Route(alive);
    EXPECT_TRUE(std::ranges::includes(all, children));
    entering += all.size();
    expected_here += children.size();
  }
  EXPECT_GE(entering, expected_here + 20u) << "those at the top of each tree";
  EXPECT_GT(expected_here, 0u);
}

// What was passed on goes to one peer abroad, never back, and not to its originator.
TEST_F(RouterTest, OnTheRingAMessageThatIsPassedOnGoesAbroadOnce) {
  push_ = PushKind::kRing;
  Station& origin = Add("origin", kOrg1, "origin:7051");
  for (const char* name : {"a", "b", "c"}) Add(name, kOrg2, std::string(name) + ":7051");
  for (int i = 0; i < 10; ++i) {
    Emission alive = Alive(origin.pki_id());
    alive.received_from = origin.pki_id();
    const Names got = Route(alive);
    EXPECT_EQ(got.size(), 1u);
    EXPECT_FALSE(got.contains("origin"));
  }
}

}  // namespace
}  // namespace grapevine::gossip

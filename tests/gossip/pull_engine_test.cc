// Pull rounds, their sessions and bounds, and fetching: specification 11.11, D-4, D-21.
#include "gossip/pull_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "gossip/intake.h"
#include "gossip/select_peers.h"
#include "station.h"
#include "support/given_peers.h"

namespace grapevine::gossip {
namespace {

using Ids = std::vector<std::string>;

wire::Envelope Item(const std::string& id) {
  wire::DataMessage data;
  data.payload.number = std::stoull(id);
  data.payload.block = base::Bytes::Copy("block " + id);
  return wire::UnsignedEnvelope(wire::NewMessage(std::move(data), kChannel));
}

Ids Texts(const std::vector<base::Bytes>& ids) {
  Ids texts;
  for (const base::Bytes& id : ids) texts.push_back(id.ToString());
  return texts;
}

std::vector<base::Bytes> Slices(const Ids& ids) {
  std::vector<base::Bytes> slices;
  for (const std::string& id : ids) slices.push_back(base::Bytes::Copy(id));
  return slices;
}

// Items "1", "2", ... by number.
class Shelf final : public PullItems {
 public:
  explicit Shelf(const Ids& ids = {}) {
    for (const std::string& id : ids) held.emplace(id, Item(id));
  }
  std::vector<const Peer*> Partners(base::Random& random, std::size_t count) const override {
    return SelectPeers(random, count, partners);
  }
  bool Wants(const base::Bytes& id) const override { return !held.contains(id.ToString()); }
  void Receive(const comm::ReceivedMessagePtr& update, const std::vector<wire::Envelope>& items,
               const Ticket& ticket) override {
    EXPECT_NE(ticket, nullptr);
    for (const wire::Envelope& item : items) {
      const auto number = wire::DecodeMessage(item.payload())->As<wire::DataMessage>()->payload.number;
      received.push_back(std::to_string(number));
      received_from.push_back(update->connection().pki_id);
      held.emplace(std::to_string(number), item);
    }
  }
  bool MayLack() override { return std::exchange(seen, held.size()) != held.size(); }
  std::vector<base::Bytes> Digest(const comm::ConnectionInfo&) const override {
    std::vector<base::Bytes> ids;
    for (const auto& [id, item] : held) ids.push_back(base::Bytes::Copy(id));
    return ids;
  }
  std::vector<wire::Envelope> Find(const comm::ConnectionInfo&, const std::vector<base::Bytes>& ids) const override {
    asked_for = Texts(ids);
    std::vector<wire::Envelope> items;
    for (const std::string& id : asked_for) {
      if (const auto found = held.find(id); found != held.end()) items.push_back(found->second);
    }
    return items;
  }

  std::map<std::string, wire::Envelope> held;
  std::size_t seen = 0;  // of them, by the last round
  std::vector<Peer> partners;
  Ids received;
  std::vector<wire::PkiId> received_from;
  mutable Ids asked_for;
};

// A station with an engine.
struct Puller : Station {
  Puller(simulation::Host& on, simulation::Authority& authority, const Ids& ids, PullConfig config,
         wire::PullType type = wire::PullType::kBlock)
      : Station(on, authority, kOrg1),
        shelf(ids),
        rounds(on.environment(), [this] { return unchanged_since; }),
        engine(on.environment(), comm, rounds, shelf, type, type == wire::PullType::kBlock ? kChannel : "", config),
        intake(host.metrics(), comm.Accept("pull", [](const comm::ReceivedMessage&) { return true; }), IntakeConfig{},
               [this](const comm::ReceivedMessagePtr& message, const Ticket& ticket) {
                 arrivals.push_back({host.environment().executor.Now(), message});
                 engine.Handle(message, ticket);
               }) {}

  base::SteadyTime unchanged_since = base::SteadyTime::max();  // in motion
  Shelf shelf;
  Rounds rounds;
  PullEngine engine;
  Intake intake;
};

class PullEngineTest : public ::testing::Test {
 protected:
  simulation::Host& AddHost() { return world_->AddHost("host" + std::to_string(next_host_++)); }
  Puller& AddPuller(const Ids& ids = {}, PullConfig config = {}, wire::PullType type = wire::PullType::kBlock) {
    pullers_.push_back(std::make_unique<Puller>(AddHost(), authority_, ids, config, type));
    return *pullers_.back();
  }
  // A peer that only collects; the test sends for it.
  Station& AddStation(comm::CommConfig config = {}) {
    stations_.push_back(std::make_unique<Station>(AddHost(), authority_, kOrg1, config));
    stations_.back()->Collect();
    return *stations_.back();
  }
  // Opens a stream, so that messages take exactly one latency from now on.
  void Connect(Station& from, Station& to) {
    from.Send(to, wire::Acknowledgement{});
    from.Send(to, wire::StateInfoPullRequest{});
    RunFor(100ms);
    to.arrivals.clear();
  }
  // Connected to `puller`, which may ask them.
  std::vector<Station*> AddPartners(Puller& puller, int count) {
    std::vector<Station*> partners;
    for (int i = 0; i < count; ++i) {
      partners.push_back(&AddStation());
      puller.shelf.partners.push_back(partners.back()->AsPeer());
      Connect(puller, *partners.back());
    }
    return partners;
  }
  // Begins the first round of `puller`: returns the moment.
  base::SteadyTime BeginRound(Puller& puller, Station& partner) {
    puller.engine.Start();
    EXPECT_TRUE(world_->scheduler().RunUntil([&] { return !partner.Got<wire::PullHello>().empty(); }, 5s));
    return partner.Got<wire::PullHello>().back().time - kLatency;
  }
  static std::uint64_t NonceAt(const Station& station) {
    return station.Got<wire::PullHello>().back().message().As<wire::PullHello>()->nonce;
  }
  static void SendDigest(Station& from, const Station& to, std::uint64_t nonce, const Ids& ids) {
    from.Send(to, wire::PullDigest{.nonce = nonce, .digests = Slices(ids), .type = wire::PullType::kBlock}, kChannel);
  }
  static void SendRequest(Station& from, const Station& to, std::uint64_t nonce, const Ids& ids) {
    from.Send(to, wire::PullRequest{.nonce = nonce, .digests = Slices(ids), .type = wire::PullType::kBlock}, kChannel);
  }
  static void SendUpdate(Station& from, const Station& to, std::uint64_t nonce, const Ids& ids) {
    wire::PullUpdate update{.nonce = nonce, .data = {}, .type = wire::PullType::kBlock};
    for (const std::string& id : ids) update.data.push_back(Item(id));
    from.Send(to, update, kChannel);
  }
  static void SendHello(Station& from, const Station& to, std::uint64_t nonce) {
    from.Send(to, wire::PullHello{.nonce = nonce, .type = wire::PullType::kBlock}, kChannel);
  }
  static Ids Requested(const Station& station) {
    Ids ids;
    for (const Arrival& arrival : station.Got<wire::PullRequest>()) {
      for (const std::string& id : Texts(arrival.message().As<wire::PullRequest>()->digests)) ids.push_back(id);
    }
    return ids;
  }
  void RunFor(base::Duration duration) { world_->scheduler().RunFor(duration); }
  base::SteadyTime Now() const { return world_->scheduler().Now(); }

  std::unique_ptr<simulation::World> world_ = MakeWorld(7);
  simulation::Authority authority_{7};
  int next_host_ = 0;
  std::vector<std::unique_ptr<Puller>> pullers_;
  std::vector<std::unique_ptr<Station>> stations_;
};

// ---- Rounds

TEST_F(PullEngineTest, TheFirstRoundComesAtRandomAndThenOneEachInterval) {
  std::set<base::SteadyTime> first_rounds;
  for (int i = 0; i < 4; ++i) {
    Puller& puller = AddPuller();
    Station& partner = AddStation();
    Connect(puller, partner);
    puller.shelf.partners = {partner.AsPeer()};
    const base::SteadyTime started = Now();
    puller.engine.Start();
    RunFor(13s);
    const auto hellos = partner.Got<wire::PullHello>();
    ASSERT_GE(hellos.size(), 3u);
    EXPECT_EQ(hellos[1].time - hellos[0].time, 4s);
    EXPECT_EQ(hellos[2].time - hellos[1].time, 4s);
    EXPECT_NE(hellos[0].message().As<wire::PullHello>()->nonce, hellos[1].message().As<wire::PullHello>()->nonce);
    EXPECT_LE(hellos[0].time - started, 4s + kLatency);
    first_rounds.insert(base::SteadyTime(hellos[0].time - started));
  }
  EXPECT_EQ(first_rounds.size(), 4u) << "nodes are not in step";
}

TEST_F(PullEngineTest, WithoutPartnersNothingIsDone) {
  Puller& puller = AddPuller({"1"});
  const std::uint64_t before = world_->network().messages();
  puller.engine.Start();
  RunFor(20s);
  EXPECT_EQ(world_->network().messages(), before);
  EXPECT_EQ(puller.engine.sessions(), 0u);
}

TEST_F(PullEngineTest, ARoundAsksAsManyDifferentPartnersAsConfigured) {
  Puller& puller = AddPuller({}, {.peers = 3});
  const std::vector<Station*> partners = AddPartners(puller, 5);
  std::set<const Station*> ever;
  puller.engine.Start();
  RunFor(4s);
  for (int round = 0; round < 8; ++round) {
    std::size_t asked = 0;
    for (Station* partner : partners) {
      const std::size_t hellos = partner->Got<wire::PullHello>().size();
      EXPECT_LE(hellos, 1u);
      asked += hellos;
      if (hellos == 1) ever.insert(partner);
      partner->arrivals.clear();
    }
    EXPECT_EQ(asked, 3u);
    RunFor(4s);
  }
  EXPECT_EQ(ever.size(), 5u);
}

TEST_F(PullEngineTest, InASettledViewOnlyOneIsAskedAfterARoundWithoutNews) {
  Puller& puller = AddPuller({}, {.peers = 3});
  const std::vector<Station*> partners = AddPartners(puller, 5);
  const auto hellos_within = [&](base::Duration time) {
    for (Station* partner : partners) partner->arrivals.clear();
    RunFor(time);
    std::size_t hellos = 0;
    for (const Station* partner : partners) hellos += partner->Got<wire::PullHello>().size();
    return hellos;
  };
  puller.engine.Start();
  EXPECT_EQ(hellos_within(40s), 30u);
  puller.unchanged_since = Now();
  hellos_within(20s);
  EXPECT_EQ(hellos_within(40s), 10u);
  puller.shelf.held.emplace("1", Item("1"));
  EXPECT_EQ(hellos_within(4s), 3u) << "there may be more that was missed";
  EXPECT_EQ(hellos_within(4s), 1u);
}

TEST_F(PullEngineTest, ThreeRespondersGiveEachMissingItemOnce) {
  Puller& puller = AddPuller({"1", "2"});
  const std::vector<Ids> held = {{"1", "3", "4", "5"}, {"2", "3", "4", "5", "6"}, {"3", "7"}};
  std::vector<Puller*> responders;
  for (const Ids& ids : held) {
    responders.push_back(&AddPuller(ids));
    Connect(puller, *responders.back());
    puller.shelf.partners.push_back(responders.back()->AsPeer());
  }
  puller.engine.Start();
  RunFor(4s + 4 * kLatency);
  Ids requested;
  for (std::size_t i = 0; i < responders.size(); ++i) {
    for (const std::string& id : Requested(*responders[i])) {
      EXPECT_TRUE(std::ranges::find(held[i], id) != held[i].end()) << id << " was not announced by " << i;
      requested.push_back(id);
    }
  }
  std::ranges::sort(requested);
  EXPECT_EQ(requested, (Ids{"3", "4", "5", "6", "7"}));
  std::ranges::sort(puller.shelf.received);
  EXPECT_EQ(puller.shelf.received, (Ids{"3", "4", "5", "6", "7"}));
  EXPECT_EQ(puller.Refused("data_update", "unknown_nonce"), 0u);
}

TEST_F(PullEngineTest, RequestsLeaveAsSoonAsAllDigestsHaveCome) {
  Puller& puller = AddPuller();
  std::vector<Station*> partners;
  for (int i = 0; i < 3; ++i) {
    partners.push_back(&AddStation());
    Connect(puller, *partners.back());
    puller.shelf.partners.push_back(partners.back()->AsPeer());
  }
  const base::SteadyTime began = BeginRound(puller, *partners[0]);
  for (int i = 0; i < 3; ++i) {
    world_->After(10ms * (i + 1) - kLatency, [partner = partners[static_cast<std::size_t>(i)], &puller, i] {
      SendDigest(*partner, puller, NonceAt(*partner), {std::to_string(i)});
    });
  }
  RunFor(100ms);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto requests = partners[i]->Got<wire::PullRequest>();
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_EQ(requests[0].time, began + kLatency + 30ms + kLatency);
    EXPECT_EQ(Requested(*partners[i]), Ids{std::to_string(i)});
  }
}

TEST_F(PullEngineTest, AfterTheLossOfADigestRequestsLeaveExactlyAtDigestWait) {
  Puller& puller = AddPuller();
  Station& answering = AddStation();
  Station& silent = AddStation();
  for (Station* partner : {&answering, &silent}) {
    Connect(puller, *partner);
    puller.shelf.partners.push_back(partner->AsPeer());
  }
  const base::SteadyTime began = BeginRound(puller, answering);
  SendDigest(answering, puller, NonceAt(answering), {"1", "2"});
  RunFor(1200ms);
  const auto requests = answering.Got<wire::PullRequest>();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].time, began + 1s + kLatency);
  EXPECT_EQ(Requested(answering), (Ids{"1", "2"}));
  EXPECT_TRUE(silent.Got<wire::PullRequest>().empty());
  EXPECT_EQ(puller.engine.sessions(), 1u) << "the silent partner's session is over";
}

TEST_F(PullEngineTest, WhatCameDuringTheDigestWaitIsNotAskedFor) {
  Puller& puller = AddPuller();
  Station& partner = AddStation();
  Station& silent = AddStation();
  for (Station* peer : {&partner, &silent}) {
    Connect(puller, *peer);
    puller.shelf.partners.push_back(peer->AsPeer());
  }
  BeginRound(puller, partner);
  SendDigest(partner, puller, NonceAt(partner), {"1", "2"});
  RunFor(500ms);
  puller.shelf.held.emplace("1", Item("1"));  // pushed
  RunFor(600ms);
  EXPECT_EQ(Requested(partner), Ids{"2"});
}

TEST_F(PullEngineTest, ADigestMayNameAnIdTwiceAndTooManyAreCutOff) {
  Puller& puller = AddPuller({"9"}, {.max_digest_items = 4});
  Station& partner = AddStation();
  Connect(puller, partner);
  puller.shelf.partners = {partner.AsPeer()};
  BeginRound(puller, partner);
  SendDigest(partner, puller, NonceAt(partner), {"1", "1", "9", "2", "3"});
  RunFor(10ms);
  EXPECT_EQ(Requested(partner), (Ids{"1", "2"}));
  EXPECT_EQ(puller.Refused("data_dig", "too_many_ids"), 1u);
}

TEST_F(PullEngineTest, RepeatingAnIdInADigestDoesNotAttractTheRequest) {
  Puller& puller = AddPuller();
  Station& loud = AddStation();
  Station& fair = AddStation();
  for (Station* partner : {&loud, &fair}) {
    Connect(puller, *partner);
    puller.shelf.partners.push_back(partner->AsPeer());
  }
  BeginRound(puller, loud);
  for (int round = 0; round < 40; ++round) {
    RunFor(100ms);  // both hellos are here
    SendDigest(loud, puller, NonceAt(loud), Ids(1000, "1"));
    SendDigest(fair, puller, NonceAt(fair), {"1"});
    RunFor(3900ms);
  }
  EXPECT_EQ(Requested(loud).size() + Requested(fair).size(), 40u);
  EXPECT_GE(Requested(fair).size(), 10u) << "about half of them";
}

TEST_F(PullEngineTest, NothingIsRequestedWhenNothingIsMissing) {
  Puller& puller = AddPuller({"1"});
  Station& partner = AddStation();
  Connect(puller, partner);
  puller.shelf.partners = {partner.AsPeer()};
  BeginRound(puller, partner);
  SendDigest(partner, puller, NonceAt(partner), {"1"});
  RunFor(2s);
  EXPECT_TRUE(partner.Got<wire::PullRequest>().empty());
  EXPECT_EQ(puller.engine.sessions(), 0u);
}

// ---- Sessions

TEST_F(PullEngineTest, D21_ADigestAfterTheEndOfItsRoundIsAttributedToNobody) {
  Puller& puller = AddPuller();
  Station& partner = AddStation();
  Connect(puller, partner);
  puller.shelf.partners = {partner.AsPeer()};
  const base::SteadyTime began = BeginRound(puller, partner);
  const std::uint64_t nonce = NonceAt(partner);
  world_->scheduler().RunUntil(began + 1s);
  EXPECT_EQ(puller.engine.sessions(), 0u);
  SendDigest(partner, puller, nonce, {"1"});
  RunFor(10ms);
  EXPECT_EQ(puller.Refused("data_dig", "unknown_nonce"), 1u);
  // In the next round's digest wait the old nonce is as unknown.
  world_->scheduler().RunUntil(began + 4s + 10ms);
  SendDigest(partner, puller, nonce, {"1"});
  RunFor(3s);
  EXPECT_EQ(puller.Refused("data_dig", "unknown_nonce"), 2u);
  EXPECT_TRUE(partner.Got<wire::PullRequest>().empty());
}

TEST_F(PullEngineTest, D21_ANonceLearnedByAnotherPeerIsUselessAtTheInitiator) {
  Puller& puller = AddPuller();
  Station& partner = AddStation();
  Station& thief = AddStation();
  Connect(puller, partner);
  Connect(thief, puller);
  puller.shelf.partners = {partner.AsPeer()};
  BeginRound(puller, partner);
  const std::uint64_t nonce = NonceAt(partner);
  SendDigest(thief, puller, nonce, {"666"});
  RunFor(10ms);
  EXPECT_EQ(puller.Refused("data_dig", "unknown_nonce"), 1u);
  SendDigest(partner, puller, nonce, {"1"});
  RunFor(10ms);
  EXPECT_EQ(Requested(partner), Ids{"1"});
  EXPECT_TRUE(thief.Got<wire::PullRequest>().empty());
  SendUpdate(thief, puller, nonce, {"1"});
  RunFor(10ms);
  EXPECT_EQ(puller.Refused("data_update", "unknown_nonce"), 1u);
  EXPECT_TRUE(puller.shelf.received.empty());
  SendUpdate(partner, puller, nonce, {"1"});
  RunFor(10ms);
  EXPECT_EQ(puller.shelf.received, Ids{"1"});
  EXPECT_EQ(puller.shelf.received_from, std::vector{partner.pki_id()});
}

TEST_F(PullEngineTest, D21_ANonceLearnedByAnotherPeerIsUselessAtTheResponder) {
  Puller& responder = AddPuller({"1"});
  Station& asking = AddStation();
  Station& thief = AddStation();
  Connect(asking, responder);
  Connect(thief, responder);
  SendHello(asking, responder, 77);
  RunFor(10ms);
  SendRequest(thief, responder, 77, {"1"});
  RunFor(10ms);
  EXPECT_EQ(responder.Refused("data_req", "unknown_nonce"), 1u);
  EXPECT_TRUE(thief.arrivals.empty());
  SendRequest(asking, responder, 77, {"1"});
  RunFor(10ms);
  EXPECT_EQ(asking.Got<wire::PullUpdate>().size(), 1u);
}

TEST_F(PullEngineTest, AnUpdateMustBeAskedForAndComesOnce) {
  Puller& puller = AddPuller();
  Station& partner = AddStation();
  Connect(puller, partner);
  puller.shelf.partners = {partner.AsPeer()};
  BeginRound(puller, partner);
  const std::uint64_t nonce = NonceAt(partner);
  SendUpdate(partner, puller, nonce, {"1"});
  RunFor(10ms);
  EXPECT_EQ(puller.Refused("data_update", "unknown_nonce"), 1u) << "nothing has been requested yet";
  SendDigest(partner, puller, nonce, {"1"});
  RunFor(10ms);
  SendDigest(partner, puller, nonce, {"2"});
  RunFor(10ms);
  EXPECT_EQ(puller.Refused("data_dig", "repeated"), 1u);
  EXPECT_EQ(Requested(partner), Ids{"1"});
  SendUpdate(partner, puller, nonce, {"1", "2"});
  RunFor(10ms);
  EXPECT_EQ(puller.Refused("data_update", "more_than_asked"), 1u);
  SendUpdate(partner, puller, nonce, {"1"});
  RunFor(10ms);
  SendUpdate(partner, puller, nonce, {"1"});
  RunFor(10ms);
  EXPECT_EQ(puller.Refused("data_update", "unknown_nonce"), 2u);
  EXPECT_EQ(puller.shelf.received, Ids{"1"});
  EXPECT_EQ(puller.engine.sessions(), 0u);
}

TEST_F(PullEngineTest, AnUpdateIsAcceptedUntilResponseWait) {
  for (const base::Duration offset : {-1us, 1us}) {
    SCOPED_TRACE(offset.count());
    Puller& puller = AddPuller();
    Station& partner = AddStation();
    Connect(puller, partner);
    puller.shelf.partners = {partner.AsPeer()};
    BeginRound(puller, partner);
    const std::uint64_t nonce = NonceAt(partner);
    SendDigest(partner, puller, nonce, {"1"});
    RunFor(kLatency);  // the request leaves now
    ASSERT_EQ(puller.engine.sessions(), 1u);
    RunFor(2s - kLatency + offset);
    SendUpdate(partner, puller, nonce, {"1"});
    RunFor(10ms);
    EXPECT_EQ(puller.shelf.received, offset < 0s ? Ids{"1"} : Ids{});
    EXPECT_EQ(puller.engine.sessions(), 0u);
    puller.engine.Stop();
  }
}

TEST_F(PullEngineTest, AResponderRemembersANonceForRequestWait) {
  Puller& responder = AddPuller({"1"});
  Station& asking = AddStation();
  Connect(asking, responder);
  SendHello(asking, responder, 1);
  SendHello(asking, responder, 2);
  RunFor(kLatency);
  EXPECT_EQ(responder.engine.sessions(), 2u);
  RunFor(1500ms - kLatency - 1us);
  SendRequest(asking, responder, 1, {"1"});
  RunFor(2us);
  SendRequest(asking, responder, 2, {"1"});
  RunFor(10ms);
  const auto updates = asking.Got<wire::PullUpdate>();
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].message().As<wire::PullUpdate>()->nonce, 1u);
  EXPECT_EQ(responder.Refused("data_req", "unknown_nonce"), 1u);
  EXPECT_EQ(responder.engine.sessions(), 0u);
}

TEST_F(PullEngineTest, EachHelloIsGoodForOneDigestAndOneUpdate) {
  Puller& responder = AddPuller({"1", "2"});
  Station& asking = AddStation();
  Connect(asking, responder);
  SendHello(asking, responder, 1);
  SendHello(asking, responder, 1);
  SendRequest(asking, responder, 1, {"2", "1", "2", "3"});
  SendRequest(asking, responder, 1, {"1"});
  RunFor(10ms);
  EXPECT_EQ(responder.shelf.asked_for, (Ids{"2", "1", "3"}));
  EXPECT_EQ(responder.Refused("hello", "repeated"), 1u);
  EXPECT_EQ(responder.Refused("data_req", "repeated"), 1u);
  ASSERT_EQ(asking.Got<wire::PullDigest>().size(), 1u);
  EXPECT_EQ(Texts(asking.Got<wire::PullDigest>()[0].message().As<wire::PullDigest>()->digests), (Ids{"1", "2"}));
  ASSERT_EQ(asking.Got<wire::PullUpdate>().size(), 1u);
  EXPECT_EQ(asking.Got<wire::PullUpdate>()[0].message().As<wire::PullUpdate>()->data,
            (std::vector{Item("2"), Item("1")}));
}

TEST_F(PullEngineTest, EmptyDigestsAndUpdatesAreNotSent) {
  Puller& responder = AddPuller();
  Station& asking = AddStation();
  Connect(asking, responder);
  SendHello(asking, responder, 1);
  SendRequest(asking, responder, 1, {"1"});
  RunFor(3s);
  EXPECT_TRUE(asking.arrivals.empty());
}

// ---- Bounds

TEST_F(PullEngineTest, D4_HellosOfAPeerThatNeverReadsStopNobody) {
  Ids ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(std::to_string(i));
  Puller& victim = AddPuller(ids);
  comm::CommConfig wide;
  wide.send_buffer = 5000;
  Station& flooder = AddStation(wide);
  Station& honest = AddStation();
  Connect(flooder, victim);
  Connect(honest, victim);
  flooder.host.StopReading();
  for (std::uint64_t nonce = 1; nonce <= 2200; ++nonce) SendHello(flooder, victim, nonce);
  RunFor(100ms);
  EXPECT_EQ(victim.Got<wire::PullHello>().size(), 2200u);
  EXPECT_EQ(victim.engine.sessions(), 8u);
  EXPECT_EQ(victim.Refused("hello", "too_many_of_peer"), 2192u);
  const base::SteadyTime asked = Now();
  SendHello(honest, victim, 5);
  RunFor(10ms);
  ASSERT_EQ(honest.Got<wire::PullDigest>().size(), 1u);
  EXPECT_EQ(honest.Got<wire::PullDigest>()[0].time, asked + 2 * kLatency);
  RunFor(1500ms);
  EXPECT_EQ(victim.engine.sessions(), 0u);
}

TEST_F(PullEngineTest, SessionsOfAllPeersTogetherAreBounded) {
  Puller& responder = AddPuller({"1"}, {.max_sessions = 2});
  std::vector<Station*> peers;
  for (int i = 0; i < 3; ++i) {
    peers.push_back(&AddStation());
    Connect(*peers.back(), responder);
  }
  for (Station* peer : peers) {
    SendHello(*peer, responder, 1);
    RunFor(10ms);
  }
  EXPECT_EQ(responder.engine.sessions(), 2u);
  EXPECT_EQ(responder.Refused("hello", "too_many"), 1u);
  EXPECT_TRUE(peers[2]->Got<wire::PullDigest>().empty());
  RunFor(1500ms);
  SendHello(*peers[2], responder, 2);
  RunFor(10ms);
  EXPECT_EQ(peers[2]->Got<wire::PullDigest>().size(), 1u);
}

TEST_F(PullEngineTest, TooManyIdsInARequestAreCutOff) {
  Puller& responder = AddPuller({"1", "2", "3"}, {.max_digest_items = 2});
  Station& asking = AddStation();
  Connect(asking, responder);
  SendHello(asking, responder, 1);
  SendRequest(asking, responder, 1, {"1", "2", "3"});
  RunFor(10ms);
  EXPECT_EQ(responder.shelf.asked_for, (Ids{"1", "2"}));
  EXPECT_EQ(responder.Refused("data_req", "too_many_ids"), 1u);
}

// ---- Messages

TEST_F(PullEngineTest, MessagesCarryTypeTagAndChannelOfTheirKind) {
  for (const wire::PullType type : {wire::PullType::kBlock, wire::PullType::kIdentity}) {
    const bool is_block = type == wire::PullType::kBlock;
    Puller& puller = AddPuller({}, {}, type);
    Puller& responder = AddPuller({"1"}, {}, type);
    Connect(puller, responder);
    puller.shelf.partners = {responder.AsPeer()};
    puller.engine.Start();
    RunFor(4s + 4 * kLatency);
    EXPECT_EQ(puller.shelf.received, Ids{"1"});
    std::vector<Arrival> messages = responder.arrivals;  // hello, request
    messages.insert(messages.end(), puller.arrivals.begin(), puller.arrivals.end());
    ASSERT_EQ(messages.size(), 4u);
    for (const Arrival& arrival : messages) {
      EXPECT_EQ(arrival.message().tag, is_block ? wire::Tag::kChannelAndOrg : wire::Tag::kEmpty);
      EXPECT_EQ(arrival.message().channel, is_block ? kChannel : "");
      EXPECT_EQ(arrival.message().nonce, 0u);
      EXPECT_TRUE(arrival.received->envelope().signature().empty());
    }
    puller.engine.Stop();
  }
}

TEST_F(PullEngineTest, MessagesOfAnotherTypeOrChannelAreRefused) {
  Puller& responder = AddPuller({"1"});
  Station& asking = AddStation();
  Connect(asking, responder);
  asking.Send(responder, wire::PullHello{.nonce = 1, .type = wire::PullType::kIdentity}, kChannel);
  asking.Send(responder, wire::PullHello{.nonce = 2, .type = wire::PullType::kBlock}, "another");
  asking.Send(responder, wire::PullHello{.nonce = 3, .type = wire::PullType::kUndefined}, kChannel);
  asking.Send(responder, wire::StateInfoPullRequest{}, kChannel);
  RunFor(10ms);
  EXPECT_EQ(responder.Refused("hello", "wrong_type"), 3u);
  EXPECT_EQ(responder.engine.sessions(), 0u);
  EXPECT_TRUE(asking.arrivals.empty());
}

// ---- Fetch

TEST_F(PullEngineTest, FetchAsksAtOnceAndReportsTheUpdate) {
  Puller& puller = AddPuller();
  Puller& responder = AddPuller({"1", "2", "3"});
  Connect(puller, responder);
  const base::SteadyTime asked = Now();
  std::optional<bool> outcome;
  const auto handle =
      puller.engine.Fetch(responder.remote(), Slices({"1", "3", "4"}), [&](bool answered) { outcome = answered; });
  RunFor(10ms);
  EXPECT_EQ(outcome, true);
  EXPECT_EQ(puller.shelf.received, (Ids{"1", "3"}));
  EXPECT_EQ(puller.Got<wire::PullUpdate>()[0].time, asked + 2 * kLatency);
  // The digest that the hello brings is ignored quietly.
  EXPECT_EQ(puller.Got<wire::PullDigest>().size(), 1u);
  EXPECT_EQ(puller.Refused("data_dig", "unknown_nonce"), 0u);
  EXPECT_EQ(puller.engine.sessions(), 0u);
}

TEST_F(PullEngineTest, AFetchWithoutAnswerFailsAfterResponseWait) {
  Puller& puller = AddPuller();
  Station& silent = AddStation();
  Connect(puller, silent);
  const base::SteadyTime asked = Now();
  std::optional<base::SteadyTime> failed;
  const auto handle = puller.engine.Fetch(silent.remote(), Slices({"1"}), [&](bool answered) {
    EXPECT_FALSE(answered);
    failed = Now();
  });
  RunFor(5s);
  EXPECT_EQ(failed, asked + 2s);
  EXPECT_EQ(puller.engine.sessions(), 0u);
}

TEST_F(PullEngineTest, AFetchThatCannotBeMadeFailsInAnEventOfItsOwn) {
  Puller& puller = AddPuller();
  Station& peer = AddStation();
  std::vector<bool> outcomes;
  const auto done = [&](bool answered) { outcomes.push_back(answered); };
  const auto no_ids = puller.engine.Fetch(peer.remote(), {}, done);
  const auto no_pki_id = puller.engine.Fetch({peer.host.endpoint(), std::nullopt}, Slices({"1"}), done);
  const auto pending = puller.engine.Fetch(peer.remote(), Slices({"1"}), done);
  puller.engine.Stop();
  const auto stopped = puller.engine.Fetch(peer.remote(), Slices({"1"}), done);
  EXPECT_TRUE(outcomes.empty());
  EXPECT_EQ(puller.engine.sessions(), 0u);
  RunFor(1ms);
  EXPECT_EQ(outcomes, (std::vector<bool>{false, false, false, false}));
}

TEST_F(PullEngineTest, DestroyingItsHandleEndsAFetch) {
  Puller& puller = AddPuller();
  Puller& responder = AddPuller({"1"});
  Connect(puller, responder);
  bool called = false;
  auto handle = puller.engine.Fetch(responder.remote(), Slices({"1"}), [&](bool) { called = true; });
  handle.Reset();
  EXPECT_EQ(puller.engine.sessions(), 0u);
  RunFor(5s);
  EXPECT_FALSE(called);
  EXPECT_TRUE(puller.shelf.received.empty());
  EXPECT_EQ(puller.Refused("data_update", "unknown_nonce"), 1u);
}

// ---- Stop

TEST_F(PullEngineTest, AfterStopNothingIsAskedOrAnswered) {
  Puller& puller = AddPuller({"1"});
  Station& peer = AddStation();
  Connect(puller, peer);
  puller.shelf.partners = {peer.AsPeer()};
  BeginRound(puller, peer);
  SendHello(peer, puller, 1);
  RunFor(10ms);
  EXPECT_EQ(puller.engine.sessions(), 2u);
  const std::uint64_t nonce = NonceAt(peer);
  peer.arrivals.clear();
  puller.engine.Stop();
  EXPECT_EQ(puller.engine.sessions(), 0u);
  SendDigest(peer, puller, nonce, {"2"});
  SendHello(peer, puller, 2);
  SendRequest(peer, puller, 1, {"1"});
  RunFor(20s);
  EXPECT_TRUE(peer.arrivals.empty());
  puller.engine.Start();
  RunFor(4s + kLatency);
  EXPECT_EQ(peer.Got<wire::PullHello>().size(), 1u);
}

}  // namespace
}  // namespace grapevine::gossip

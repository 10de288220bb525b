// One hostile peer in a network of complete nodes: whatever it does, the others see each other all the time, blocks
// reach everybody, nothing leaks, nothing grows without bound, and nothing of it stays (14.3).
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simulation/adversary.h"
#include "simulation/gossip_network.h"
#include "simulation/simulated_block.h"
#include "support/seeds.h"

namespace grapevine::scenarios {
namespace {

using namespace std::chrono_literals;
using simulation::Adversary;
using simulation::CrashKind;
using simulation::GossipNetwork;
using simulation::GossipNetworkOptions;

constexpr std::size_t kHidden = 2;  // without external endpoint, of Org1MSP
constexpr char kOwnOrganization[] = "Org1MSP";
constexpr char kForeignOrganization[] = "Org2MSP";

GossipNetworkOptions Options() {
  GossipNetworkOptions options;
  options.peers = {3, 2};
  options.hidden = {kHidden};
  options.gossip.identities.usage_threshold = 10min;  // so that unused identities are gone within the scenario
  return options;
}

// What a hostile peer could make a node keep.
struct Level {
  std::size_t alive = 0;
  std::size_t dead = 0;
  std::size_t identities = 0;
  std::size_t stored_identities = 0;
  std::size_t state_infos = 0;
  std::size_t blocks = 0;
  std::size_t connections = 0;

  friend bool operator==(const Level&, const Level&) = default;
};

void PrintTo(const Level& level, std::ostream* out) {
  *out << "alive " << level.alive << ", dead " << level.dead << ", identities " << level.identities << ", stored "
       << level.stored_identities << ", state infos " << level.state_infos << ", blocks " << level.blocks
       << ", connections " << level.connections;
}

// The honest network and the adversary, watched.
class Scene {
 public:
  explicit Scene(std::uint64_t seed, const std::string& organization = kOwnOrganization)
      : network_(seed, Options()),
        adversary_(network_.world(), network_.authority(), "mallory",
                   network_.authority().Issue(organization, "mallory")),
        foreign_(organization != kOwnOrganization) {
    network_.StartAll();
    network_.RunFor(30s);
    for (std::size_t i = 0; i < network_.size(); ++i) {
      views_.push_back(network_.AliveAt(i));
      members_.push_back(network_.ChannelMembersAt(i));
      levels_.push_back(LevelOf(i));
    }
    // The premise: the visible ones see one another, and the hidden one is seen at home.
    EXPECT_EQ(views_[0], (std::set<std::size_t>{1, kHidden, 3, 4}));
    EXPECT_EQ(views_[3], (std::set<std::size_t>{0, 1, 4}));
    EXPECT_EQ(members_[0], (std::set<std::size_t>{1, kHidden, 3, 4}));
  }

  GossipNetwork& network() { return network_; }
  Adversary& adversary() { return adversary_; }
  std::uint64_t Clock() {
    return static_cast<std::uint64_t>(adversary_.host().environment().executor.WallNow().time_since_epoch().count());
  }

  void ToAll(const wire::Envelope& message) {
    for (std::size_t i = 0; i < network_.size(); ++i) adversary_.Send(network_.peer(i), message);
  }
  void ToAll(const wire::Message& message) { ToAll(wire::UnsignedEnvelope(message)); }

  // The adversary becomes a member that everybody talks to.
  void Join() {
    const auto alive = adversary_.Signed(wire::NewMessage(adversary_.Alive(Clock(), 1)));
    ToAll(wire::NewMessage(wire::MembershipRequest{alive}, {}, 7));
    network_.RunFor(1s);
    ToAll(adversary_.Signed(wire::NewMessage(adversary_.StateInfo(network_.channel(), Clock(), 1, 1))));
    network_.RunFor(1s);
  }

  // Calls `attack` ten times a second. Meanwhile honest peers publish a block in each organisation every second.
  void Attack(const std::function<void(std::size_t step)>& attack, base::Duration duration) {
    const auto end = network_.scheduler().Now() + duration;
    for (std::size_t step = 0; network_.scheduler().Now() < end; ++step) {
      if (step % 10 == 0) Publish();
      attack(step);
      for (int i = 0; i < 10; ++i) {
        network_.RunFor(10ms);
        Check();
      }
      if (step % 10 == 9) {
        EXPECT_TRUE(network_.AllHave(network_.chain_height())) << "a block took more than a second";
      }
      if (::testing::Test::HasFailure()) return;
    }
    ExpectNoLeak();
  }

  // A block enters at the leader of each organisation.
  void Publish() {
    const std::uint64_t number = network_.chain_height();
    const base::Bytes block = network_.NextBlock();
    for (std::size_t organization = 0; organization < 2; ++organization) {
      network_.peer(network_.first_of(organization)).Publish(network_.channel(), number, block);
    }
  }

  void Check() {
    for (std::size_t i = 0; i < network_.size(); ++i) {
      if (!network_.peer(i).running()) continue;
      const auto alive = network_.AliveAt(i);
      const auto members = network_.ChannelMembersAt(i);
      for (const std::size_t other : views_[i]) {
        if (!network_.peer(other).running()) continue;
        EXPECT_TRUE(alive.contains(other)) << "peer " << i << " does not see " << other;
        EXPECT_TRUE(members.contains(other)) << "peer " << i << " does not see " << other << " in the channel";
      }
      const Level level = LevelOf(i);
      // The adversary itself may be seen, and what it answers for in the roster; nothing else may come of it.
      EXPECT_LE(level.alive, views_[i].size() + 1) << "peer " << i;
      EXPECT_LE(level.dead, 2) << "peer " << i;
      EXPECT_LE(level.identities, network_.size() + 2) << "peer " << i;
      EXPECT_LE(level.stored_identities, network_.size() + 2) << "peer " << i;
      EXPECT_LE(level.state_infos, network_.size() + 1) << "peer " << i;
      EXPECT_LE(level.blocks, 120) << "peer " << i;
      EXPECT_LE(level.connections, network_.size() + 1) << "peer " << i;
    }
  }

  // The adversary is gone for 20 minutes.
  void ExpectEverythingAsBefore() {
    adversary_.Disappear();
    network_.RunFor(20min);
    Check();
    for (std::size_t i = 0; i < network_.size(); ++i) {
      if (!network_.peer(i).running()) continue;
      EXPECT_EQ(LevelOf(i), levels_[i]) << "peer " << i << ": " << ConnectionsOf(i);
    }
  }

  // What the adversary has heard: no internal endpoint, hidden peer or block of another organisation.
  void ExpectNoLeak() {
    for (const auto& [from, envelope] : adversary_.overheard()) {
      if (foreign_ == (OrganizationOf(from) == kOwnOrganization)) LookInto(envelope);
    }
  }

 private:
  // Whom a node has connections with, for failures.
  std::string ConnectionsOf(std::size_t i) {
    std::string text;
    for (const comm::PeerState& state : network_.peer(i).gossip().comm().Peers()) {
      text += " " + state.pki_id.Short() + " at '" + state.endpoint + "' with " + std::to_string(state.outgoing) + "+" +
              std::to_string(state.incoming) + " streams;";
    }
    return text + " own: " + network_.peer(i).pki_id().Short() + ", adversary: " + adversary_.pki_id().Short();
  }

  Level LevelOf(std::size_t i) {
    auto& gossip = network_.peer(i).gossip();
    auto* channel = gossip.FindChannel(network_.channel());
    // Without one to itself: a node dials itself where another claims its endpoint.
    const auto connections =
        static_cast<std::size_t>(std::ranges::count_if(gossip.comm().Peers(), [&](const comm::PeerState& state) {
          return state.pki_id != network_.peer(i).pki_id();
        }));
    const auto sizes = gossip.membership().sizes();
    return {.alive = sizes.alive,
            .dead = sizes.dead,
            .identities = gossip.identities().List().size(),
            .stored_identities = gossip.identity_exchange().stored(),
            .state_infos = channel->state_infos().size(),
            .blocks = channel->blocks().stored(),
            .connections = connections};
  }

  std::string OrganizationOf(const wire::PkiId& pki_id) {
    for (std::size_t i = 0; i < network_.size(); ++i) {
      if (network_.peer(i).pki_id() == pki_id) return network_.peer(i).organization();
    }
    return {};
  }

  void ExpectMayBeKnown(base::ByteView pki_id) {
    EXPECT_NE(pki_id, network_.peer(kHidden).pki_id().view()) << "the hidden peer is shown to strangers";
  }

  void LookInto(const wire::Envelope& envelope) {
    EXPECT_FALSE(envelope.secret()) << "an internal endpoint is shown to strangers";
    const auto message = wire::DecodeMessage(envelope.payload());
    ASSERT_TRUE(message);
    EXPECT_EQ(message->As<wire::DataMessage>(), nullptr) << "a block for another organisation";
    if (const auto* alive = message->As<wire::AliveMessage>()) ExpectMayBeKnown(alive->membership.pki_id.view());
    if (const auto* info = message->As<wire::StateInfo>()) ExpectMayBeKnown(info->pki_id.view());
    if (const auto* identity = message->As<wire::PeerIdentity>()) ExpectMayBeKnown(identity->pki_id.view());
    if (const auto* digest = message->As<wire::PullDigest>()) {
      EXPECT_EQ(digest->type, wire::PullType::kIdentity);
      for (const auto& id : digest->digests) ExpectMayBeKnown(id);
    }
    const auto each = [this](const std::vector<wire::Envelope>& parts) {
      for (const auto& part : parts) LookInto(part);
    };
    if (const auto* request = message->As<wire::MembershipRequest>()) LookInto(request->self_information);
    if (const auto* update = message->As<wire::PullUpdate>()) each(update->data);
    if (const auto* snapshot = message->As<wire::StateInfoSnapshot>()) each(snapshot->elements);
    if (const auto* response = message->As<wire::MembershipResponse>()) {
      each(response->alive);
      each(response->dead);
    }
  }

  GossipNetwork network_;
  Adversary adversary_;
  bool foreign_;
  std::vector<std::set<std::size_t>> views_;
  std::vector<std::set<std::size_t>> members_;
  std::vector<Level> levels_;
};

// Of the adversary: the victims' own, another one of the channel, one that is not in it; the own where time is short.
std::vector<const char*> Organizations() {
  if (testing::Quick()) return {kOwnOrganization};
  return {kOwnOrganization, kForeignOrganization, "Org3MSP"};
}

// Runs `scenario` for each seed with an adversary of `organization`.
void ForSeeds(const std::string& organization, const std::function<void(Scene&)>& scenario) {
  for (const std::uint64_t seed : testing::Seeds(1)) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed << ", adversary of " << organization);
    Scene scene(seed, organization);
    scenario(scene);
    if (!::testing::Test::HasFailure()) scene.ExpectEverythingAsBefore();
    if (::testing::Test::HasFailure()) return;
  }
}

// Hellos, membership requests and pull requests for state infos: each makes a node send more than it got.
void Ask(Scene& scene, std::size_t times) {
  auto& network = scene.network();
  Adversary& adversary = scene.adversary();
  const auto self = adversary.Signed(wire::NewMessage(adversary.Alive(scene.Clock(), 1)));
  for (std::size_t i = 0; i < times; ++i) {
    const auto nonce = network.world().random().Next();
    scene.ToAll(wire::NewMessage(wire::PullHello{.nonce = nonce, .type = wire::PullType::kIdentity}));
    scene.ToAll(wire::NewMessage(wire::PullHello{.nonce = nonce, .type = wire::PullType::kBlock}, network.channel()));
    scene.ToAll(wire::NewMessage(wire::MembershipRequest{self}, {}, nonce));
    scene.ToAll(
        wire::NewMessage(wire::StateInfoPullRequest{adversary.StateInfo(network.channel(), 1, 1, 1).channel_mac}));
  }
}

// D-4: 2,200 hellos of a client that never read stopped a node. Here they are 2,200 of each kind, to every node, in 22
// steps; where time is short still more than all queues hold.
std::size_t StepsOfAsking() { return testing::Quick() ? 6 : 22; }

TEST(AdversaryScenario, D4_APeerThatAsksAndNeverReadsStopsNobody) {
  for (const auto* organization : Organizations()) {
    ForSeeds(organization, [](Scene& scene) {
      Ask(scene, 1);
      scene.network().RunFor(1s);
      scene.adversary().host().StopReading();
      scene.Attack(
          [&](std::size_t step) {
            if (step < StepsOfAsking()) Ask(scene, 100);
          },
          40s);
    });
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(AdversaryScenario, D4_APeerThatAsksWithoutEndStopsNobody) {
  for (const auto* organization : Organizations()) {
    ForSeeds(organization, [](Scene& scene) {
      scene.Join();
      scene.Attack(
          [&](std::size_t step) {
            if (step < StepsOfAsking()) Ask(scene, 100);
          },
          10s);
    });
    if (::testing::Test::HasFailure()) return;
  }
}

// D-9: after a peer is forgotten, its recorded alive messages bring it back to life nowhere, also not at a node that
// has just been started.
TEST(AdversaryScenario, D9_RecordedAliveMessagesReviveNobody) {
  ForSeeds(kOwnOrganization, [](Scene& scene) {
    auto& network = scene.network();
    const std::size_t dead = 1;
    scene.Join();
    network.RunFor(20s);
    const wire::PkiId victim = network.peer(dead).pki_id();
    std::vector<wire::Envelope> recorded;
    const auto record = [&](const wire::Envelope& envelope) {
      const auto message = wire::DecodeMessage(envelope.payload());
      const auto* alive = message ? message->As<wire::AliveMessage>() : nullptr;
      if (alive != nullptr && alive->membership.pki_id == victim) recorded.push_back(envelope);
    };
    for (const auto& [from, envelope] : scene.adversary().overheard()) {
      record(envelope);
      const auto message = wire::DecodeMessage(envelope.payload());
      const auto* response = message ? message->As<wire::MembershipResponse>() : nullptr;
      if (response != nullptr) std::ranges::for_each(response->alive, record);
    }
    ASSERT_FALSE(recorded.empty());
    network.peer(dead).Crash(CrashKind::kMachine);
    network.RunFor(20min);
    network.peer(4).Crash(CrashKind::kProcess);
    network.peer(4).Restart(false);
    ASSERT_TRUE(
        network.RunUntil([&] { return network.AliveAt(4).size() == 2 && network.AliveAt(0).size() == 3; }, 60s));
    ASSERT_TRUE(network.RunUntil([&] { return network.ChannelMembersAt(3).contains(4); }, 20s));
    network.RunFor(10s);
    const auto replay = [&](std::size_t step) {
      const auto& envelope = recorded[step % recorded.size()];
      scene.ToAll(envelope);
      scene.ToAll(envelope.WithoutSecret());
      scene.ToAll(wire::NewMessage(wire::MembershipResponse{.alive = {envelope}, .dead = {envelope}}));
      for (std::size_t i = 0; i < network.size(); ++i) {
        if (i == dead) continue;
        EXPECT_FALSE(network.AliveAt(i).contains(dead)) << "peer " << i << " sees the dead";
      }
    };
    scene.Attack(replay, 10s);
    network.peer(dead).Restart();
    EXPECT_TRUE(
        network.RunUntil([&] { return network.AliveAt(0).contains(dead) && network.AliveAt(4).contains(dead); }, 30s));
    network.RunFor(10s);
  });
}

// D-2, D-3: lists of dead members that hold anything but alive messages, honest members, and thousands that nobody
// knows.
TEST(AdversaryScenario, D2_D3_ListsOfTheDeadFullOfRubbishAndOfStrangers) {
  ForSeeds(kForeignOrganization, [](Scene& scene) {
    auto& network = scene.network();
    Adversary& adversary = scene.adversary();
    scene.Join();
    const auto alive = [&](const wire::PkiId& pki_id, std::uint64_t sequence, base::Bytes identity) {
      wire::AliveMessage message = adversary.Alive(scene.Clock(), sequence);
      message.membership.pki_id = pki_id;
      message.identity = std::move(identity);
      return adversary.Signed(wire::NewMessage(message));
    };
    wire::MembershipResponse rubbish;
    rubbish.dead = {wire::Envelope::Make("no message"),
                    wire::Envelope::Make(""),
                    wire::UnsignedEnvelope(wire::NewMessage(wire::PullHello{.nonce = 1})),
                    adversary.Signed(wire::NewMessage(adversary.StateInfo(network.channel(), 1, 1, 1))),
                    wire::UnsignedEnvelope(wire::NewMessage(adversary.Alive(scene.Clock(), 2))),
                    alive(adversary.pki_id(), 3, {})};
    for (std::size_t i = 0; i < network.size(); ++i) {
      rubbish.dead.push_back(alive(network.peer(i).pki_id(), UINT64_MAX, {}));
    }
    rubbish.alive = rubbish.dead;
    wire::MembershipResponse strangers;
    for (int i = 0; i < 2000; ++i) {
      const base::Bytes identity = network.authority().IssueByUnknownCa(kOwnOrganization, "x" + std::to_string(i));
      strangers.dead.push_back(
          alive(*simulation::Authority::PkiIdOf(identity), 1, i % 2 == 0 ? identity : base::Bytes()));
    }
    scene.Attack(
        [&](std::size_t step) {
          scene.ToAll(wire::NewMessage(rubbish));
          if (step % 20 == 0) scene.ToAll(wire::NewMessage(strangers));
        },
        8s);
  });
}

TEST(AdversaryScenario, AliveMessagesWithBadSignaturesAndMadeUpNames) {
  ForSeeds(kOwnOrganization, [](Scene& scene) {
    auto& network = scene.network();
    Adversary& adversary = scene.adversary();
    scene.Join();
    std::uint64_t sequence = 1;
    scene.Attack(
        [&](std::size_t) {
          for (int i = 0; i < 40; ++i) {
            wire::AliveMessage message = adversary.Alive(scene.Clock(), ++sequence);
            const std::size_t victim = network.world().random().Below(network.size() + 1);
            base::Bytes made_up(std::string(32, '\0'));
            if (victim == network.size()) {
              message.identity = network.authority().IssueByUnknownCa(kOwnOrganization, std::to_string(sequence));
              message.membership.pki_id = *simulation::Authority::PkiIdOf(message.identity);
            } else {
              message.membership.pki_id = network.peer(victim).pki_id();
              if (i % 2 == 0) message.identity = network.peer(victim).identity();
            }
            scene.ToAll(adversary.Signed(wire::NewMessage(message)));
          }
        },
        8s);
  });
}

TEST(AdversaryScenario, ForgedBlocksForTheNextAndForFutureNumbers) {
  for (const auto* organization : {kOwnOrganization, "Org3MSP"}) {
    ForSeeds(organization, [](Scene& scene) {
      auto& network = scene.network();
      Adversary& adversary = scene.adversary();
      scene.Join();
      const auto block = [&](std::uint64_t number, base::ByteView signer, int variant) {
        const auto forged = simulation::MakeBlock(network.authority(), signer, network.channel(), number,
                                                  std::string(32, 'x'), {"forged " + std::to_string(variant)});
        return wire::NewMessage(wire::DataMessage{.payload = {.number = number, .block = forged}}, network.channel());
      };
      const auto stranger = network.authority().IssueByUnknownCa(simulation::kOrdererMspId, "orderer");
      scene.Attack(
          [&](std::size_t step) {
            const std::uint64_t next = network.chain_height();
            for (int variant = 0; variant < 4; ++variant) {
              scene.ToAll(block(next, variant % 2 == 0 ? adversary.identity() : stranger, variant));
            }
            for (const std::uint64_t ahead : {1UL, 9UL, 10UL, 11UL, 99UL, 100UL, 101UL, 100000UL}) {
              scene.ToAll(block(next + ahead + step, adversary.identity(), 0));
            }
            scene.ToAll(block(UINT64_MAX, adversary.identity(), 0));
            scene.ToAll(block(0, adversary.identity(), 0));
          },
          8s);
      for (std::size_t i = 0; i < network.size(); ++i) {
        EXPECT_EQ(network.peer(i).height(network.channel()), network.chain_height()) << "peer " << i;
      }
    });
    if (::testing::Test::HasFailure()) return;
  }
}

// Different signed messages of one timestamp to different peers, and heights that nobody has.
TEST(AdversaryScenario, APeerThatSaysOneThingToSomeAndAnotherToOthers) {
  ForSeeds(kOwnOrganization, [](Scene& scene) {
    auto& network = scene.network();
    Adversary& adversary = scene.adversary();
    scene.Join();
    const std::uint64_t start = scene.Clock();
    scene.Attack(
        [&](std::size_t step) {
          for (std::size_t i = 0; i < network.size(); ++i) {
            wire::AliveMessage alive = adversary.Alive(start, step + 2);
            alive.membership.endpoint = i % 2 == 0 ? network.peer(0).endpoint() : adversary.host().endpoint();
            alive.membership.metadata = base::Bytes(std::string(i + 1, 'm'));
            adversary.Send(network.peer(i), adversary.Signed(wire::NewMessage(alive)));
            wire::StateInfo info = adversary.StateInfo(network.channel(), start, step + 2, i % 2 == 0 ? UINT64_MAX : i);
            info.properties->left_channel = i == 1;
            adversary.Send(network.peer(i), adversary.Signed(wire::NewMessage(info)));
            const std::uint64_t number = network.chain_height();
            const auto block = simulation::MakeBlock(network.authority(), adversary.identity(), network.channel(),
                                                     number, std::string(32, 'x'), {std::to_string(i)});
            adversary.Send(
                network.peer(i),
                wire::NewMessage(wire::DataMessage{.payload = {.number = number, .block = block}}, network.channel()));
          }
        },
        10s);
  });
}

TEST(AdversaryScenario, ListsOfAHundredThousandElements) {
  ForSeeds(kOwnOrganization, [](Scene& scene) {
    auto& network = scene.network();
    Adversary& adversary = scene.adversary();
    scene.Join();
    constexpr std::size_t kMost = 100000;
    const auto info = adversary.Signed(wire::NewMessage(adversary.StateInfo(network.channel(), 1, 1, 1)));
    const std::vector<wire::Envelope> many(kMost, info);
    std::vector<base::Bytes> ids;
    for (std::size_t i = 0; i < kMost; ++i) ids.emplace_back(std::to_string(i));
    const std::vector<wire::Envelope> messages = {
        wire::UnsignedEnvelope(wire::NewMessage(wire::MembershipResponse{.alive = {}, .dead = many})),
        wire::UnsignedEnvelope(wire::NewMessage(wire::StateInfoSnapshot{many}, network.channel())),
        wire::UnsignedEnvelope(wire::NewMessage(
            wire::PullDigest{.nonce = 1, .digests = ids, .type = wire::PullType::kBlock}, network.channel())),
        wire::UnsignedEnvelope(
            wire::NewMessage(wire::PullUpdate{.nonce = 1, .data = many, .type = wire::PullType::kIdentity})),
        wire::UnsignedEnvelope(wire::NewMessage(
            wire::StateInfoSnapshot{std::vector<wire::Envelope>(kMost + 1, wire::Envelope())}, network.channel()))};
    scene.Attack(
        [&](std::size_t step) {
          if (step < messages.size()) adversary.Send(network.peer(0), messages[step]);
        },
        4s);
  });
}

}  // namespace
}  // namespace grapevine::scenarios

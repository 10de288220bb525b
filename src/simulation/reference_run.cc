#include "simulation/reference_run.h"

#include <memory>
#include <string>
#include <vector>

#include "simulation/model_fabric_peer.h"
#include "simulation/world.h"

namespace grapevine::simulation {

namespace {
constexpr std::size_t kPeers = 8;
constexpr int kSends = 400;
constexpr std::int64_t kDurationMs = 20'000;

struct Reference {
  explicit Reference(std::uint64_t seed) : world(seed, Lossy()), authority(seed) {
    for (std::size_t i = 0; i < kPeers; ++i) {
      HostOptions options;
      options.wall_offset = world.random().Between(base::Duration(-1'000'000'000), base::Duration(1'000'000'000));
      Host& host = world.AddHost("peer" + std::to_string(i), options);
      hosts.push_back(&host);
      peers.push_back(std::make_unique<ModelFabricPeer>(host, authority, authority.Issue("Org1MSP", host.name())));
    }
  }

  static NetworkConfig Lossy() {
    NetworkConfig config;
    config.link.loss_per_million = 20'000;
    config.link.bytes_per_second = 10'000'000;
    return config;
  }

  base::Duration SomeTime() { return std::chrono::milliseconds(world.random().Between(0, kDurationMs)); }

  void ScheduleSends() {
    for (int i = 0; i < kSends; ++i) {
      const std::size_t from = world.random().Below(kPeers);
      const std::size_t to = (from + 1 + world.random().Below(kPeers - 1)) % kPeers;
      wire::PullHello hello;
      hello.nonce = world.random().Next();
      world.After(SomeTime(), [this, from, to, envelope = wire::UnsignedEnvelope(wire::NewMessage(hello))] {
        if (peers[from] != nullptr && peers[to] != nullptr) {
          peers[from]->Send(peers[to]->endpoint(), peers[to]->pki_id(), envelope);
        }
      });
    }
  }

  void ScheduleFaults() {
    using namespace std::chrono_literals;
    world.After(3s, [this] { world.network().ResetConnections(*hosts[0], *hosts[1]); });
    world.After(5s, [this] { world.network().Partition({hosts[2], hosts[3]}, false); });
    world.After(8s, [this] { world.network().Partition({hosts[2], hosts[3]}, true); });
    world.After(9s, [this] { hosts[4]->executor().Pause(); });
    world.After(10s, [this] { hosts[4]->executor().Resume(); });
    world.After(11s, [this] {
      hosts[5]->Crash(CrashKind::kMachine);
      peers[5].reset();
    });
    world.After(13s, [this] {
      hosts[5]->Restart();
      peers[5] = std::make_unique<ModelFabricPeer>(*hosts[5], authority, authority.Issue("Org1MSP", hosts[5]->name()));
    });
    world.After(14s, [this] { hosts[6]->StopReading(); });
    world.After(16s, [this] { hosts[6]->SetReadInterval(1ms); });
    world.After(17s, [this] { peers[7]->Stop(); });
  }

  World world;
  Authority authority;
  std::vector<Host*> hosts;
  std::vector<std::unique_ptr<ModelFabricPeer>> peers;
};
}  // namespace

ReferenceRunResult RunReference(std::uint64_t seed) {
  Reference reference(seed);
  reference.ScheduleSends();
  reference.ScheduleFaults();
  reference.world.scheduler().RunFor(std::chrono::seconds(30));
  const Scheduler& scheduler = reference.world.scheduler();
  return {scheduler.trace_hash(), scheduler.executed(), reference.world.network().messages()};
}

}  // namespace grapevine::simulation

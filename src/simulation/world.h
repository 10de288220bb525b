// A simulated world: clock, network and hosts from one seed. The entry point of every test on virtual time.
//
//   World world(seed);
//   Host& alice = world.AddHost("alice");
//   ... build a node from alice.environment(), alice.transport(), alice.server() ...
//   EXPECT_TRUE(world.scheduler().RunUntil([&] { return connected; }, 10s));
//
// The same seed and the same calls give the same run; scheduler().trace_hash() is its fingerprint.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "simulation/host.h"
#include "simulation/network.h"
#include "simulation/scheduler.h"

namespace grapevine::simulation {

class World {
 public:
  explicit World(std::uint64_t seed, NetworkConfig config = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // `name` is what others dial, with port 7051 (Host::endpoint). Hosts live as long as the world; objects of nodes on
  // them must be destroyed before it.
  Host& AddHost(std::string name, HostOptions options = {});

  Scheduler& scheduler() { return scheduler_; }
  Network& network() { return network_; }
  // For decisions of the scenario itself.
  base::Random& random() { return random_; }
  std::uint64_t seed() const { return seed_; }

  // Runs `task` after `delay` as an event of the world: faults, and what a user does.
  void After(base::Duration delay, base::Task task);

 private:
  std::uint64_t seed_;
  base::Random random_;
  Scheduler scheduler_;
  Network network_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

}  // namespace grapevine::simulation

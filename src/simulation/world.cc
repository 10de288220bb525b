#include "simulation/world.h"

#include <utility>

namespace grapevine::simulation {

World::World(std::uint64_t seed, NetworkConfig config)
    : seed_(seed), random_(seed), network_(scheduler_, random_.Split(), config) {}

World::~World() = default;

Host& World::AddHost(std::string name, HostOptions options) {
  const auto id = static_cast<std::uint32_t>(hosts_.size() + 1);
  hosts_.push_back(
      std::make_unique<Host>(scheduler_, network_, id, std::move(name), random_.Split(), std::move(options)));
  return *hosts_.back();
}

void World::After(base::Duration delay, base::Task task) {
  scheduler_.ScheduleDetached(scheduler_.Now() + delay, nullptr, {EventKind::kFault}, std::move(task));
}

}  // namespace grapevine::simulation

// Deliver clients among orderers of every kind, of which one is honest: the chain arrives.
#include <gtest/gtest.h>

#include "delivery/deliver_client_world.h"
#include "support/seeds.h"

namespace grapevine::delivery {
namespace {

using simulation::OrdererBehaviour;

constexpr std::uint64_t kBlocks = 40;

OrdererBehaviour AnyBehaviour(DeliverClientWorld& world) {
  base::Random& random = world.world.random();
  const std::uint64_t number = 1 + random.Below(kBlocks);
  OrdererBehaviour behaviour;
  switch (random.Below(8)) {
    case 0:
      behaviour.withholds_from = number;
      break;
    case 1:
      behaviour.lies[number] = world.chain.ForgedBlock(number);
      break;
    case 2:
      behaviour.lies[number] = world.chain.block(random.Below(kBlocks + 1));
      break;
    case 3: {
      std::string altered = world.chain.block(number).ToString();
      altered[random.Below(altered.size())] ^= static_cast<char>(1 + random.Below(255));
      behaviour.lies[number] = base::Bytes(std::move(altered));
      break;
    }
    case 4:
      behaviour.drops_after = number;
      break;
    case 5:
      behaviour.status = random.Chance(1, 2) ? DeliverStatus::kSuccess : DeliverStatus::kForbidden;
      break;
    case 6:
      behaviour.garbage = base::Bytes("garbage");
      break;
    default:
      behaviour.withholds_headers_from = number;
      break;
  }
  return behaviour;
}

void Deliver(std::uint64_t seed, const std::string& consensus_type) {
  SCOPED_TRACE(consensus_type + ", GRAPEVINE_SEED=" + std::to_string(seed));
  DeliverClientWorld world(seed);
  base::Random& random = world.world.random();
  world.consensus_type = consensus_type;
  world.chain.Order(kBlocks, 500);
  const std::size_t honest = random.Below(5);
  for (std::size_t i = 0; i < 5; ++i) {
    OrdererBehaviour behaviour;
    if (i != honest) behaviour = AnyBehaviour(world);
    // Silence is no failure where nobody watches.
    if (consensus_type != "BFT") behaviour.withholds_from = OrdererBehaviour::kNever;
    world.AddOrderer(std::move(behaviour));
  }
  world.sink.room = 1 + random.Below(20);
  world.sink.delay = random.Between(base::Duration(0), base::Duration(20ms));
  world.options.limits.max_unverified_blocks = 1 + random.Below(10);
  world.Start();
  for (int i = 0; i < 3; ++i) {
    world.world.After(random.Between(base::Duration(0), base::Duration(60s)), [&world, &random] {
      simulation::Host& orderer = *world.hosts[random.Below(world.hosts.size())];
      world.world.network().ResetConnections(world.host, orderer);
    });
  }
  EXPECT_TRUE(world.RunUntil([&] { return world.Complete(); }, 30min)) << world.client->state().last_failure;
  EXPECT_EQ(world.sink.chain.back(), world.chain.block(kBlocks));
  EXPECT_TRUE(world.ended.empty());
  for (std::uint64_t i = 0; i <= kBlocks; ++i) ASSERT_EQ(world.sink.chain[i], world.chain.block(i)) << i;
}

TEST(DeliverClientSeedsTest, TheChainArrives) {
  for (const std::uint64_t seed : testing::Seeds(testing::Quick() ? 20 : 200)) {
    Deliver(seed, "etcdraft");
    Deliver(seed, "BFT");
  }
}

}  // namespace
}  // namespace grapevine::delivery

#include "gossip/push_strategy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"

namespace grapevine::gossip {
namespace {

wire::PkiId IdOf(std::uint64_t number) {
  base::Random random(number);
  std::string bytes;
  while (bytes.size() < wire::PkiId::kSize) bytes.push_back(static_cast<char>(random.Below(256)));
  return *wire::PkiId::From(bytes);
}

// Nodes that pass blocks on by one strategy, without time: whom each block reaches, and at what cost.
class Swarm {
 public:
  struct Outcome {
    std::vector<std::size_t> hops;  // per node; SIZE_MAX: not reached
    std::size_t sent = 0;

    std::size_t reached() const { return hops.size() - static_cast<std::size_t>(std::ranges::count(hops, SIZE_MAX)); }
    std::size_t depth() const { return *std::ranges::max_element(hops); }
  };

  explicit Swarm(std::size_t size) : size_(size) {
    std::vector<wire::PkiId> ids(size);
    for (std::size_t i = 0; i < size; ++i) ids[i] = IdOf(i);
    std::ranges::sort(ids);
    for (const wire::PkiId& id : ids) peers_.emplace_back().pki_id = id;
    views_.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) {
        if (i != j) views_[i].push_back(j);
      }
    }
  }

  const wire::PkiId& id(std::size_t node) const { return peers_[node].pki_id; }
  // Every node loses each of its peers from view with a chance of `permille` in 1000.
  void Thin(base::Random& random, std::uint64_t permille) {
    for (auto& view : views_) std::erase_if(view, [&](std::size_t) { return random.Chance(permille, 1000); });
  }
  void Silence(std::size_t node) { views_[node].clear(); }

  std::vector<std::size_t> Targets(PushStrategy& strategy, std::size_t node, base::ByteView key,
                                   std::optional<std::size_t> from) const {
    Candidates candidates;
    for (const std::size_t peer : views_[node]) candidates.Add(peers_[peer]);
    std::vector<std::size_t> targets =
        strategy.Targets(id(node), candidates, key, from ? std::optional(id(*from)) : std::optional<wire::PkiId>());
    for (std::size_t& target : targets) target = views_[node].at(target);
    return targets;
  }

  Outcome Push(PushStrategy& strategy, std::size_t origin, base::ByteView key) const {
    Outcome outcome;
    outcome.hops.assign(size_, SIZE_MAX);
    outcome.hops[origin] = 0;
    std::deque<std::pair<std::size_t, std::optional<std::size_t>>> queue{{origin, std::nullopt}};
    for (; !queue.empty(); queue.pop_front()) {
      const auto [node, from] = queue.front();
      for (const std::size_t target : Targets(strategy, node, key, from)) {
        ++outcome.sent;
        if (outcome.hops[target] != SIZE_MAX) continue;
        outcome.hops[target] = outcome.hops[node] + 1;
        queue.emplace_back(target, node);
      }
    }
    return outcome;
  }

 private:
  std::size_t size_;
  std::vector<Peer> peers_;
  std::vector<std::vector<std::size_t>> views_;
};

std::string KeyOf(std::uint64_t block) { return "header hash " + std::to_string(block); }

// Where a block enters, it goes to the nodes at the top of both trees, beside that node's own children.
TEST(RingPushTest, TheBlockIsHandedToTheTopOfBothTreesWhereItEnters) {
  const auto ring = MakeRingPush({.arity = 2, .entries = 3});
  const Swarm swarm(1000);
  for (std::uint64_t block = 0; block < 20; ++block) {
    const auto entering = swarm.Targets(*ring, 0, KeyOf(block), std::nullopt);
    const auto passing = swarm.Targets(*ring, 0, KeyOf(block), 0);
    EXPECT_GE(entering.size(), 6U);
    EXPECT_LE(entering.size(), passing.size() + 6);
    for (const std::size_t target : passing) EXPECT_TRUE(std::ranges::find(entering, target) != entering.end());
  }
}

// Whatever the size, everybody is reached by two sends per node in logarithmically many hops.
TEST(RingPushTest, ReachesEverybodyWithTwoSendsPerNodeInLogarithmicDepth) {
  const auto ring = MakeRingPush();
  for (const std::size_t size : {1U, 2U, 3U, 10U, 30U, 100U, 300U, 1000U}) {
    SCOPED_TRACE(size);
    const Swarm swarm(size);
    for (std::uint64_t block = 0; block < 20; ++block) {
      const Swarm::Outcome outcome = swarm.Push(*ring, block % size, KeyOf(block));
      EXPECT_EQ(outcome.reached(), size);
      // One parent per tree, beside what the node where the block enters sends to the tops of the trees.
      EXPECT_LE(outcome.sent, 2 * size + 4);
      EXPECT_LE(outcome.depth(), std::bit_width(size) + 1);
    }
  }
}

// With two more sends at the top, where the message enters.
TEST(RingPushTest, OneTreeReachesEverybodyWithOneSendPerNode) {
  const auto ring = MakeRingPush({.trees = 1});
  for (const std::size_t size : {2U, 3U, 10U, 100U, 1000U}) {
    SCOPED_TRACE(size);
    const Swarm swarm(size);
    for (std::uint64_t message = 0; message < 20; ++message) {
      const auto outcome = swarm.Push(*ring, message % size, KeyOf(message));
      EXPECT_EQ(outcome.reached(), size);
      EXPECT_LE(outcome.sent, size + 2);
    }
  }
}

// Without faults nobody gets more than two copies on the way, however the block travels.
TEST(RingPushTest, NobodyHasMoreThanTwoParents) {
  const auto ring = MakeRingPush();
  const Swarm swarm(100);
  std::vector<std::size_t> parents(100);
  for (std::size_t node = 0; node < 100; ++node) {
    // An unknown sender: nobody is left out.
    const auto targets = swarm.Targets(*ring, node, KeyOf(1), node);
    for (const std::size_t target : targets) ++parents[target];
  }
  EXPECT_EQ(*std::ranges::max_element(parents), 2U);
  // All but the two roots have two parents, or the same one twice.
  EXPECT_GE(std::accumulate(parents.begin(), parents.end(), std::size_t{0}), 2U * 100 - 10);
}

TEST(RingPushTest, RolesChangeWithTheBlockSoThatEverybodySendsTheSameOverTime) {
  const auto ring = MakeRingPush();
  const Swarm swarm(50);
  std::vector<std::size_t> sent(50);
  for (std::uint64_t block = 0; block < 400; ++block) {
    for (std::size_t node = 0; node < 50; ++node) sent[node] += swarm.Targets(*ring, node, KeyOf(block), node).size();
  }
  const auto [least, most] = std::ranges::minmax(sent);
  EXPECT_GT(least, 400U * 2 * 7 / 10);
  EXPECT_LT(most, 400U * 2 * 13 / 10);
}

TEST(RingPushTest, IsAFunctionOfTheBlockAndTheView) {
  const auto ring = MakeRingPush();
  const auto other = MakeRingPush();
  const Swarm swarm(40);
  EXPECT_EQ(swarm.Targets(*ring, 3, KeyOf(7), std::nullopt), swarm.Targets(*other, 3, KeyOf(7), std::nullopt));
  std::set<std::vector<std::size_t>> different;
  for (std::uint64_t block = 0; block < 20; ++block) {
    different.insert(swarm.Targets(*ring, 3, KeyOf(block), std::nullopt));
  }
  EXPECT_GT(different.size(), 10U);
}

TEST(RingPushTest, NeverSendsBackAndNeverTwiceToOne) {
  const auto ring = MakeRingPush();
  const Swarm swarm(20);
  for (std::uint64_t block = 0; block < 50; ++block) {
    for (std::size_t node = 0; node < 20; ++node) {
      for (const std::size_t target : swarm.Targets(*ring, node, KeyOf(block), std::nullopt)) {
        EXPECT_NE(target, node);
        const auto back = swarm.Targets(*ring, target, KeyOf(block), node);
        EXPECT_TRUE(std::ranges::find(back, node) == back.end());
      }
      const auto targets = swarm.Targets(*ring, node, KeyOf(block), std::nullopt);
      EXPECT_EQ(std::set<std::size_t>(targets.begin(), targets.end()).size(), targets.size());
    }
  }
}

// One node that does nothing cuts off nobody but itself: it is inside one tree only.
TEST(RingPushTest, OneSilentNodeCutsOffNobody) {
  const auto ring = MakeRingPush();
  std::size_t missed = 0;
  for (std::size_t silent = 1; silent < 100; ++silent) {
    Swarm swarm(100);
    swarm.Silence(silent);
    missed += 100 - swarm.Push(*ring, 0, KeyOf(silent)).reached();
  }
  EXPECT_LE(missed, 99U * 100 / 1000);
}

TEST(RingPushTest, ReachesAlmostEverybodyWhenViewsDifferByOnePercent) {
  const auto ring = MakeRingPush();
  base::Random random(1);
  std::size_t reached = 0;
  for (std::uint64_t block = 0; block < 20; ++block) {
    Swarm swarm(300);
    swarm.Thin(random, 10);
    reached += swarm.Push(*ring, block, KeyOf(block)).reached();
  }
  EXPECT_GE(reached * 1000, 20U * 300 * 995);
}

TEST(RingPushTest, AloneThereIsNobodyToSendTo) {
  EXPECT_TRUE(MakeRingPush()->Targets(IdOf(1), {}, "key", std::nullopt).empty());
}

// 11.6 step 1: so many at random, and the sender is taken out afterwards, which may leave fewer.
TEST(RandomPushTest, DrawsTheFanOutAndRemovesTheSenderAfterwards) {
  base::Random random(7);
  const auto push = MakeRandomPush(3, random);
  const Swarm swarm(11);
  std::vector<std::size_t> drawn(11);
  std::set<std::size_t> sizes;
  for (int i = 0; i < 3000; ++i) {
    const auto targets = swarm.Targets(*push, 0, "key", 5);
    EXPECT_EQ(std::set<std::size_t>(targets.begin(), targets.end()).size(), targets.size());
    sizes.insert(targets.size());
    for (const std::size_t target : targets) ++drawn[target];
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{2, 3}));
  EXPECT_EQ(drawn[0], 0U);
  EXPECT_EQ(drawn[5], 0U);
  for (const std::size_t node : {1U, 2U, 3U, 4U, 6U, 7U, 8U, 9U, 10U}) {
    EXPECT_GT(drawn[node], 800U);  // 900 expected
    EXPECT_LT(drawn[node], 1000U);
  }
}

TEST(RandomPushTest, TakesEverybodyIfThereAreFewer) {
  base::Random random(7);
  const auto push = MakeRandomPush(3, random);
  auto targets = Swarm(3).Targets(*push, 1, "key", std::nullopt);
  std::ranges::sort(targets);
  EXPECT_EQ(targets, (std::vector<std::size_t>{0, 2}));
  EXPECT_TRUE(MakeRandomPush(0, random)->Targets(IdOf(1), {}, "key", std::nullopt).empty());
}

}  // namespace
}  // namespace grapevine::gossip

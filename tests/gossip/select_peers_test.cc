// Peers by lot: different ones, only those that match, each selection equally likely.
#include "gossip/select_peers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace grapevine::gossip {
namespace {

std::vector<Peer> People(std::size_t count) {
  std::vector<Peer> people(count);
  for (std::size_t i = 0; i < count; ++i) people[i].endpoint = std::to_string(i);
  return people;
}

TEST(SelectPeersTest, ChoosesDifferentMatchingPeersOrAllThereAre) {
  base::Random random(1);
  const auto people = People(100);
  const auto is_even = [](const Peer& peer) { return std::stoul(peer.endpoint) % 2 == 0; };
  for (const std::size_t count : {0, 1, 3, 20, 49, 50, 51, 1000}) {
    for (int i = 0; i < 20; ++i) {
      const auto chosen = SelectPeers(random, count, people, is_even);
      EXPECT_EQ(std::set(chosen.begin(), chosen.end()).size(), std::min<std::size_t>(count, 50));
      EXPECT_TRUE(std::ranges::all_of(chosen, [&](const Peer* peer) { return is_even(*peer); }));
    }
  }
  EXPECT_TRUE(SelectPeers(random, 3, {}, is_even).empty());
}

TEST(SelectPeersTest, LooksAtFewWhenMostMatch) {
  base::Random random(1);
  const auto people = People(10000);
  std::size_t looks = 0;
  for (int i = 0; i < 100; ++i) {
    SelectPeers(random, 3, people, [&](const Peer& peer) {
      ++looks;
      return peer.endpoint != "7";
    });
  }
  EXPECT_LE(looks, 310u);
}

TEST(SelectPeersTest, FindsTheFewThatMatchAmongMany) {
  base::Random random(1);
  const auto people = People(10000);
  const auto chosen =
      SelectPeers(random, 3, people, [](const Peer& peer) { return peer.endpoint == "5000" || peer.endpoint == "77"; });
  ASSERT_EQ(chosen.size(), 2u);
}

TEST(SelectPeersTest, IsUniformOnBothWays) {
  // 8 of 40 match: about every fifth time too few are drawn by lot, and the scan decides. 8 of 11: always the scan.
  for (const std::size_t size : {40, 11}) {
    base::Random random(1);
    const auto people = People(size);
    std::map<std::string, int> chosen;
    for (int i = 0; i < 20000; ++i) {
      const auto peers =
          SelectPeers(random, 3, people, [](const Peer& candidate) { return std::stoul(candidate.endpoint) < 8; });
      ASSERT_EQ(std::set(peers.begin(), peers.end()).size(), 3u);
      for (const Peer* peer : peers) ++chosen[peer->endpoint];
    }
    EXPECT_EQ(chosen.size(), 8u);
    for (const auto& [endpoint, count] : chosen) EXPECT_NEAR(count, 7500, 350) << endpoint;
  }
}

}  // namespace
}  // namespace grapevine::gossip

// The store of newest messages: specification 11.7, 11.8.
#include "gossip/latest_store.h"

#include <gtest/gtest.h>

#include <string>

namespace grapevine::gossip {
namespace {

using namespace std::chrono_literals;
using Store = LatestStore<int, std::string>;

base::SteadyTime At(base::Duration time) { return base::SteadyTime(time); }

std::vector<std::pair<int, std::string>> Contents(const Store& store) {
  std::vector<std::pair<int, std::string>> contents;
  for (const auto& [key, value] : store.List()) contents.emplace_back(key, *value);
  return contents;
}

TEST(LatestStoreTest, OnlyAGreaterTimestampReplaces) {
  Store store(10s, 100);
  EXPECT_EQ(store.Find(1), nullptr);
  EXPECT_TRUE(store.Add(1, {5, 5}, "first", At(0s)));
  EXPECT_FALSE(store.WouldAccept(1, {5, 5}));
  EXPECT_FALSE(store.Add(1, {5, 5}, "equal", At(0s)));
  EXPECT_FALSE(store.Add(1, {4, 99}, "an older incarnation", At(0s)));
  EXPECT_EQ(*store.Find(1), "first");
  EXPECT_TRUE(store.Add(1, {5, 6}, "next", At(0s)));
  EXPECT_TRUE(store.Add(1, {6, 0}, "next incarnation", At(0s)));
  EXPECT_EQ(*store.Find(1), "next incarnation");
  EXPECT_EQ(store.size(), 1u);
  EXPECT_TRUE(store.Add(2, {1, 1}, "another key", At(0s)));
  EXPECT_EQ(store.size(), 2u);
}

TEST(LatestStoreTest, WhatHasExpiredKeepsReplaysOutForAsLongAgain) {
  Store store(10s, 100);
  store.Add(1, {1, 1}, "one", At(0s));
  store.Add(2, {1, 1}, "two", At(5s));
  store.Expire(At(10s));
  EXPECT_EQ(Contents(store).size(), 2u);
  store.Expire(At(10s + 1ns));
  EXPECT_EQ(store.Find(1), nullptr);
  EXPECT_EQ(Contents(store), (std::vector<std::pair<int, std::string>>{{2, "two"}}));
  EXPECT_EQ(store.size(), 2u);
  EXPECT_FALSE(store.Add(1, {1, 1}, "replayed", At(11s)));
  store.Expire(At(20s));
  EXPECT_FALSE(store.WouldAccept(1, {1, 1}));
  store.Expire(At(20s + 1ns));
  EXPECT_TRUE(store.WouldAccept(1, {1, 1}));
  EXPECT_EQ(store.size(), 1u);
}

TEST(LatestStoreTest, CountsNeighbouringKeysUpToALimitAlsoExpiredOnes) {
  Store store(10s, 100);
  for (const int key : {1, 10, 11, 12, 20}) store.Add(key, {1, 1}, "", At(0s));
  store.Expire(At(11s));
  const auto is_teen = [](int key) { return key >= 10 && key < 20; };
  EXPECT_EQ(store.CountWhile(10, is_teen, 100), 3u);
  EXPECT_EQ(store.CountWhile(10, is_teen, 2), 2u);
  EXPECT_EQ(store.CountWhile(13, is_teen, 2), 0u);
  EXPECT_TRUE(store.Holds(11));
  store.Clear();
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(store.Add(1, {1, 1}, "anew", At(12s)));
}

TEST(LatestStoreTest, ANewerMessageRevivesAnExpiredKeyWithANewTimeToLive) {
  Store store(10s, 100);
  store.Add(1, {1, 1}, "old", At(0s));
  store.Expire(At(11s));
  EXPECT_TRUE(store.Add(1, {1, 2}, "new", At(12s)));
  store.Expire(At(22s));
  EXPECT_EQ(*store.Find(1), "new");
}

TEST(LatestStoreTest, TheKeyStoredLongestAgoMakesRoom) {
  Store store(10s, 2);
  store.Add(1, {1, 1}, "one", At(0s));
  store.Add(2, {1, 1}, "two", At(1s));
  store.Add(1, {1, 2}, "one again", At(2s));  // now 2 is the oldest
  EXPECT_TRUE(store.Add(0, {1, 1}, "zero", At(3s)));
  EXPECT_EQ(Contents(store), (std::vector<std::pair<int, std::string>>{{0, "zero"}, {1, "one again"}}));
  EXPECT_FALSE(store.Add(1, {1, 2}, "a refused one evicts nobody", At(4s)));
  EXPECT_EQ(store.size(), 2u);
  Store none(10s, 0);
  EXPECT_FALSE(none.Add(1, {1, 1}, "no room", At(0s)));
}

TEST(LatestStoreTest, AnErasedKeyIsForgotten) {
  Store store(10s, 2);
  store.Add(1, {1, 1}, "one", At(0s));
  store.Erase(1);
  store.Erase(7);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(store.Add(1, {1, 1}, "one", At(1s)));
  store.Expire(At(30s));
  EXPECT_EQ(store.size(), 0u);
}

}  // namespace
}  // namespace grapevine::gossip

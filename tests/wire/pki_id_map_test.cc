// Maps by PKI-ID: found by hash, iterated in order.
#include "wire/pki_id_map.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace grapevine::wire {
namespace {

PkiId IdOf(char last) { return *PkiId::From(std::string(PkiId::kSize - 1, 'x') + last); }

TEST(PkiIdMapTest, FindsWhatIsThereAlsoAmongEqualHashes) {
  PkiIdMap<int> map;  // the hash is of the first bytes, which are the same here
  for (char c = 'a'; c <= 'e'; ++c) EXPECT_TRUE(map.emplace(IdOf(c), c).second);
  EXPECT_FALSE(map.emplace(IdOf('c'), 0).second);
  EXPECT_EQ(map.find(IdOf('c'))->second, 'c');
  EXPECT_EQ(map.find(IdOf('z')), map.end());
  EXPECT_TRUE(map.contains(IdOf('a')));
  EXPECT_EQ(map.erase(IdOf('c')), 1U);
  EXPECT_EQ(map.erase(IdOf('c')), 0U);
  EXPECT_FALSE(map.contains(IdOf('c')));
  EXPECT_EQ(map.size(), 4U);
  map[IdOf('c')] = 7;
  EXPECT_EQ(map.at(IdOf('c')), 7);
}

TEST(PkiIdMapTest, GoesInOrderOfPkiIdWhateverTheOrderOfInsertion) {
  PkiIdMap<int> map;
  for (const char c : {'d', 'a', 'c', 'b'}) map[IdOf(c)] = c;
  std::vector<int> order;
  for (const auto& [id, value] : map) order.push_back(value);
  EXPECT_EQ(order, (std::vector<int>{'a', 'b', 'c', 'd'}));
}

TEST(PkiIdMapTest, EntriesStayWhereTheyAreAndCanBeTakenOut) {
  PkiIdMap<std::string> map;
  map[IdOf('m')] = "m";
  const std::string* where = &map.at(IdOf('m'));
  for (char c = 'a'; c < 'm'; ++c) map[IdOf(c)] = c;
  EXPECT_EQ(&map.at(IdOf('m')), where);
  const auto taken = map.extract(IdOf('m'));
  EXPECT_EQ(&taken.mapped(), where);
  EXPECT_FALSE(map.contains(IdOf('m')));
  EXPECT_TRUE(map.extract(IdOf('m')).empty());
}

}  // namespace
}  // namespace grapevine::wire

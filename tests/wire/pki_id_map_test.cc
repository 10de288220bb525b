// Maps by PKI-ID: found by hash, iterated in order.
#include "wire/pki_id_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"

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
  EXPECT_EQ(&taken->second, where);
  EXPECT_FALSE(map.contains(IdOf('m')));
  EXPECT_EQ(map.extract(IdOf('m')), nullptr);
}

// Few different first bytes, so that runs of taken places form, wrap around and are closed again.
TEST(PkiIdMapTest, IsAsAnOrderedMapAfterManyChanges) {
  base::Random random(7);
  PkiIdMap<int> map;
  std::map<PkiId, int> model;
  for (int step = 0; step < 20'000; ++step) {
    std::string bytes(PkiId::kSize, 'x');
    bytes[0] = static_cast<char>(random.Below(20));
    bytes.back() = static_cast<char>(random.Below(4));
    const PkiId id = *PkiId::From(bytes);
    if (random.Below(2) == 0) {
      EXPECT_EQ(map.emplace(id, step).second, model.emplace(id, step).second);
    } else {
      EXPECT_EQ(map.erase(id), model.erase(id));
    }
    ASSERT_EQ(map.size(), model.size());
    const auto found = map.find(id);
    ASSERT_EQ(found == map.end(), !model.contains(id));
    if (found != map.end()) {
      ASSERT_EQ(found->second, model.at(id));
    }
  }
  EXPECT_TRUE(std::equal(map.begin(), map.end(), model.begin(), model.end()));
  for (const auto& [id, value] : model) EXPECT_EQ(map.at(id), value);
}

}  // namespace
}  // namespace grapevine::wire

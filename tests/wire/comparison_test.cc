// Which message replaces which (specification 01, section 8).
#include "wire/comparison.h"

#include <gtest/gtest.h>

namespace grapevine::wire {
namespace {

PkiId Id(char c) { return *PkiId::From(std::string(32, c)); }

Message Alive(char id, std::uint64_t incarnation, std::uint64_t sequence) {
  return NewMessage(AliveMessage{{"", {}, Id(id)}, {incarnation, sequence}, {}});
}
Message Info(char id, std::uint64_t incarnation, std::uint64_t sequence) {
  return NewMessage(StateInfo{{incarnation, sequence}, Id(id), {}, {}});
}
Message Leadership(char id, std::uint64_t incarnation, std::uint64_t sequence) {
  return NewMessage(LeadershipMessage{Id(id), {incarnation, sequence}, true});
}
Message Block(std::uint64_t number) { return NewMessage(DataMessage{{number, {}, {}}}); }
Message Identity(char id) { return NewMessage(PeerIdentity{Id(id), {}, {}}); }

TEST(ComparisonTest, LogicalTime) {  // 8.1
  for (const auto& make : {Alive, Info, Leadership}) {
    EXPECT_EQ(Compare(make('a', 2, 1), make('a', 1, 9), 0), Replacement::kInvalidates);
    EXPECT_EQ(Compare(make('a', 1, 9), make('a', 2, 1), 0), Replacement::kInvalidated);
    EXPECT_EQ(Compare(make('a', 1, 2), make('a', 1, 1), 0), Replacement::kInvalidates);
    EXPECT_EQ(Compare(make('a', 1, 1), make('a', 1, 1), 0), Replacement::kInvalidated);
    EXPECT_EQ(Compare(make('a', 1, 1), make('a', 1, 2), 0), Replacement::kInvalidated);
    EXPECT_EQ(Compare(make('a', 1, 1), make('b', 1, 1), 0), Replacement::kNone);
  }
}

TEST(ComparisonTest, TheFirstIdentityWins) {
  EXPECT_EQ(Compare(Identity('a'), Identity('a'), 0), Replacement::kInvalidated);
  EXPECT_EQ(Compare(Identity('a'), Identity('b'), 0), Replacement::kNone);
}

TEST(ComparisonTest, BlocksWithinTheWindowCoexist) {
  EXPECT_EQ(Compare(Block(5), Block(5), 10), Replacement::kInvalidated);
  EXPECT_EQ(Compare(Block(15), Block(5), 10), Replacement::kNone);
  EXPECT_EQ(Compare(Block(5), Block(15), 10), Replacement::kNone);
  EXPECT_EQ(Compare(Block(16), Block(5), 10), Replacement::kInvalidates);
  EXPECT_EQ(Compare(Block(5), Block(16), 10), Replacement::kInvalidated);
  EXPECT_EQ(Compare(Block(6), Block(5), 0), Replacement::kInvalidates);
  EXPECT_EQ(Compare(Block(0), Block(~0ULL), 10), Replacement::kInvalidated);
}

TEST(ComparisonTest, OtherPairsHaveNothingToDoWithEachOther) {
  EXPECT_EQ(Compare(Alive('a', 2, 2), Info('a', 1, 1), 0), Replacement::kNone);
  EXPECT_EQ(Compare(Info('a', 2, 2), Leadership('a', 1, 1), 0), Replacement::kNone);
  EXPECT_EQ(Compare(NewMessage(StateRequest{}), NewMessage(StateRequest{}), 0), Replacement::kNone);
}

}  // namespace
}  // namespace grapevine::wire

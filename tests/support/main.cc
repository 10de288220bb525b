// main() of every test program.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "support/seeds.h"

namespace grapevine::testing {
namespace {

std::uint64_t iteration = 0;

class IterationCounter : public ::testing::EmptyTestEventListener {
  void OnTestIterationStart(const ::testing::UnitTest&, int number) override {
    iteration = static_cast<std::uint64_t>(number);
  }
};

std::uint64_t FromEnvironment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

}  // namespace

bool Quick() { return std::getenv("GRAPEVINE_QUICK") != nullptr; }

std::vector<std::uint64_t> Seeds(std::size_t count) {
  const std::uint64_t most = FromEnvironment("GRAPEVINE_MAX_SEEDS", count);
  const std::uint64_t wanted = FromEnvironment("GRAPEVINE_SEEDS", std::min<std::uint64_t>(count, most));
  const std::uint64_t first = FromEnvironment("GRAPEVINE_SEED", 1) + iteration * wanted;
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t i = 0; i < wanted; ++i) seeds.push_back(first + i);
  return seeds;
}

}  // namespace grapevine::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  ::testing::UnitTest::GetInstance()->listeners().Append(new grapevine::testing::IterationCounter);
  return RUN_ALL_TESTS();
}

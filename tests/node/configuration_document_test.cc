// docs/configuration.md shows the tables of the code.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "node/config_keys.h"

namespace grapevine::node {
namespace {

std::string TableRow(const ConfigKey& key) {
  const std::string value = FormatDefault(key);
  return fmt::format("| `{}` | {} | {} | {} | {} | {} |", key.name, KindOf(key), value.empty() ? "none" : value,
                     ToLetter(key.rule), key.component, key.meaning);
}

std::string TableRow(const NotApplicablePart& part) { return fmt::format("| `{}` | {} |", part.name, part.reason); }

TEST(ConfigDocumentTest, ShowsTheTablesOfTheCode) {
  std::ifstream document(std::string(GRAPEVINE_SOURCE_DIR) + "/docs/configuration.md");
  ASSERT_TRUE(document) << "docs/configuration.md is missing";
  std::vector<std::string> documented;
  for (std::string line; std::getline(document, line);) {
    if (line.starts_with("| `")) documented.push_back(line);
  }
  std::vector<std::string> expected;
  std::string text;
  for (const ConfigKey& key : ConfigKeys()) {
    expected.push_back(TableRow(key));
    text += TableRow(key) + "\n";
  }
  for (const NotApplicablePart& part : NotApplicableParts()) {
    expected.push_back(TableRow(part));
    text += TableRow(part) + "\n";
  }
  EXPECT_EQ(documented, expected) << "the table must be:\n" << text;
}

}  // namespace
}  // namespace grapevine::node

#include "transcripts/golden_file.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <vector>

namespace grapevine::transcripts {
namespace {

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

struct DiffLine {
  char sign;  // ' ', '-' or '+'
  std::string text;
};

// By the longest common subsequence: transcripts have some hundred lines.
std::vector<DiffLine> Diff(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::vector<std::size_t>> common(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<DiffLine> lines;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      lines.push_back({' ', a[i++]});
      ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back({'-', a[i++]});
    } else {
      lines.push_back({'+', b[j++]});
    }
  }
  return lines;
}

}  // namespace

std::string Difference(const std::string& expected, const std::string& actual, std::size_t context) {
  if (expected == actual) return {};
  const std::vector<DiffLine> lines = Diff(LinesOf(expected), LinesOf(actual));
  std::vector<bool> shown(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].sign == ' ') continue;
    const std::size_t end = std::min(lines.size(), i + context + 1);
    for (std::size_t j = i - std::min(i, context); j < end; ++j) shown[j] = true;
  }
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (shown[i]) text += lines[i].sign + (" " + lines[i].text) + "\n";
    if (!shown[i] && i > 0 && shown[i - 1]) text += "...\n";
  }
  return text.empty() ? "the texts differ in their last line break only\n" : text;
}

::testing::AssertionResult MatchesFile(const std::string& name, const std::string& text) {
  const std::string path = std::string(GRAPEVINE_SOURCE_DIR) + "/tests/transcripts/" + name + ".txt";
  const char* update = std::getenv("GRAPEVINE_UPDATE_TRANSCRIPTS");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file.flush()) return ::testing::AssertionFailure() << "cannot write " << path;
    return ::testing::AssertionSuccess();
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return ::testing::AssertionFailure() << path << " is missing; GRAPEVINE_UPDATE_TRANSCRIPTS=1 writes it";
  }
  const std::string expected{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (expected == text) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << name << ".txt (-) and this run (+) differ:\n" << Difference(expected, text);
}

}  // namespace grapevine::transcripts

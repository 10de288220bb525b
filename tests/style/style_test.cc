// The house rules, checked on the whole source tree; and the checker, checked on snippets that break them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "style/lexer.h"
#include "style/rules.h"

namespace grapevine::style {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct SourceFile {
  std::string path;  // relative to the source folder
  std::string text;
};

bool IsSource(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".h" || extension == ".cc" || extension == ".go" || extension == ".sh" || extension == ".py";
}

const std::vector<SourceFile>& AllSources() {
  static const std::vector<SourceFile> sources = [] {
    const std::filesystem::path root = GRAPEVINE_SOURCE_DIR;
    std::vector<SourceFile> found;
    for (const char* folder : {"src", "tests", "bench", "apps", "fuzz", "scripts", "packaging"}) {
      if (!std::filesystem::exists(root / folder)) continue;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
        if (!entry.is_regular_file() || !IsSource(entry.path())) continue;
        std::ostringstream text;
        text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
        found.push_back({entry.path().lexically_relative(root).string(), std::move(text).str()});
      }
    }
    return found;
  }();
  return sources;
}

std::string Report(Findings (*check)(std::string_view, std::string_view), std::string_view below) {
  std::string report;
  for (const SourceFile& file : AllSources()) {
    if (!file.path.starts_with(below)) continue;
    for (const std::string& finding : check(file.path, file.text)) report += finding + "\n";
  }
  return report;
}

// --- the source tree ------------------------------------------------------------------------------------------------

TEST(SourceTree, IsFound) { EXPECT_GT(AllSources().size(), 20U) << "no sources below " << GRAPEVINE_SOURCE_DIR; }
TEST(SourceTree, NothingSleeps) { EXPECT_EQ(Report(CheckSleeping, ""), ""); }
TEST(SourceTree, PureRoomsReachTheOutsideThroughBase) { EXPECT_EQ(Report(CheckOutside, "src/"), ""); }
TEST(SourceTree, RoomsKnowOnlyWhatTheTableAllows) { EXPECT_EQ(Report(CheckIncludes, "src/"), ""); }
TEST(SourceTree, FunctionsAndFilesAreShort) { EXPECT_EQ(Report(CheckLengths, "src/"), ""); }

TEST(SourceTree, IsFormatted) {
  if (std::system("command -v clang-format-19 > /dev/null") != 0) GTEST_SKIP() << "clang-format-19 is not installed";
  std::string command = "cd '" GRAPEVINE_SOURCE_DIR "' && printf '%s\\0'";
  for (const SourceFile& file : AllSources()) {
    if (file.path.ends_with(".h") || file.path.ends_with(".cc")) command += " '" + file.path + "'";
  }
  command += " | xargs -0 -P 4 -n 16 clang-format-19 --dry-run -Werror 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string unformatted;
  char line[4096];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    if (std::string_view(line).find("error:") != std::string_view::npos) unformatted += line;
  }
  EXPECT_EQ(pclose(pipe), 0);
  EXPECT_EQ(unformatted, "") << "run clang-format-19 -i on these files";
}

// --- the lexer ------------------------------------------------------------------------------------------------------

std::vector<std::string> Texts(std::string_view source) {
  std::vector<std::string> texts;
  for (const Token& token : Lex(source)) texts.emplace_back(token.text);
  return texts;
}

TEST(Lexer, DropsCommentsAndKeepsStringsWhole) {
  EXPECT_THAT(Texts("a /* b \n c */ d // e\nf"), ElementsAre("a", "d", "f"));
  EXPECT_THAT(Texts("f(\"x \\\" sleep_for(1)\", 'q', '\\'');"),
              ElementsAre("f", "(", "\"x \\\" sleep_for(1)\"", ",", "'q'", ",", "'\\''", ")", ";"));
  EXPECT_THAT(Texts("R\"x(a \" ) b)x\" 1'000 c::d->e"),
              ElementsAre("R\"x(a \" ) b)x\"", "1'000", "c", "::", "d", "->", "e"));
}

TEST(Lexer, CountsLinesAndKnowsDirectives) {
  const auto tokens = Lex("#include \"comm/a.h\"\n#define X \\\n  y\n\nz");
  ASSERT_THAT(tokens, SizeIs(8));
  EXPECT_EQ(tokens[2].kind, TokenKind::kInclude);
  EXPECT_EQ(tokens[2].text, "\"comm/a.h\"");
  EXPECT_TRUE(tokens[6].in_directive);  // y
  EXPECT_EQ(tokens[7].line, 5);
  EXPECT_FALSE(tokens[7].in_directive);
}

// --- the rules ------------------------------------------------------------------------------------------------------

TEST(Sleeping, IsFoundInEveryForm) {
  for (const char* bad : {"std::this_thread::sleep_for(1s);", "using std::this_thread::sleep_until;", "::usleep(10);",
                          "nanosleep(&t, nullptr);", "sleep(1);", "::sleep(1);", "return sleep(1);",
                          "poll(nullptr, 0, 100);", "::select(0, nullptr, nullptr, nullptr, &timeout);"}) {
    EXPECT_THAT(CheckSleeping("tests/comm/x_test.cc", bad), SizeIs(1)) << bad;
  }
  EXPECT_THAT(CheckSleeping("tests/interop/x.sh", "run\nwhile true; do sleep 1; done\n"),
              ElementsAre("tests/interop/x.sh:2: sleeps"));
  EXPECT_THAT(CheckSleeping("tests/rpc/x.go", "time.Sleep(time.Second)"), SizeIs(1));
}

TEST(Sleeping, IsNotFoundInWordsAboutIt) {
  for (const char* good : {"// sleep_for(1s)", "Log(\"sleep(1)\");", "loop.sleep(1);", "void sleep(int seconds);",
                           "int sleep = 1;", "poll(fds, 2, timeout);", "Executor::poll(0);"}) {
    EXPECT_THAT(CheckSleeping("src/runtime/x.cc", good), IsEmpty()) << good;
  }
  EXPECT_THAT(CheckSleeping("scripts/x.sh", "# no sleep here\nasleep 1\nno-sleep\n"), IsEmpty());
}

TEST(Outside, IsFoundInPureRooms) {
  for (const char* bad : {"std::thread t;",
                          "std::mutex m;",
                          "std::condition_variable c;",
                          "#include <thread>\n",
                          "#include <fstream>\n",
                          "auto t = std::chrono::steady_clock::now();",
                          "system_clock::now()",
                          "time(nullptr)",
                          "std::time(nullptr)",
                          "int s = socket(AF_INET, 0, 0);",
                          "::connect(s, a, n);",
                          "int f = ::open(p, 0);",
                          "std::ifstream in(p);",
                          "std::filesystem::exists(p)",
                          "std::random_device d;",
                          "getenv(\"HOME\")",
                          "fopen(p, \"r\")",
                          "rand()",
                          "std::clock()",
                          "std::uniform_int_distribution<int> d;"}) {
    EXPECT_THAT(CheckOutside("src/comm/x.cc", bad), SizeIs(1)) << bad;
    EXPECT_THAT(CheckOutside("src/runtime/x.cc", bad), IsEmpty()) << bad;
  }
}

TEST(Outside, OfCryptoAndLedgerAreThreadsAndFilesOnly) {
  EXPECT_THAT(CheckOutside("src/ledger/x.cc", "std::ofstream out(p);"), SizeIs(1));
  EXPECT_THAT(CheckOutside("src/crypto/x.cc", "std::lock_guard lock(m);"), SizeIs(1));
  EXPECT_THAT(CheckOutside("src/crypto/x.cc", "time(nullptr)"), IsEmpty());
}

TEST(Outside, IsNotFoundInNamesOfOurOwn) {
  for (const char* good :
       {"transport.connect(peer);", "base::SteadyTime time() const;", "message.time(1);", "// std::thread",
        "Log(\"open(file)\");", "Store::open(name);", "std::optional<File> open(int);", "Connection& connect(int);",
        "time()", "Host::Host(int seed) : random(seed) {}"}) {
    EXPECT_THAT(CheckOutside("src/comm/x.cc", good), IsEmpty()) << good;
  }
}

TEST(Includes, FollowTheTable) {
  EXPECT_THAT(CheckIncludes("src/comm/x.cc", "#include \"wire/envelope.h\"\n#include <vector>\n"), IsEmpty());
  EXPECT_THAT(CheckIncludes("src/comm/x.cc", "#include \"base/bytes.h\"\n"), IsEmpty());  // transitively
  EXPECT_THAT(CheckIncludes("src/comm/x.cc", "\n#include \"ledger/block_store.h\"\n"),
              ElementsAre("src/comm/x.cc:2: 'comm' may not know 'ledger'"));
  EXPECT_THAT(CheckIncludes("src/wire/x.h", "#include \"crypto/hash.h\"\n"), SizeIs(1));
  EXPECT_THAT(CheckIncludes("src/node/x.h", "#include \"runtime/event_loop.h\"\n"), SizeIs(1));
  EXPECT_THAT(CheckIncludes("src/rpc/x.h", "#include \"wire/envelope.h\"\n"), SizeIs(1));
  EXPECT_THAT(CheckIncludes("src/comm/x.h", "#include \"x.h\"\n"), ElementsAre(HasSubstr("name of a room")));
  EXPECT_THAT(CheckIncludes("src/attic/x.h", ""), ElementsAre(HasSubstr("not in the table")));
  // Generated code is wire's, though its folder is called gossip as a room is.
  EXPECT_THAT(CheckIncludes("src/comm/x.cc", "#include \"gossip/message.pb.h\"\n"), IsEmpty());
  EXPECT_THAT(CheckIncludes("src/rpc/x.cc", "#include \"gossip/message.pb.h\"\n"), SizeIs(1));
}

std::string Lines(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) lines += "  if (a[i]) { x(); }\n";
  return lines;
}

TEST(Lengths, OfFunctionsAreBounded) {
  const auto function = [](int lines) { return "namespace n {\nint F(int a) {\n" + Lines(lines - 2) + "}\n}\n"; };
  EXPECT_THAT(CheckLengths("src/comm/x.cc", function(kMaxFunctionLines)), IsEmpty());
  EXPECT_THAT(CheckLengths("src/comm/x.cc", function(kMaxFunctionLines + 1)),
              ElementsAre("src/comm/x.cc:2: function of 71 lines, more than 70"));
  EXPECT_THAT(CheckLengths("src/comm/x.cc", "class A {\n void F() {\n" + Lines(70) + "}\n};\n"), SizeIs(1));
  EXPECT_THAT(CheckLengths("src/comm/x.cc", "A::A(int b) : b_{b}, c_(b) {\n" + Lines(70) + "}\n"), SizeIs(1));
}

TEST(Lengths, OfClassesNamespacesAndTablesAreNot) {
  EXPECT_THAT(CheckLengths("src/comm/x.cc", "namespace n {\nclass A {\n" + std::string(100, '\n') + "};\n}\n"),
              IsEmpty());
  EXPECT_THAT(CheckLengths("src/comm/x.cc", "const T t = {\n" + std::string(100, '\n') + "};\n"), IsEmpty());
}

TEST(Lengths, OfFilesAreBounded) {
  EXPECT_THAT(CheckLengths("src/comm/x.cc", std::string(kMaxFileLines, '\n')), IsEmpty());
  EXPECT_THAT(CheckLengths("src/comm/x.cc", std::string(kMaxFileLines + 1, '\n')), SizeIs(1));
}

}  // namespace
}  // namespace grapevine::style

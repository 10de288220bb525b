// Changes of real files are reported once, when they are over.
#include "runtime/file_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "runtime/event_loop.h"
#include "runtime/signal_watch.h"

namespace grapevine::runtime {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr base::Duration kQuiet = 50ms;
constexpr base::Duration kReportDeadline = 20s;
// Long enough for a report that must not come: several times the quiet time.
constexpr base::Duration kNoReport = 300ms;

void Write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

class FileWatchTest : public ::testing::Test {
 protected:
  FileWatchTest() {
    std::string name = ::testing::TempDir() + "file_watch_XXXXXX";
    folder_ = mkdtemp(name.data());
    fs::create_directories(folder_ / "msp" / "signcerts");
    Write(folder_ / "msp" / "signcerts" / "cert.pem", "one");
    fs::create_directories(folder_ / "tls");
    Write(folder_ / "tls" / "server.crt", "one");
    Write(folder_ / "tls" / "server.key", "one");
  }
  ~FileWatchTest() override { fs::remove_all(folder_); }

  void Start(std::vector<std::string> paths) {
    auto watch = FileWatch::Start(loop_, std::move(paths), [this] { ++reports_; }, kQuiet);
    ASSERT_TRUE(watch) << watch.error().message;
    watch_ = std::move(*watch);
  }
  void StartAll() { Start({folder_ / "msp", folder_ / "tls" / "server.crt", folder_ / "tls" / "server.key"}); }

  ::testing::AssertionResult Reported(int count) {
    if (!loop_.RunUntil([&] { return reports_ >= count; }, kReportDeadline)) {
      return ::testing::AssertionFailure() << reports_ << " reports, not " << count;
    }
    loop_.RunUntil([] { return false; }, kNoReport);
    if (reports_ != count) return ::testing::AssertionFailure() << reports_ << " reports, not " << count;
    return ::testing::AssertionSuccess();
  }
  ::testing::AssertionResult NothingReported() {
    loop_.RunUntil([] { return false; }, kNoReport);
    if (reports_ != 0) return ::testing::AssertionFailure() << reports_ << " reports";
    return ::testing::AssertionSuccess();
  }

  fs::path folder_;
  EventLoop loop_;
  int reports_ = 0;
  std::unique_ptr<FileWatch> watch_;
};

TEST_F(FileWatchTest, ACertificateAndItsKeyWrittenInPlaceAreOneChange) {
  StartAll();
  Write(folder_ / "tls" / "server.crt", "two, longer");
  Write(folder_ / "tls" / "server.key", "two, longer");
  EXPECT_TRUE(Reported(1));
  Write(folder_ / "tls" / "server.crt", "three, still longer");
  EXPECT_TRUE(Reported(2));
}

TEST_F(FileWatchTest, AFileIsReplacedByRenaming) {
  StartAll();
  Write(folder_ / "tls" / "new", "two");
  fs::rename(folder_ / "tls" / "new", folder_ / "tls" / "server.crt");
  EXPECT_TRUE(Reported(1));
}

TEST_F(FileWatchTest, AFileInASubfolderOfTheMspIsRenewed) {
  StartAll();
  Write(folder_ / "msp" / "signcerts" / "cert.pem", "two, longer");
  EXPECT_TRUE(Reported(1));
}

TEST_F(FileWatchTest, ASubfolderAppearsWithFiles) {
  StartAll();
  fs::create_directories(folder_ / "msp" / "crls");
  Write(folder_ / "msp" / "crls" / "crl.pem", "one");
  EXPECT_TRUE(Reported(1));
  Write(folder_ / "msp" / "crls" / "crl.pem", "two, longer");
  EXPECT_TRUE(Reported(2));
}

TEST_F(FileWatchTest, AWholeFolderIsReplaced) {
  StartAll();
  fs::create_directories(folder_ / "new" / "signcerts");
  Write(folder_ / "new" / "signcerts" / "cert.pem", "two");
  fs::rename(folder_ / "msp", folder_ / "old");
  fs::rename(folder_ / "new", folder_ / "msp");
  EXPECT_TRUE(Reported(1));
  Write(folder_ / "msp" / "signcerts" / "cert.pem", "three, longer");
  EXPECT_TRUE(Reported(2));
}

// As mounted secrets are: server.crt -> ..data/server.crt, ..data -> a folder per generation.
TEST_F(FileWatchTest, ALinkedFolderIsSwitched) {
  const fs::path secret = folder_ / "secret";
  for (const std::string generation : {"1", "2"}) {
    fs::create_directories(secret / generation);
    Write(secret / generation / "server.crt", generation);
  }
  fs::create_symlink("1", secret / "..data");
  fs::create_symlink("..data/server.crt", secret / "server.crt");
  Start({secret / "server.crt"});
  fs::create_symlink("2", secret / "..new");
  fs::rename(secret / "..new", secret / "..data");
  EXPECT_TRUE(Reported(1));
}

TEST_F(FileWatchTest, AMissingFileAppearsInAMissingFolder) {
  Start({folder_ / "later" / "ca" / "ca.pem"});
  fs::create_directories(folder_ / "later" / "ca");
  Write(folder_ / "later" / "ca" / "ca.pem", "one");
  EXPECT_TRUE(Reported(1));
}

TEST_F(FileWatchTest, OtherFilesBesideThemAreNoChange) {
  StartAll();
  Write(folder_ / "tls" / "notes.txt", "one");
  Write(folder_ / "notes.txt", "one");
  EXPECT_TRUE(NothingReported());
}

// The limit is 10 times the quiet time.
TEST_F(FileWatchTest, AFolderThatIsNeverQuietHoldsNothingUp) {
  StartAll();
  Write(folder_ / "tls" / "server.crt", "two, longer");
  int writes = 0;
  base::Handle writer;
  const std::function<void()> write = [&] {
    Write(folder_ / "tls" / "noise.log", std::string(static_cast<std::size_t>(++writes), 'x'));
    writer = loop_.After(kQuiet / 5, [&] { write(); });
  };
  write();
  EXPECT_TRUE(loop_.RunUntil([&] { return reports_ == 1; }, kReportDeadline));
}

TEST_F(FileWatchTest, MayBeDestroyedWhileItReports) {
  auto watch = FileWatch::Start(
      loop_, {folder_ / "msp"},
      [this] {
        ++reports_;
        watch_.reset();
      },
      kQuiet);
  ASSERT_TRUE(watch);
  watch_ = std::move(*watch);
  Write(folder_ / "msp" / "config.yaml", "one");
  EXPECT_TRUE(Reported(1));
  EXPECT_EQ(watch_, nullptr);
}

TEST_F(FileWatchTest, ReportsNothingOnceItIsDestroyed) {
  StartAll();
  Write(folder_ / "tls" / "server.crt", "two, longer");
  watch_.reset();
  EXPECT_TRUE(NothingReported());
}

TEST(SignalWatchTest, ASignalIsAnEventOfTheLoop) {
  EventLoop loop;
  int received = 0;
  SignalWatch watch(loop, SIGHUP, [&] { ++received; });
  EXPECT_EQ(raise(SIGHUP), 0);
  EXPECT_EQ(received, 0);
  EXPECT_TRUE(loop.RunUntil([&] { return received == 1; }, kReportDeadline));
  EXPECT_EQ(raise(SIGHUP), 0);
  EXPECT_TRUE(loop.RunUntil([&] { return received == 2; }, kReportDeadline));
}

}  // namespace
}  // namespace grapevine::runtime

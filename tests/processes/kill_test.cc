// Kills a real node (SIGKILL) at random moments while it stores blocks, again and again: no block that it advertised is
// ever lost, its chain stays intact, and it goes on by itself (specification 23, 2.2; 24, item 65).
//   kill_test GRAPEVINE KILLS [SEED]
// GRAPEVINE is the program under test, run as `node start`. In this process: the ordering service, and a peer of the
// same organisation that hears what the victim advertises.
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/admin_client.h"
#include "app/admin_protocol.h"
#include "app/replay_orderer.h"
#include "base/random.h"
#include "runtime/configuration_file.h"
#include "runtime/event_loop.h"
#include "runtime/log_output.h"
#include "runtime/peer.h"
#include "runtime/posix_files.h"
#include "runtime/read_file.h"
#include "runtime/worker_pool.h"

namespace grapevine {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr char kChannel[] = "mychannel";
constexpr std::uint64_t kBlocksPerSecond = 50;
constexpr base::Duration kLongestLife = 400ms;
constexpr base::Duration kLongestStart = 60ms;  // of those that die before they are ready

[[noreturn]] void Die(const std::string& message) {
  fmt::print(stderr, "kill_test: {}\n", message);
  std::exit(1);
}

template <typename T>
T Need(base::Result<T> result, const std::string& what) {
  if (!result) Die(what + ": " + result.error().message);
  return *std::move(result);
}

std::string Read(const fs::path& path) { return Need(runtime::ReadFile(path, "the test's network"), path); }

// Folder with the network, removed at the end.
struct Work {
  Work() {
    std::string name = (fs::temp_directory_path() / "grapevine_kill_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) Die("no temporary folder");
    path = name;
  }
  ~Work() { fs::remove_all(path); }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  fs::path Peer(int number) const {
    return path / fmt::format("net/crypto/peerOrganizations/org1.example.com/peers/peer{}.org1.example.com", number);
  }
  fs::path Orderer() const { return path / "net/crypto/ordererOrganizations/example.com/orderers/orderer.example.com"; }
  fs::path path;
};

// `lead`: pulls from the ordering service.
fs::path WriteCoreYaml(const Work& work, int number, const std::string& listen, const std::string& bootstrap, bool lead,
                       const std::string& orderer) {
  const fs::path folder = work.path / fmt::format("peer{}", number);
  fs::create_directories(folder);
  std::ofstream(folder / "core.yaml") << fmt::format(
      R"(peer:
  id: peer{number}
  listenAddress: {listen}
  address: {listen}
  localMspId: Org1MSP
  mspConfigPath: {files}/msp
  fileSystemPath: {data}
  gossip:
    bootstrap: {bootstrap}
    orgLeader: {lead}
    publishStateInfoInterval: 50ms
    sendBuffSize: 200
    state: {{enabled: true}}
  tls:
    enabled: true
    cert: {{file: {files}/tls/server.crt}}
    key: {{file: {files}/tls/server.key}}
    rootcert: {{file: {files}/tls/ca.crt}}
  deliveryclient:
    addressOverrides:
      - {{from: "127.0.0.1:17050", to: "{orderer}", caCertsFile: {orderer_ca}}}
)",
      fmt::arg("number", number), fmt::arg("listen", listen), fmt::arg("files", work.Peer(number).string()),
      fmt::arg("data", (folder / "data").string()), fmt::arg("bootstrap", bootstrap), fmt::arg("lead", lead),
      fmt::arg("orderer", orderer), fmt::arg("orderer_ca", (work.Orderer() / "tls/ca.crt").string()));
  return folder / "core.yaml";
}

// The node under test, one process after the other.
class Victim {
 public:
  Victim(runtime::EventLoop& loop, std::string program, fs::path core_yaml)
      : loop_(loop), program_(std::move(program)), core_yaml_(std::move(core_yaml)) {}
  ~Victim() { Kill(); }

  void Start() {
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) != 0) Die("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ready[1], kReadyDescriptor);
    const std::string log = (core_yaml_.parent_path() / "log").string();
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const std::string descriptor = std::to_string(kReadyDescriptor);
    const char* arguments[] = {program_.c_str(),   "node", "start", "--config", core_yaml_.c_str(), "--ready-fd",
                               descriptor.c_str(), nullptr};
    const int spawned =
        posix_spawn(&pid_, program_.c_str(), &actions, nullptr, const_cast<char* const*>(arguments), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ready[1]);
    if (spawned != 0) Die(fmt::format("cannot run '{}'", program_));
    ready_ = false;
    ready_pipe_ = ready[0];
    watch_ = loop_.Watch(ready_pipe_, [this](base::IoReady) {
      char text[8];
      ready_ = read(ready_pipe_, text, sizeof text) > 0;
      ended_ = !ready_;
      watch_.reset();
    });
    watch_->SetInterest(true, false);
    ended_ = false;
  }
  // Taking part; or the process has ended before that.
  void AwaitReady() {
    if (!loop_.RunUntil([&] { return ready_ || ended_; }, 60s)) Die("the node does not become ready" + Log());
    if (ended_) Die("the node ended by itself" + Log());
  }
  void Kill() {
    if (pid_ <= 0) return;
    watch_.reset();
    close(ready_pipe_);
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) Die("the node had ended by itself" + Log());
    pid_ = 0;
  }
  bool ready() const { return ready_; }
  std::string Log() const {
    return ":\n" + Need(runtime::ReadFile((core_yaml_.parent_path() / "log").string(), "the log"), "the log");
  }

 private:
  static constexpr int kReadyDescriptor = 10;

  runtime::EventLoop& loop_;
  std::string program_;
  fs::path core_yaml_;
  pid_t pid_ = 0;
  int ready_pipe_ = -1;
  bool ready_ = false;
  bool ended_ = false;
  std::unique_ptr<base::IoWatch> watch_;
};

class KillTest {
 public:
  KillTest(std::string program, std::uint64_t kills, std::uint64_t seed)
      : program_(std::move(program)), kills_(kills), random_(seed) {}

  void Run() {
    MakeNetwork();
    StartOrderer();
    StartObserver();
    Victim victim(loop_, program_, victim_yaml_);
    victim.Start();
    victim.AwaitReady();
    Ask(app::kAdminJoin, genesis_);
    orderer_->chain().Grow(kBlocksPerSecond);
    std::uint64_t advertised = 0;
    std::uint64_t starting = 0;
    for (std::uint64_t i = 0; i < kills_; ++i) {
      const auto longest = victim.ready() ? kLongestLife : kLongestStart;
      const auto life = base::Duration(random_.Below(static_cast<std::uint64_t>(longest.count())));
      (void)loop_.RunUntil([] { return false; }, life);
      starting += victim.ready() ? 0 : 1;
      advertised = std::max(advertised, SeenHeight());
      victim.Kill();
      victim.Start();
      if (random_.Chance(1, 5)) continue;  // dies while it starts, perhaps
      victim.AwaitReady();
      const std::uint64_t height = OwnHeight();
      if (height < advertised) Die(fmt::format("height {} after {} had been advertised", height, advertised));
    }
    victim.AwaitReady();
    Finish();
    fmt::print("killed {} times, {} of them while it was starting: no block of {} that it had advertised was lost\n",
               kills_, starting, advertised);
  }

 private:
  void MakeNetwork() {
    // Long enough for the whole test: a life lasts kLongestLife / 2 on average, and a start about as long again.
    const std::uint64_t blocks = 200 + kills_ * kBlocksPerSecond / 2;
    const std::string command = fmt::format(
        "'{}' testnet --out '{}' --orgs 1 --peers 2 --blocks {} --base-port 17050 "
        "--config-every 500 > /dev/null",
        program_, (work_.path / "net").string(), blocks);
    if (std::system(command.c_str()) != 0) Die("no network");
    genesis_ = base::Bytes(Read(work_.path / "net/mychannel.block"));
  }

  void StartOrderer() {
    app::ReplayOrdererOptions options;
    options.chain.path = (work_.path / "net/chain").string();
    options.chain.genesis = genesis_;
    options.listen = "127.0.0.1:0";
    options.tls_certificate = Read(work_.Orderer() / "tls/server.crt");
    options.tls_key = Read(work_.Orderer() / "tls/server.key");
    orderer_ = Need(
        app::ReplayOrderer::Start(
            {.executor = loop_, .workers = workers_, .random = random_, .metrics = metrics_, .log = base::Logger()},
            loop_, files_, options),
        "the ordering service");
  }

  void StartObserver() {
    const auto yaml = WriteCoreYaml(work_, 1, "127.0.0.1:0", "", false, orderer_->address());
    const auto configuration =
        Need(runtime::LoadConfiguration(yaml, {}), "the observer's configuration").reading.configuration;
    observer_ = Need(runtime::Peer::Open({.loop = loop_, .workers = workers_, .files = files_, .log = log_},
                                         {.configuration = configuration,
                                          .files = Need(runtime::LoadPeerFiles(configuration), "the observer's files"),
                                          .hooks = {},
                                          .seed = {}}),
                     "the observer");
    Need(observer_->Start(), "the observer");
    bool joined = false;
    observer_->JoinChannel(genesis_, [&](base::Result<std::string> channel) {
      Need(std::move(channel), "the observer");
      joined = true;
    });
    if (!loop_.RunUntil([&] { return joined; }, 60s)) Die("the observer does not join");
    victim_yaml_ = WriteCoreYaml(work_, 0, "127.0.0.1:0", observer_->endpoint(), true, orderer_->address());
  }

  std::uint64_t SeenHeight() {
    std::uint64_t height = 0;
    for (const auto& member : observer_->node()->gossip().PeersOfChannel(kChannel)) {
      height = std::max(height, member.properties.ledger_height);
    }
    return height;
  }
  nlohmann::json Ask(const char* method, base::Bytes request) {
    auto client = Need(app::AdminClient::Connect((work_.path / "peer0/data/grapevine/admin.sock").string()), "admin");
    return nlohmann::json::parse(Need(client->Call(method, std::move(request)), method).ToString());
  }
  nlohmann::json Info() { return Ask(app::kAdminGetInfo, base::Bytes(nlohmann::json{{"channel", kChannel}}.dump())); }
  std::uint64_t OwnHeight() { return Info()["height"].get<std::uint64_t>(); }

  // The rest of the chain at once: both get it, and every record of the victim's chain is right.
  void Finish() {
    orderer_->chain().Grow(0);
    const std::uint64_t whole = orderer_->chain().recorded().height();
    const auto& ledger = *observer_->FindLedger(kChannel);
    if (!loop_.RunUntil([&] { return ledger.height() == whole; }, 300s)) {
      Die(fmt::format("the observer has {} blocks of {}, the node {}", ledger.height(), whole, OwnHeight()));
    }
    if (!loop_.RunUntil([&] { return SeenHeight() == whole; }, 60s)) Die("the node does not advertise the whole chain");
    const std::string command =
        fmt::format("'{}' ledger verify '{}' > '{}'", program_, (work_.path / "peer0/data/ledgersData").string(),
                    (work_.path / "verify").string());
    if (std::system(command.c_str()) != 0) Die("ledger verify:\n" + Read(work_.path / "verify"));
  }

  Work work_;
  std::string program_;
  std::uint64_t kills_;
  base::Random random_;
  base::Metrics metrics_;
  runtime::LogOutput log_{{.spec = *runtime::ParseLogSpec("error"), .write = {}, .now = {}}};
  runtime::PosixFileSystem files_;
  runtime::EventLoop loop_;
  runtime::WorkerPool workers_{loop_, 2};
  base::Bytes genesis_;
  std::unique_ptr<app::ReplayOrderer> orderer_;
  std::unique_ptr<runtime::Peer> observer_;
  fs::path victim_yaml_;
};

}  // namespace
}  // namespace grapevine

int main(int argc, char** argv) {
  if (argc < 3) return fmt::print(stderr, "kill_test GRAPEVINE KILLS [SEED]\n"), 2;
  const std::uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  fmt::print("seed {}\n", seed);
  grapevine::KillTest(argv[1], std::strtoull(argv[2], nullptr, 10), seed).Run();
}

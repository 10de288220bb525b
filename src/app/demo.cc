#include "app/demo.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "app/demo_peer.h"
#include "app/demo_table.h"
#include "app/network_folder.h"
#include "app/replay_orderer.h"
#include "base/bytes.h"
#include "base/metrics.h"
#include "base/random.h"
#include "msp/pem.h"
#include "runtime/event_loop.h"
#include "runtime/log_output.h"
#include "runtime/posix_files.h"
#include "runtime/read_file.h"
#include "runtime/worker_pool.h"

namespace grapevine::app {

namespace fs = std::filesystem;
using base::ErrorCode;

namespace {

// After the blocks begin to flow.
constexpr base::Duration kLateBy = std::chrono::seconds(3);
constexpr std::size_t kDemoWorkers = 2;

// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  static base::Result<std::unique_ptr<TemporaryFolder>> Make() {
    std::string path = (fs::temp_directory_path() / "grapevine-demo-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) return base::Fail(ErrorCode::kIo, "cannot make a temporary folder '{}'", path);
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(path));
  }
  ~TemporaryFolder() {
    std::error_code ignored;  // nobody can do anything about it now
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// The first of `candidates` below `folder` that exists; the first one if none does, for the error message.
std::string FirstExisting(const std::string& folder, const std::vector<std::string>& candidates) {
  for (const auto& candidate : candidates) {
    std::error_code error;
    if (fs::exists(fs::path(folder) / candidate, error)) return (fs::path(folder) / candidate).string();
  }
  return (fs::path(folder) / candidates.front()).string();
}

class Demo {
 public:
  Demo(const DemoOptions& options, std::ostream& out)
      : options_(options), log_({.spec = runtime::LogSpec(options.log_level)}), table_(out, options.live), out_(out) {}
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;

  base::Result<void> Run();

 private:
  base::Result<void> SetUp();
  base::Result<void> SetUpOrderer();
  base::Result<void> SetUpOrganization(std::size_t organization, std::size_t peers);
  base::Result<void> CheckFaults() const;
  void StartPeer(DemoPeer& peer);
  DemoPeer* Find(const DemoFault& fault) const;
  void ScheduleFaults();
  void Tick();
  void BeginToFlow();
  void Draw();
  bool IsReady() const;
  bool IsLate(const DemoPeer& peer) const { return late_.contains(&peer); }
  void Released();
  void Committed(DemoPeer& peer, std::uint64_t number);
  bool Finished() const;
  void Fail(base::Error error);
  base::Result<void> CompareLedgers();

  const DemoOptions& options_;
  runtime::EventLoop loop_;
  runtime::LogOutput log_;
  runtime::PosixFileSystem files_;
  base::Metrics metrics_;
  base::Random random_{1};
  runtime::WorkerPool workers_{loop_, kDemoWorkers};
  DemoWorld world_{.host = {.loop = loop_, .workers = workers_, .files = files_, .log = log_},
                   .genesis = {},
                   .genesis_config = {},
                   .anchors = {},
                   .orderer = {}};
  DemoTable table_;
  std::ostream& out_;
  std::unique_ptr<TemporaryFolder> temporary_;
  std::string ledgers_;
  std::unique_ptr<ReplayOrderer> orderer_;
  base::Handle releases_;
  std::vector<base::SteadyTime> released_;  // by block number, as far as they are
  std::vector<std::unique_ptr<DemoPeer>> peers_;
  std::set<const DemoPeer*> first_;  // of each organisation: whom the others know
  std::set<const DemoPeer*> late_;
  base::Handle tick_;
  std::vector<base::Handle> faults_;
  bool flowing_ = false;
  std::size_t faults_to_come_ = 0;  // ends of kills and cuts, and late starts
  base::SteadyTime start_{};
  base::SteadyTime drawn_{};
  std::optional<base::Error> failure_;
};

base::Result<void> Demo::SetUp() {
  const std::string genesis = FirstExisting(options_.network, {"mychannel.genesis.block", "mychannel.block"});
  auto content = runtime::ReadFile(genesis, "the genesis block");
  if (!content) return std::unexpected(content.error());
  world_.genesis = base::Bytes(std::move(*content));
  auto config = msp::ChannelConfig::FromBlock(world_.genesis);
  if (!config) return base::Wrap(config.error(), "the genesis block");
  world_.genesis_config = std::move(*config);

  ledgers_ = options_.ledgers;
  if (ledgers_.empty()) {
    auto temporary = TemporaryFolder::Make();
    if (!temporary) return std::unexpected(temporary.error());
    temporary_ = std::move(*temporary);
    ledgers_ = temporary_->path();
  }
  for (std::size_t organization = 1; organization <= options_.orgs; ++organization) {
    // The first organisations take what does not divide evenly.
    const std::size_t peers = options_.peers / options_.orgs + (organization <= options_.peers % options_.orgs ? 1 : 0);
    if (auto made = SetUpOrganization(organization, peers); !made) return made;
  }
  return SetUpOrderer();
}

base::Result<void> Demo::SetUpOrderer() {
  auto material = ReadOrderer(options_.network);
  if (!material) return std::unexpected(material.error());
  ReplayOrdererOptions options;
  options.chain.path =
      options_.blocks.empty()
          ? FirstExisting(options_.network, {"blocks/orderer.blockfile_000000", "chain/blockfile_000000"})
          : options_.blocks;
  options.chain.genesis = world_.genesis;
  options.listen = "127.0.0.1:0";
  options.tls_certificate = std::move(material->tls_certificate);
  options.tls_key = std::move(material->tls_key);
  for (const auto& authority : world_.genesis_config->application_tls_authorities()) {
    options.tls_client_authorities.push_back(msp::EncodePem("CERTIFICATE", authority->der()));
  }
  auto orderer = ReplayOrderer::Start({.executor = loop_,
                                       .workers = workers_,
                                       .random = random_,
                                       .metrics = metrics_,
                                       .log = base::Logger(&log_, "orderer")},
                                      loop_, files_, options);
  if (!orderer) return std::unexpected(orderer.error());
  orderer_ = std::move(*orderer);
  world_.orderer = orderer_->address();
  return {};
}

base::Result<void> Demo::SetUpOrganization(std::size_t organization, std::size_t peers) {
  if (peers == 0)
    return base::Fail(ErrorCode::kInvalid, "--peers {} is less than --orgs {}: each needs one", options_.peers,
                      options_.orgs);
  const auto material = ReadPeers(options_.network, organization, peers);
  if (!material) return std::unexpected(material.error());
  base::Endpoint bootstrap;
  for (const auto& files : *material) {
    auto peer = DemoPeer::Create(world_, files, ledgers_ + "/" + files.name, bootstrap, peers_.size() + 1,
                                 [this](DemoPeer& which, std::uint64_t number) { Committed(which, number); });
    if (!peer) return std::unexpected(peer.error());
    peers_.push_back(std::move(*peer));
    if (!bootstrap.empty()) continue;
    const DemoPeer& first = *peers_.back();
    bootstrap = first.endpoint();
    first_.insert(&first);
    world_.anchors.push_back({.endpoint = first.endpoint(), .organization = first.organization()});
  }
  return {};
}

base::Result<void> Demo::Run() {
  if (auto ready = SetUp(); !ready) return ready;
  if (auto possible = CheckFaults(); !possible) return possible;
  for (auto peer = peers_.rbegin(); late_.size() < options_.late; ++peer) {
    if (!first_.contains(peer->get())) late_.insert(peer->get());
  }
  start_ = drawn_ = loop_.Now();
  for (const auto& peer : peers_) {
    if (!IsLate(*peer)) StartPeer(*peer);
  }
  Tick();
  const bool over = loop_.RunUntil([this] { return failure_ || Finished(); }, options_.timeout);
  Draw();
  if (failure_) return std::unexpected(*failure_);
  if (!over) {
    return base::Fail(ErrorCode::kTimeout, "after {} s not every peer has the whole chain",
                      std::chrono::duration_cast<std::chrono::seconds>(options_.timeout).count());
  }
  return CompareLedgers();
}

base::Result<void> Demo::CheckFaults() const {
  if (options_.late + first_.size() > peers_.size()) {
    return base::Fail(ErrorCode::kInvalid,
                      "--late {}: the first peer of each organisation is whom the others know, so that at most {} can "
                      "be late",
                      options_.late, peers_.size() - first_.size());
  }
  for (const auto* faults : {&options_.kills, &options_.cuts}) {
    for (const DemoFault& fault : *faults) {
      if (fault.leader_of > options_.orgs) {
        return base::Fail(ErrorCode::kInvalid, "there is no organisation {}: they are numbered 1 to {}",
                          fault.leader_of, options_.orgs);
      }
      if (fault.peer < peers_.size()) continue;
      return base::Fail(ErrorCode::kInvalid, "there is no peer {}: they are numbered 0 to {}", fault.peer,
                        peers_.size() - 1);
    }
  }
  return {};
}

void Demo::StartPeer(DemoPeer& peer) {
  if (auto started = peer.Start(); !started) Fail(started.error());
}

// Whom a fault strikes now.
DemoPeer* Demo::Find(const DemoFault& fault) const {
  if (fault.leader_of == 0) return peers_[fault.peer].get();
  const std::string& organization = world_.anchors[fault.leader_of - 1].organization;
  const auto of_organization = [&](const auto& peer) { return peer->organization() == organization; };
  const auto leader =
      std::ranges::find_if(peers_, [&](const auto& peer) { return of_organization(peer) && peer->leads(); });
  return leader == peers_.end() ? std::ranges::find_if(peers_, of_organization)->get() : leader->get();
}

void Demo::ScheduleFaults() {
  for (const auto& peer : peers_) {
    if (!IsLate(*peer)) continue;
    ++faults_to_come_;
    faults_.push_back(loop_.After(kLateBy, [this, &late = *peer] {
      StartPeer(late);
      --faults_to_come_;
    }));
  }
  const auto add = [this](const DemoFault& fault, auto begin, auto end) {
    ++faults_to_come_;
    faults_.push_back(loop_.After(fault.at, [this, &fault, begin, end] {
      DemoPeer& peer = *Find(fault);
      begin(peer);
      if (fault.lasts == base::Duration::zero()) {
        --faults_to_come_;
        return;
      }
      faults_.push_back(loop_.After(fault.lasts, [this, &peer, end] {
        end(peer);
        --faults_to_come_;
      }));
    }));
  };
  for (const auto& fault : options_.kills) {
    add(fault, [](DemoPeer& peer) { peer.Kill(); }, [this](DemoPeer& peer) { StartPeer(peer); });
  }
  for (const auto& fault : options_.cuts) {
    add(fault, [](DemoPeer& peer) { peer.SetCut(true); }, [](DemoPeer& peer) { peer.SetCut(false); });
  }
}

void Demo::Tick() {
  tick_ = loop_.After(std::chrono::milliseconds(50), [this] { Tick(); });
  if (!flowing_ && IsReady()) BeginToFlow();
  for (const auto& peer : peers_) {
    if (auto trouble = peer->trouble()) Fail(std::move(*trouble));
  }
  if (const auto& failure = orderer_->chain().failure()) Fail(*failure);
  const auto interval = options_.live ? std::chrono::milliseconds(200) : std::chrono::milliseconds(1000);
  if (loop_.Now() - drawn_ >= interval) Draw();
}

// Every running peer sees all others alive, and those of its organisation in the channel; each organisation has
// one leader.
bool Demo::IsReady() const {
  const auto running = std::ranges::count_if(peers_, [](const auto& peer) { return peer->running(); });
  std::multiset<std::string> led;
  for (const auto& peer : peers_) {
    if (!peer->running()) continue;
    const auto same = std::ranges::count_if(
        peers_, [&](const auto& other) { return other->running() && other->organization() == peer->organization(); });
    if (static_cast<std::ptrdiff_t>(peer->alive()) != running - 1 ||
        static_cast<std::ptrdiff_t>(peer->channel_members()) != same - 1) {
      return false;
    }
    if (peer->leads()) led.insert(peer->organization());
  }
  return led.size() == first_.size() &&
         std::ranges::all_of(first_, [&](const auto* first) { return led.contains(first->organization()); });
}

void Demo::BeginToFlow() {
  flowing_ = true;
  ScheduleFaults();
  released_.resize(1);  // the genesis block comes from the administrator
  releases_ = orderer_->chain().OnGrowth([this] { Released(); });
  orderer_->chain().Grow(options_.rate);
}

void Demo::Released() { released_.resize(orderer_->chain().height(), loop_.Now()); }

void Demo::Draw() {
  std::map<wire::PkiId, std::pair<std::uint64_t, std::uint64_t>> advertised;  // lowest and highest seen by others
  for (const auto& peer : peers_) {
    for (const auto& [pki_id, height] : peer->SeenHeights()) {
      const auto [seen, added] = advertised.try_emplace(pki_id, height, height);
      seen->second = {std::min(seen->second.first, height), std::max(seen->second.second, height)};
    }
  }
  std::vector<DemoRow> rows;
  const auto elapsed = loop_.Now() - drawn_;
  drawn_ = loop_.Now();
  for (const auto& peer : peers_) {
    DemoRow row = peer->Row(elapsed);
    if (IsLate(*peer) && !peer->running()) row.state = "late";
    if (const auto seen = advertised.find(peer->pki_id()); seen != advertised.end()) {
      const auto [lowest, highest] = seen->second;
      row.advertised = lowest == highest ? fmt::format("{}", lowest) : fmt::format("{}-{}", lowest, highest);
    }
    rows.push_back(std::move(row));
  }
  const auto seconds = std::chrono::duration<double>(loop_.Now() - start_).count();
  const RecordedChain& recorded = orderer_->chain().recorded();
  table_.Draw(
      fmt::format("{} peers of {} organisations, mutual TLS on loopback, {:.1f} s; the orderer has released {} of "
                  "{} blocks",
                  peers_.size(), options_.orgs, seconds, orderer_->chain().height(), recorded.height()),
      rows);
}

void Demo::Committed(DemoPeer& peer, std::uint64_t number) {
  if (number > 0 && number < released_.size()) peer.ObserveLatency(loop_.Now() - released_[number]);
}

bool Demo::Finished() const {
  if (!flowing_ || faults_to_come_ > 0 || !orderer_->chain().complete()) return false;
  return std::ranges::all_of(peers_, [&](const auto& peer) {
    return !peer->running() || peer->cut() || peer->height() == orderer_->chain().height();
  });
}

void Demo::Fail(base::Error error) {
  if (!failure_) failure_ = std::move(error);
}

base::Result<void> Demo::CompareLedgers() {
  std::set<std::string> hashes;
  std::size_t up = 0;
  for (const auto& peer : peers_) {
    const bool away = !peer->running() || peer->cut();
    out_ << fmt::format("{:<14} height {} chain hash {}{}\n", peer->name(), peer->height(),
                        base::ToHex(peer->current_hash()), away ? " (away)" : "");
    if (away) continue;
    ++up;
    hashes.insert(peer->current_hash());
  }
  if (hashes.size() > 1) return base::Fail(ErrorCode::kInternal, "the chain hashes differ");
  out_ << fmt::format("all {} ledgers are equal\n", up) << std::flush;
  return {};
}

}  // namespace

int RunDemo(const DemoOptions& options, std::ostream& out, std::ostream& err) {
  out << "The nodes elect their leaders with short times, so that this begins within seconds: a leader counts as gone "
         "after 2 s (Fabric: 10 s).\n";
  const auto result = Demo(options, out).Run();
  if (result) return 0;
  err << "error: " << result.error().message << "\n";
  return 1;
}

}  // namespace grapevine::app

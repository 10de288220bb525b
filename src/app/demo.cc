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

#include "app/chain_source.h"
#include "app/demo_peer.h"
#include "app/demo_table.h"
#include "app/network_folder.h"
#include "base/bytes.h"
#include "msp/block.h"
#include "runtime/log_output.h"
#include "runtime/read_file.h"

namespace grapevine::app {

namespace fs = std::filesystem;
using base::ErrorCode;

namespace {

// Blocks that a source may be ahead of the slowest peer of its organisation among those that are always there.
constexpr std::uint64_t kMaxLead = 100;
// After the blocks begin to flow.
constexpr base::Duration kLateBy = std::chrono::seconds(3);
constexpr std::size_t kWorkerThreads = 2;

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

// The node of one organisation that reads the chain, and when it released which block.
struct Source {
  DemoPeer* peer = nullptr;
  std::unique_ptr<ChainSource> chain;
  std::optional<ChainSource::Block> next;
  bool reading = false;
  bool paused = false;  // until the next beat of the pacing timer
  bool ended = false;
  std::vector<base::SteadyTime> released;  // by block number
  base::Handle pace;
};

class Demo {
 public:
  Demo(const DemoOptions& options, std::ostream& out)
      : options_(options),
        log_({.spec = runtime::LogSpec(options.log_level)}),
        workers_(std::make_unique<runtime::WorkerPool>(loop_, kWorkerThreads)),
        world_{.loop = loop_, .workers = *workers_, .files = files_, .log = log_, .genesis = {}},
        table_(out, options.live),
        out_(out) {}
  // Jobs that have begun use the peers' ledgers: they end before the peers go.
  ~Demo() { workers_.reset(); }
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;

  base::Result<void> Run();

 private:
  base::Result<void> SetUp();
  base::Result<void> SetUpOrganization(std::size_t organization, std::size_t peers, const std::string& blocks);
  void StartPeer(DemoPeer& peer);
  void ScheduleFaults();
  void Tick();
  void Draw();
  bool AllSeeEachOther() const;
  bool IsSource(const DemoPeer& peer) const;
  bool IsLate(const DemoPeer& peer) const;
  bool IsSteady(const DemoPeer& peer) const;
  void Feed(Source& source);
  void ReadNext(Source& source);
  void Committed(DemoPeer& peer, std::uint64_t number);
  bool Finished() const;
  std::uint64_t LowestHeight(const std::string& organization) const;
  void Fail(base::Error error);
  base::Result<void> CheckFaults() const;
  base::Result<void> CompareLedgers();

  const DemoOptions& options_;
  runtime::EventLoop loop_;
  runtime::LogOutput log_;
  runtime::PosixFileSystem files_;
  std::unique_ptr<runtime::WorkerPool> workers_;
  DemoWorld world_;
  DemoTable table_;
  std::ostream& out_;
  std::unique_ptr<TemporaryFolder> temporary_;
  std::string ledgers_;
  std::vector<std::unique_ptr<DemoPeer>> peers_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<base::Handle> timers_;
  std::vector<base::Handle> faults_;
  bool flowing_ = false;
  std::size_t faults_to_come_ = 0;  // ends of kills and cuts, and late starts
  std::set<const DemoPeer*> late_;
  base::SteadyTime start_{};
  base::SteadyTime drawn_{};
  std::optional<base::Error> failure_;
};

base::Result<void> Demo::SetUp() {
  const std::string genesis = FirstExisting(options_.network, {"mychannel.genesis.block", "mychannel.block"});
  auto content = runtime::ReadFile(genesis, "the genesis block");
  if (!content) return std::unexpected(content.error());
  world_.genesis = base::Bytes(std::move(*content));

  ledgers_ = options_.ledgers;
  if (ledgers_.empty()) {
    auto temporary = TemporaryFolder::Make();
    if (!temporary) return std::unexpected(temporary.error());
    temporary_ = std::move(*temporary);
    ledgers_ = temporary_->path();
  }
  const std::string blocks =
      options_.blocks.empty()
          ? FirstExisting(options_.network, {"blocks/orderer.blockfile_000000", "chain/blockfile_000000"})
          : options_.blocks;
  for (std::size_t organization = 1; organization <= options_.orgs; ++organization) {
    // The first organisations take what does not divide evenly.
    const std::size_t peers = options_.peers / options_.orgs + (organization <= options_.peers % options_.orgs ? 1 : 0);
    if (auto made = SetUpOrganization(organization, peers, blocks); !made) return made;
  }
  return {};
}

base::Result<void> Demo::SetUpOrganization(std::size_t organization, std::size_t peers, const std::string& blocks) {
  if (peers == 0)
    return base::Fail(ErrorCode::kInvalid, "--peers {} is less than --orgs {}: each needs one", options_.peers,
                      options_.orgs);
  auto material = ReadPeers(options_.network, organization, peers);
  if (!material) return std::unexpected(material.error());
  const std::size_t first = peers_.size();
  for (auto& files : *material) {
    const std::string folder = ledgers_ + "/" + files.name;
    auto peer = DemoPeer::Create(world_, std::move(files), folder, peers_.size() + 1);
    if (!peer) return std::unexpected(peer.error());
    peers_.push_back(std::move(*peer));
  }
  auto chain = ChainSource::Open(*workers_, files_, blocks);
  if (!chain) return std::unexpected(chain.error());
  const auto genesis = msp::ParseBlock(world_.genesis);
  if (!genesis) return base::Wrap(genesis.error(), "the genesis block");
  if (genesis->header.Hash().view() != (*chain)->first_hash()) {
    return base::Fail(ErrorCode::kInvalid, "'{}' is not a chain of this network: its block 0 is not the genesis block",
                      blocks);
  }
  auto source = std::make_unique<Source>();
  source->peer = peers_[first].get();
  source->chain = std::move(*chain);
  source->released.resize(1);  // the genesis block comes from the administrator
  sources_.push_back(std::move(source));
  return {};
}

base::Result<void> Demo::Run() {
  if (auto ready = SetUp(); !ready) return ready;
  if (auto possible = CheckFaults(); !possible) return possible;
  for (auto peer = peers_.rbegin(); late_.size() < options_.late; ++peer) {
    if (!IsSource(**peer)) late_.insert(peer->get());
  }
  start_ = drawn_ = loop_.Now();
  for (const auto& peer : peers_) {
    if (!IsLate(*peer)) StartPeer(*peer);
  }
  timers_.push_back(loop_.After(std::chrono::milliseconds(50), [this] { Tick(); }));
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
  if (options_.late + sources_.size() > peers_.size()) {
    return base::Fail(ErrorCode::kInvalid,
                      "--late {}: the first peer of each organisation reads the chain, so that at most {} can be late",
                      options_.late, peers_.size() - sources_.size());
  }
  for (const auto* faults : {&options_.kills, &options_.cuts}) {
    for (const DemoFault& fault : *faults) {
      if (fault.peer >= peers_.size()) {
        return base::Fail(ErrorCode::kInvalid, "there is no peer {}: they are numbered 0 to {}", fault.peer,
                          peers_.size() - 1);
      }
      if (IsSource(*peers_[fault.peer])) {
        return base::Fail(ErrorCode::kInvalid, "peer {} ({}) reads the chain and has to stay: name another one",
                          fault.peer, peers_[fault.peer]->name());
      }
    }
  }
  return {};
}

// A peer knows the first one of its organisation and the anchor peers, which are the first ones of all.
void Demo::StartPeer(DemoPeer& peer) {
  base::Endpoint bootstrap;
  std::vector<membership::AnchorPeer> anchors;
  for (const auto& source : sources_) {
    anchors.push_back({.endpoint = source->peer->endpoint(), .organization = source->peer->organization()});
    if (source->peer != &peer && source->peer->organization() == peer.organization()) {
      bootstrap = source->peer->endpoint();
    }
  }
  const auto started = peer.Start(bootstrap, std::move(anchors),
                                  [this](DemoPeer& which, std::uint64_t number) { Committed(which, number); });
  if (!started) Fail({started.error().code, peer.name() + ": " + started.error().message});
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
    DemoPeer& peer = *peers_[fault.peer];
    ++faults_to_come_;
    faults_.push_back(loop_.After(fault.at, [this, &peer, begin, ends = fault.lasts > base::Duration::zero()] {
      begin(peer);
      if (!ends) --faults_to_come_;
    }));
    if (fault.lasts > base::Duration::zero()) {
      faults_.push_back(loop_.After(fault.at + fault.lasts, [this, &peer, end] {
        end(peer);
        --faults_to_come_;
      }));
    }
  };
  for (const auto& fault : options_.kills) {
    add(fault, [](DemoPeer& peer) { peer.Kill(); }, [this](DemoPeer& peer) { StartPeer(peer); });
  }
  for (const auto& fault : options_.cuts) {
    add(fault, [](DemoPeer& peer) { peer.SetCut(true); }, [](DemoPeer& peer) { peer.SetCut(false); });
  }
}

void Demo::Tick() {
  timers_.clear();
  timers_.push_back(loop_.After(std::chrono::milliseconds(50), [this] { Tick(); }));
  if (!flowing_ && AllSeeEachOther()) {
    flowing_ = true;
    ScheduleFaults();
    for (auto& source : sources_) ReadNext(*source);
  }
  for (const auto& peer : peers_) {
    if (!peer->joined()) continue;
    // Nobody here sends bad blocks, so the recorded chain itself is to blame.
    if (const auto& refusal = peer->channel().last_refusal()) {
      Fail({refusal->code, peer->name() + ": " + refusal->message});
    }
  }
  for (auto& source : sources_) Feed(*source);
  const auto interval = options_.live ? std::chrono::milliseconds(200) : std::chrono::milliseconds(1000);
  if (loop_.Now() - drawn_ >= interval) Draw();
}

bool Demo::IsSource(const DemoPeer& peer) const {
  return std::ranges::any_of(sources_, [&](const auto& source) { return source->peer == &peer; });
}

bool Demo::IsLate(const DemoPeer& peer) const { return late_.contains(&peer); }

// Always there, so that the sources wait for it.
bool Demo::IsSteady(const DemoPeer& peer) const {
  const auto names_it = [&](const DemoFault& fault) { return peers_[fault.peer].get() == &peer; };
  return !IsLate(peer) && std::ranges::none_of(options_.kills, names_it) &&
         std::ranges::none_of(options_.cuts, names_it);
}

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
    if (IsSource(*peer)) row.state = "source";
    if (IsLate(*peer) && !peer->running()) row.state = "late";
    if (const auto seen = advertised.find(peer->pki_id()); seen != advertised.end()) {
      const auto [lowest, highest] = seen->second;
      row.advertised = lowest == highest ? fmt::format("{}", lowest) : fmt::format("{}-{}", lowest, highest);
    }
    rows.push_back(std::move(row));
  }
  const auto seconds = std::chrono::duration<double>(loop_.Now() - start_).count();
  table_.Draw(fmt::format("{} peers of {} organisations, mutual TLS on loopback, {:.1f} s", peers_.size(),
                          options_.orgs, seconds),
              rows);
}

// Every running peer sees all others alive, and those of its organisation in the channel.
bool Demo::AllSeeEachOther() const {
  const auto running = std::ranges::count_if(peers_, [](const auto& peer) { return peer->running(); });
  return std::ranges::all_of(peers_, [&](const auto& peer) {
    if (!peer->running()) return true;
    const auto same = std::ranges::count_if(
        peers_, [&](const auto& other) { return other->running() && other->organization() == peer->organization(); });
    return peer->joined() && static_cast<std::ptrdiff_t>(peer->alive()) == running - 1 &&
           static_cast<std::ptrdiff_t>(peer->channel_members()) == same - 1;
  });
}

void Demo::ReadNext(Source& source) {
  if (source.reading || source.ended || source.next) return;
  source.reading = true;
  source.chain->Next([this, &source](base::Result<std::optional<ChainSource::Block>> block) {
    source.reading = false;
    if (!block) return Fail(block.error());
    source.ended = !block->has_value();
    source.next = std::move(*block);
    Feed(source);
  });
}

void Demo::Feed(Source& source) {
  if (!source.next || source.paused) return;
  if (source.next->number >= LowestHeight(source.peer->organization()) + kMaxLead) return;
  if (source.next->number != source.released.size()) {
    return Fail({ErrorCode::kCorrupt, fmt::format("the block file has block {} where block {} is expected",
                                                  source.next->number, source.released.size())});
  }
  source.released.push_back(loop_.Now());
  source.peer->channel()
      .blocks()
      .Offer(source.next->number, std::move(source.next->block), ledger::BlockOrigin::kOrderer,
             [](const base::Result<void>&) {})
      .Detach();
  source.next.reset();
  if (options_.rate > 0) {
    source.paused = true;
    // The beat is counted from the first block, so that the rate does not suffer from late timers.
    const auto beats = static_cast<std::int64_t>(source.released.size() - 1);
    const auto due =
        source.released[1] + beats * base::Duration(std::chrono::seconds(1)) / static_cast<std::int64_t>(options_.rate);
    source.pace = loop_.After(due - loop_.Now(), [this, &source] {
      source.paused = false;
      Feed(source);
    });
  }
  ReadNext(source);
}

void Demo::Committed(DemoPeer& peer, std::uint64_t number) {
  if (number == 0) return;
  for (auto& source : sources_) {
    if (source->peer->organization() != peer.organization()) continue;
    if (source->peer != &peer && number < source->released.size()) {
      peer.ObserveLatency(loop_.Now() - source->released[number]);
    }
    Feed(*source);
  }
  if (const auto trouble = peer.channel().status().trouble) Fail(*trouble);
}

// Of the peers that are always there.
std::uint64_t Demo::LowestHeight(const std::string& organization) const {
  std::uint64_t lowest = ~std::uint64_t{0};
  for (const auto& peer : peers_) {
    if (peer->organization() == organization && IsSteady(*peer)) {
      lowest = std::min(lowest, peer->ledger().height());
    }
  }
  return lowest;
}

bool Demo::Finished() const {
  if (!flowing_ || faults_to_come_ > 0) return false;
  return std::ranges::all_of(sources_, [&](const auto& source) {
    return source->ended && std::ranges::all_of(peers_, [&](const auto& peer) {
             return peer->organization() != source->peer->organization() || !peer->running() || peer->cut() ||
                    peer->ledger().height() == source->released.size();
           });
  });
}

void Demo::Fail(base::Error error) {
  if (!failure_) failure_ = std::move(error);
}

base::Result<void> Demo::CompareLedgers() {
  const auto& expected = peers_.front()->ledger();
  bool equal = true;
  std::size_t up = 0;
  for (const auto& peer : peers_) {
    const bool away = !peer->running() || peer->cut();
    out_ << fmt::format("{:<14} height {} chain hash {}{}\n", peer->name(), peer->ledger().height(),
                        base::ToHex(peer->ledger().current_hash()), away ? " (away)" : "");
    if (away) continue;
    ++up;
    equal = equal && peer->ledger().height() == expected.height() &&
            peer->ledger().current_hash() == expected.current_hash();
  }
  if (!equal) return base::Fail(ErrorCode::kInternal, "the chain hashes differ");
  out_ << fmt::format("all {} ledgers are equal\n", up) << std::flush;
  return {};
}

}  // namespace

int RunDemo(const DemoOptions& options, std::ostream& out, std::ostream& err) {
  const auto result = Demo(options, out).Run();
  if (result) return 0;
  err << "error: " << result.error().message << "\n";
  return 1;
}

}  // namespace grapevine::app

#include "channel/block_repair.h"

#include <limits>
#include <utility>

namespace grapevine::channel {

BlockRepair::BlockRepair(base::Environment environment, const ChannelParts& parts, const StateInfoExchange& state_infos,
                         const BlockWindow& window, const BlockCandidates& candidates, gossip::PullEngine& pull,
                         const std::string& channel, const ChannelConfig& config)
    : environment_(std::move(environment)),
      peers_(parts.peers),
      state_infos_(state_infos),
      window_(window),
      candidates_(candidates),
      pull_(pull),
      config_(config),
      fetches_(environment_.metrics.GetCounter("gossip_channel_repair_fetches",
                                               "Requests for blocks that push has missed", {{"channel", channel}})),
      given_up_(environment_.metrics.GetCounter("gossip_channel_repair_given_up",
                                                "Repairs that ended with blocks missing and nobody left to ask",
                                                {{"channel", channel}})),
      beyond_window_(environment_.metrics.GetGauge("gossip_channel_blocks_beyond_window",
                                                   "Missing blocks that are left to state transfer",
                                                   {{"channel", channel}})) {}

void BlockRepair::HeightHint(const wire::PkiId& peer, std::uint64_t height) {
  if (height <= first() || !IsOwnOrganization(peer)) return;
  highest_ = std::max(highest_, height);
  UpdateGauge();
  if (state_ != State::kIdle) return;
  state_ = State::kJitter;
  timer_ = environment_.executor.After(
      environment_.random.Between(config_.repair_jitter_min, config_.repair_jitter_max), [this] { Step(); });
}

void BlockRepair::SourceHint(const wire::PkiId& peer, std::uint64_t height) {
  if (height <= first() || !IsOwnOrganization(peer)) return;
  if (hints_.contains(peer) || hints_.size() < config_.max_repair_sources) {
    std::uint64_t& known = hints_[peer];
    known = std::max(known, height);
  }
  HeightHint(peer, height);
}

void BlockRepair::Changed() {
  UpdateGauge();
  if (state_ == State::kJitter && highest_ <= first()) return End();
  if (state_ != State::kAsking) return;
  for (const std::uint64_t number : fetching_) {
    if (number >= first() && !window_.Holds(number)) return;  // the answer is still wanted
  }
  Step();
}

bool BlockRepair::IsOwnOrganization(const wire::PkiId& peer) const {
  const gossip::Peer* found = peers_.Find(peer);
  return found != nullptr && found->organization == peers_.Self().organization;
}

std::vector<BlockRepair::Source> BlockRepair::Sources() const {
  std::vector<Source> sources;
  const std::string& organization = peers_.Self().organization;
  for (const gossip::Peer& peer : peers_.Alive()) {
    if (peer.organization != organization) continue;
    const ChannelMember* member = state_infos_.Find(peer.pki_id);
    if (member == nullptr || member->properties.left_channel) continue;
    std::uint64_t height = member->properties.ledger_height;
    if (const auto hint = hints_.find(peer.pki_id); hint != hints_.end()) height = std::max(height, hint->second);
    if (height > first()) sources.push_back({&peer, height});
  }
  return sources;
}

// Peers keep as many blocks as this node does.
bool BlockRepair::Has(const Source& source, std::uint64_t number) const {
  return number < source.height && source.height - number - 1 <= config_.block_window;
}

bool BlockRepair::MayAsk(const Source& source, std::uint64_t number) const {
  if (!Has(source, number)) return false;
  const auto attempts = attempts_.find(number);
  if (attempts == attempts_.end()) return config_.repair_attempts > 0;
  return attempts->second.count < config_.repair_attempts && !attempts->second.asked.contains(source.peer->pki_id);
}

void BlockRepair::Step() {
  state_ = State::kAsking;
  timer_.Reset();
  fetch_.Reset();
  fetching_.clear();
  attempts_.erase(attempts_.begin(), attempts_.lower_bound(first()));  // a cycle may last as long as blocks come late
  const std::vector<Source> sources = Sources();
  highest_ = 0;
  for (const Source& source : sources) highest_ = std::max(highest_, source.height);
  UpdateGauge();
  std::vector<std::uint64_t> missing;
  bool verifying = false;
  for (std::uint64_t number = first(); number < highest_ && number - first() <= config_.block_window; ++number) {
    if (window_.Holds(number)) continue;
    if (candidates_.Contains(number)) {
      verifying = true;
    } else {
      missing.push_back(number);
    }
  }
  if (AskSomebody(sources, missing) || verifying) return;  // an answer, or a verdict, continues
  if (!missing.empty()) given_up_.Add();
  End();
}

bool BlockRepair::AskSomebody(const std::vector<Source>& sources, const std::vector<std::uint64_t>& missing) {
  for (const std::uint64_t number : missing) {
    std::vector<const Source*> suitable;
    for (const Source& source : sources) {
      if (MayAsk(source, number)) suitable.push_back(&source);
    }
    if (suitable.empty()) continue;
    Ask(*suitable[environment_.random.Below(suitable.size())], missing);
    return true;
  }
  return false;
}

void BlockRepair::Ask(const Source& source, const std::vector<std::uint64_t>& missing) {
  std::vector<base::Bytes> ids;
  for (const std::uint64_t number : missing) {
    if (!MayAsk(source, number)) continue;
    ids.push_back(EncodeBlockId(number));
    fetching_.insert(number);
    Attempts& attempts = attempts_[number];
    ++attempts.count;
    attempts.asked.insert(source.peer->pki_id);
  }
  fetches_.Add();
  timer_ = environment_.executor.After(config_.repair_wait, [this] { Step(); });
  fetch_ = pull_.Fetch(source.peer->remote(), std::move(ids), [this](bool) { Step(); });
}

void BlockRepair::End() {
  state_ = State::kIdle;
  timer_.Reset();
  fetch_.Reset();
  fetching_.clear();
  attempts_.clear();
  hints_.clear();
}

void BlockRepair::UpdateGauge() {
  // Below the window, and above what the window could hold.
  std::uint64_t beyond = first() - window_.next();
  if (highest_ > first() && highest_ - first() - 1 > config_.block_window) {
    beyond += highest_ - first() - 1 - config_.block_window;
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  beyond_window_.Set(static_cast<std::int64_t>(std::min(beyond, kMost)));
}

}  // namespace grapevine::channel

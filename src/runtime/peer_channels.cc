// Joining and leaving channels, and taking up renewed files, of a Peer.
#include <fmt/ranges.h>

#include <ranges>
#include <utility>

#include "msp/block.h"
#include "runtime/peer.h"

namespace grapevine::runtime {

using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

struct FirstBlock {
  msp::ChannelConfigPtr config;
  std::uint64_t number = 0;
  std::string previous_hash;
  std::string hash;
};

Result<FirstBlock> ReadFirstBlock(const base::Bytes& serialized, const std::string& organization) {
  auto config = msp::ChannelConfig::FromBlock(serialized);
  if (!config) return base::Wrap(config.error(), "a channel is joined by its genesis or a later configuration block");
  const auto block = msp::ParseBlock(serialized);
  if (!block) return std::unexpected(block.error());
  const auto& organizations = (*config)->application_organizations();
  if (!organizations.contains(organization)) {
    return Fail(ErrorCode::kInvalid,
                "the organisation '{}' (peer.localMspId) is not in channel '{}' as block {} has it: its organisations "
                "are {}",
                organization, (*config)->channel_id(), block->header.number,
                fmt::join(organizations | std::views::keys, ", "));
  }
  return FirstBlock{.config = std::move(*config),
                    .number = block->header.number,
                    .previous_hash = std::string(block->header.previous_hash),
                    .hash = block->header.Hash().ToString()};
}

// Whether the ledger of an earlier time has the block by which the channel is joined again.
Result<void> CompareFirst(const std::string& folder, const Result<base::Bytes>& own, const crypto::Digest& hash) {
  if (!own) {
    return base::Wrap(
        own.error(),
        "the ledger in '{}' is that of an earlier time and does not have this block: join with the genesis "
        "block, or remove that folder to begin anew",
        folder);
  }
  const auto block = msp::ParseBlock(*own);
  if (!block) return std::unexpected(block.error());
  if (block->header.Hash() == hash) return {};
  return Fail(ErrorCode::kInvalid,
              "the ledger in '{}' is that of an earlier time and not of this chain: remove that folder to begin anew",
              folder);
}

}  // namespace

Result<std::string> Peer::PrepareJoin(const base::Bytes& block) {
  auto first = ReadFirstBlock(block, configuration_.organization);
  if (!first) return std::unexpected(first.error());
  std::string name = first->config->channel_id();
  if (channels_.contains(name)) {
    return Fail(ErrorCode::kInvalid, "the peer is in channel '{}' already", name);
  }
  ledger::ChainStart start;
  if (first->number > 0) start = {.first_block = first->number, .previous_hash = first->previous_hash};
  auto ledger = data_->OpenLedger(MakeEnvironment(), name, start);
  if (!ledger) return std::unexpected(ledger.error());
  const bool is_empty = (*ledger)->height() == (*ledger)->first_block();
  if (is_empty && (*ledger)->first_block() != first->number) {
    return Fail(ErrorCode::kInvalid,
                "the ledger in '{}' was to begin with block {}, not with block {}: remove that folder, or join with "
                "the other block",
                data_->LedgerFolder(name), (*ledger)->first_block(), first->number);
  }
  if (!is_empty && !(*ledger)->config_block()) {
    return Fail(ErrorCode::kCorrupt, "no configuration block in the ledger '{}' of an earlier time: remove that folder",
                data_->LedgerFolder(name));
  }
  // A ledger of an earlier time goes on under its own newest configuration.
  auto config = is_empty ? std::move(first->config)
                         : msp::ChannelConfig::FromBlock((*ledger)->config_block()->block).value_or(nullptr);
  if (config == nullptr) {
    return Fail(ErrorCode::kCorrupt, "the newest configuration in '{}' cannot be read", data_->LedgerFolder(name));
  }
  Channel& channel = channels_[name];
  channel.ledger = std::move(*ledger);
  if (auto used = UseConfig(name, channel, std::move(config)); !used) {
    channels_.erase(name);
    return std::unexpected(used.error());
  }
  return name;
}

// As an event of its own, behind those in which the ledger of a channel left just now is closed.
void Peer::JoinChannel(base::Bytes block, Joined done) {
  host_.loop.Post(lifetime_.Guard([this, block = std::move(block), done = std::move(done)]() mutable {
    BeginJoin(std::move(block), std::move(done));
  }));
}

void Peer::BeginJoin(base::Bytes block, Joined done) {
  auto prepared = PrepareJoin(block);
  if (!prepared) return done(std::unexpected(std::move(prepared.error())));
  const std::string& name = *prepared;
  Channel& channel = channels_.at(name);
  ledger::Ledger& ledger = *channel.ledger;
  if (ledger.height() == ledger.first_block()) {
    channel.pending =
        ledger.Commit(std::move(block), [this, name, done = std::move(done)](Result<void> stored) mutable {
          FinishJoin(name, std::move(stored), std::move(done));
        });
    return;
  }
  const auto given = msp::ParseBlock(block);
  channel.pending = ledger.ReadBlock(given->header.number, [this, name, hash = given->header.Hash(),
                                                            done = std::move(done)](Result<base::Bytes> own) mutable {
    FinishJoin(name, CompareFirst(data_->LedgerFolder(name), own, hash), std::move(done));
  });
}

void Peer::FinishJoin(const std::string& name, Result<void> stored, Joined done) {
  if (stored) stored = data_->UnmarkLeft(name);
  if (!stored) {
    Forget(name);
    return done(base::Wrap(stored.error(), "channel '{}' is not joined", name));
  }
  Channel& channel = channels_.at(name);
  channel.joined = true;
  log_.Info("joined channel {}: height {}", name, channel.ledger->height());
  if (node_) JoinNode(name, channel);
  done(name);
}

Result<void> Peer::LeaveChannel(const std::string& name) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || !found->second.joined) {
    return Fail(ErrorCode::kNotFound, "the peer is not in channel '{}'", name);
  }
  // First of all, so that a crash in between does not join it again.
  if (auto marked = data_->MarkLeft(name); !marked) return marked;
  if (node_) node_->LeaveChannel(name);
  log_.Info("left channel {}: its ledger stays in {}", name, data_->LedgerFolder(name));
  Forget(name);
  return {};
}

void Peer::Forget(const std::string& name) {
  if (crypto_) crypto_->RemoveChannel(name);
  if (auto trusted = tls_.SetChannel(name, {}); !trusted) log_.Error("channel {}: {}", name, trusted.error().message);
  const auto found = channels_.find(name);
  found->second.pending.Detach();
  // Its ledger may be what is calling.
  closing_.push_back(std::move(found->second.ledger));
  host_.loop.Post(lifetime_.Guard([this] { closing_.clear(); }));
  channels_.erase(found);
}

Result<void> Peer::Reload(PeerFiles files) {
  const bool is_other_node = files.msp != files_.msp || files.overrides != files_.overrides;
  if (is_other_node && running()) {
    // A full disk would keep the node from starting again: it must show before the node is stopped.
    if (auto written = data_->WriteIncarnation(durable_incarnation_); !written) return written;
  }
  if (auto taken = TakeFiles(std::move(files)); !taken) return taken;
  log_.Info("certificates and keys are read again{}", is_other_node ? ": the identity is taken up by a new start" : "");
  if (!is_other_node || !running()) return {};
  StopNode();
  return StartNode();
}

}  // namespace grapevine::runtime

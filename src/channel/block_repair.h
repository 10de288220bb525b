// Asks other peers for blocks that push has missed, without waiting for the next round of pull. Internal to the room.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/environment.h"
#include "channel/block_candidates.h"
#include "channel/block_window.h"
#include "channel/config.h"
#include "channel/state_info_exchange.h"
#include "gossip/peer_view.h"
#include "gossip/pull_engine.h"

namespace grapevine::channel {

// Works in cycles. A hint that blocks exist which this node lacks begins one: after a random jitter, within which most
// such blocks come by themselves, one peer that has them is asked for all of them; whatever is then still missing is
// asked of another one, so often for each block as the configuration says. The cycle ends when nothing is missing or
// nobody is left to ask; the next hint begins anew.
//
// Blocks that are missing: from the first one that has not been delivered, or from the beginning of the window if that
// is higher, as many as the window holds. What lies outside of it is for state transfer.
//
// One executor; everything is borrowed; destroying it cancels what is under way. Only peers of the own organisation
// that are alive and in the channel are asked (11.9).
class BlockRepair {
 public:
  BlockRepair(base::Environment environment, const ChannelParts& parts, const StateInfoExchange& state_infos,
              const BlockWindow& window, const BlockCandidates& candidates, gossip::PullEngine& pull,
              const std::string& channel, const ChannelConfig& config);
  BlockRepair(const BlockRepair&) = delete;
  BlockRepair& operator=(const BlockRepair&) = delete;

  // `peer` says in its state info that it has `height` blocks.
  void HeightHint(const wire::PkiId& peer, std::uint64_t height);
  // `peer` has shown in another way that it has blocks below `height`, at least the newest of them.
  void SourceHint(const wire::PkiId& peer, std::uint64_t height);
  // The window or the candidates have changed: what was missing may be there, or missing again.
  void Changed();
  // Ends the cycle, if there is one.
  void End();
  // Whether somebody has a block that this node has not delivered.
  bool IsBehind() const { return highest_ > window_.next(); }
  // Whether this block has been asked for and its answer is awaited.
  bool IsFetching(std::uint64_t number) const { return fetching_.contains(number); }

 private:
  enum class State { kIdle, kJitter, kAsking };
  struct Source {
    const gossip::Peer* peer;
    std::uint64_t height;
  };
  struct Attempts {
    std::size_t count = 0;
    std::set<wire::PkiId> asked;
  };

  bool IsOwnOrganization(const wire::PkiId& peer) const;
  // The first number of those that repair is about.
  std::uint64_t first() const { return std::max(window_.next(), window_.begin()); }
  std::vector<Source> Sources() const;
  bool Has(const Source& source, std::uint64_t number) const;
  bool MayAsk(const Source& source, std::uint64_t number) const;
  // Goes on with the cycle: asks somebody, waits for verdicts, or ends it.
  void Step();
  bool AskSomebody(const std::vector<Source>& sources, const std::vector<std::uint64_t>& missing);
  void Ask(const Source& source, const std::vector<std::uint64_t>& missing);
  void UpdateGauge();

  base::Environment environment_;
  const gossip::PeerView& peers_;
  const StateInfoExchange& state_infos_;
  const BlockWindow& window_;
  const BlockCandidates& candidates_;
  gossip::PullEngine& pull_;
  const ChannelConfig& config_;
  std::string organization_;
  base::Counter& fetches_;
  base::Counter& given_up_;
  base::Gauge& beyond_window_;

  State state_ = State::kIdle;
  std::uint64_t highest_ = 0;                   // the greatest height that is known of
  std::map<wire::PkiId, std::uint64_t> hints_;  // of this cycle: peer -> height, beside those in the state infos
  std::map<std::uint64_t, Attempts> attempts_;  // of this cycle, by number
  std::set<std::uint64_t> fetching_;
  base::Handle timer_;  // the jitter, or how long an answer is awaited
  base::Handle fetch_;
};

}  // namespace grapevine::channel

// One node of the demo: a peer of the real world with its own identity, port and ledger folder, and a cable that can be
// pulled out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/cable.h"
#include "app/demo_table.h"
#include "app/network_folder.h"
#include "base/metrics.h"
#include "ledger/ledger.h"
#include "membership/discovery.h"
#include "msp/channel_config.h"
#include "runtime/peer.h"

namespace grapevine::app {

// What the nodes of the demo share.
struct DemoWorld {
  runtime::PeerHost host;
  base::Bytes genesis;  // serialised common.Block, the administrator's trust anchor
  msp::ChannelConfigPtr genesis_config;
  // Instead of those that the recorded configuration names. Set before the first peer is started.
  std::vector<membership::AnchorPeer> anchors;
  base::Endpoint orderer;
};

// One executor, the loop's; destroying it stops the node.
class DemoPeer {
 public:
  using OnCommitted = std::function<void(DemoPeer& peer, std::uint64_t number)>;

  // Loads the identity, opens the ledger in `folder` and listens. `bootstrap`: of its own organisation; empty: it is
  // the first. Errors name the file or key that is wrong.
  static base::Result<std::unique_ptr<DemoPeer>> Create(const DemoWorld& world, const PeerFiles& files,
                                                        const std::string& folder, const base::Endpoint& bootstrap,
                                                        std::uint64_t seed, OnCommitted committed);
  DemoPeer(const DemoPeer&) = delete;
  DemoPeer& operator=(const DemoPeer&) = delete;

  const std::string& name() const { return name_; }
  const std::string& organization() const { return peer_->configuration().organization; }
  // Where others dial it; the same port after a restart.
  const base::Endpoint& endpoint() const { return peer_->endpoint(); }
  const wire::PkiId& pki_id() const { return peer_->pki_id(); }

  // Takes part from now on, again after Kill, with the ledger that it has.
  base::Result<void> Start();
  // Gone without a word; the ledger stays.
  void Kill();
  // Pulls its cable out, or puts it back.
  void SetCut(bool cut);
  bool running() const { return peer_->running(); }
  bool cut() const { return cable_ != nullptr && cable_->cut(); }
  // Whether it leads its organisation: pulls blocks from the orderer.
  bool leads() const;
  // Why it cannot go on: a block was refused, or cannot be stored.
  std::optional<base::Error> trouble() const;

  std::uint64_t height() const;
  std::string current_hash() const;  // raw
  // Running members that it sees alive; of its own organisation in the channel.
  std::size_t alive() const;
  std::size_t channel_members() const;
  // The heights that it sees others advertise in the channel, by PKI-ID.
  std::map<wire::PkiId, std::uint64_t> SeenHeights() const;

  // How long the block was under way.
  void ObserveLatency(base::Duration latency);
  // Since the last call with `elapsed` before it.
  DemoRow Row(base::Duration elapsed);

 private:
  DemoPeer(const DemoWorld& world, std::string name);
  runtime::PeerHooks MakeHooks(OnCommitted committed);
  // Null unless it runs and has joined.
  node::ChannelPeer* channel() const;

  const DemoWorld& world_;
  std::string name_;
  base::Histogram latency_;
  std::uint64_t last_height_ = 0;
  std::optional<base::Error> join_failure_;
  std::unique_ptr<Cable> cable_;  // of the running node
  std::unique_ptr<runtime::Peer> peer_;
};

}  // namespace grapevine::app

// One peer in one channel: connections, verified blocks, durable ledger.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/environment.h"
#include "base/transport.h"
#include "comm/comm.h"
#include "ledger/ledger.h"
#include "msp/identity_mapper.h"
#include "node/block_committer.h"
#include "node/block_push.h"
#include "node/membership.h"

namespace grapevine::node {

struct NodeConfig {
  std::string channel;
  std::string organization;  // own MSP id
  comm::CommConfig comm;
  msp::IdentityMapperConfig mapper;
  std::uint64_t block_window = 200;  // blocks kept above the height
};

// What a node is made from; borrowed, and must outlive it. The same code runs in both worlds.
struct NodeParts {
  base::Transport& transport;
  base::Server& server;
  msp::MessageCrypto& crypto;
  ledger::Ledger& ledger;
};

// One executor, that of the environment; destroying it stops it.
class Node {
 public:
  // Makes the configuration of a committed configuration block take effect: identities and policies first, then TLS
  // trust (03, 8.5). The node re-validates all known identities afterwards.
  using ApplyConfiguration = std::function<base::Result<void>(const base::Bytes& config_block)>;
  using OnCommitted = std::function<void(std::uint64_t number)>;

  // `identity` is the own serialised identity. The configuration in force at the ledger's height must have been applied
  // already.
  Node(base::Environment environment, NodeParts parts, base::Bytes identity, std::unique_ptr<Membership> membership,
       ApplyConfiguration apply, OnCommitted committed, NodeConfig config);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Sends a signed alive message to every member, which opens a connection to each that has none.
  void Announce();
  // A block from outside gossip: an ordering service or a recorded chain. False if it is not wanted now.
  bool Offer(std::uint64_t number, base::Bytes block) { return committer_.Offer(number, std::move(block)); }

  const wire::PkiId& pki_id() const { return mapper_.own_pki_id(); }
  const comm::Comm& comm() const { return comm_; }
  // Not set: the ledger refused a block, and the node commits no more.
  const base::Result<void>& health() const { return committer_.health(); }
  const std::optional<base::Error>& last_refusal() const { return committer_.last_refusal(); }

 private:
  void SendAlive(const base::Bytes& payload, base::Result<base::Bytes> signature);
  void Committed(std::uint64_t number, const base::Bytes& block);

  base::Environment environment_;
  NodeConfig config_;
  msp::MessageCrypto& crypto_;
  std::unique_ptr<Membership> membership_;
  ApplyConfiguration apply_;
  OnCommitted on_committed_;
  msp::IdentityMapper mapper_;
  comm::Comm comm_;
  BlockCommitter committer_;
  BlockPush push_;
  std::uint64_t incarnation_;
  std::uint64_t alive_sequence_ = 0;
  base::Handle signing_;
};

}  // namespace grapevine::node

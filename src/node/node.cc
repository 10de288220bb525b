#include "node/node.h"

#include <utility>

#include "msp/block.h"
#include "wire/envelope.h"
#include "wire/message.h"

namespace grapevine::node {

Node::Node(base::Environment environment, NodeParts parts, base::Bytes identity, std::unique_ptr<Membership> membership,
           ApplyConfiguration apply, OnCommitted committed, NodeConfig config)
    : environment_(std::move(environment)),
      config_(std::move(config)),
      crypto_(parts.crypto),
      membership_(std::move(membership)),
      apply_(std::move(apply)),
      on_committed_(std::move(committed)),
      mapper_(environment_, parts.crypto, std::move(identity), config_.mapper),
      comm_(environment_, parts.transport, parts.server, mapper_, parts.crypto, config_.comm),
      committer_(
          environment_, parts.crypto, parts.ledger, {.channel = config_.channel, .window = config_.block_window},
          [this](std::uint64_t number, const base::Bytes& block) { push_.Publish(number, block); },
          [this](std::uint64_t number, const base::Bytes& block) { Committed(number, block); }),
      push_(environment_, comm_, *membership_, mapper_.own_pki_id(),
            {.channel = config_.channel, .organization = config_.organization},
            [this](std::uint64_t number, const base::Bytes& block) { return committer_.Offer(number, block); }),
      incarnation_(static_cast<std::uint64_t>(environment_.executor.WallNow().time_since_epoch().count())) {}

void Node::Announce() {
  const auto payload = wire::EncodeMessage(wire::NewMessage(
      wire::AliveMessage{.membership = {.endpoint = {}, .metadata = {}, .pki_id = mapper_.own_pki_id()},
                         .timestamp = {.incarnation = incarnation_, .sequence = ++alive_sequence_},
                         .identity = mapper_.own_identity()}));
  signing_ = crypto_.Sign(
      payload, [this, payload](base::Result<base::Bytes> signature) { SendAlive(payload, std::move(signature)); });
}

void Node::SendAlive(const base::Bytes& payload, base::Result<base::Bytes> signature) {
  if (!signature) {
    environment_.log.Error("cannot sign the alive message: {}", signature.error().message);
    return;
  }
  std::vector<comm::RemotePeer> peers;
  for (const Member& member : membership_->Members()) {
    peers.push_back({.endpoint = member.endpoint, .pki_id = member.pki_id});
  }
  comm_.Send(wire::Envelope::Make(payload, *signature), peers);
}

void Node::Committed(std::uint64_t number, const base::Bytes& block) {
  const auto parsed = msp::ParseBlock(block);
  if (parsed && msp::IsConfigBlock(*parsed)) {
    if (const auto applied = apply_(block); applied) {
      mapper_.Suspect([](const msp::IdentityMapper::Entry&) { return true; }, [] {});
    } else {
      environment_.log.Error("configuration of block {} cannot be applied: {}", number, applied.error().message);
    }
  }
  on_committed_(number);
}

}  // namespace grapevine::node

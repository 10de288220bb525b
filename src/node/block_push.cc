#include "node/block_push.h"

#include <algorithm>
#include <utility>

#include "wire/envelope.h"
#include "wire/message.h"

namespace grapevine::node {

BlockPush::BlockPush(base::Environment environment, comm::Comm& comm, const Membership& membership, wire::PkiId own,
                     BlockPushConfig config, BlockSink sink)
    : comm_(comm),
      membership_(membership),
      own_(own),
      config_(std::move(config)),
      sink_(std::move(sink)),
      foreign_(environment.metrics.GetCounter("grapevine_blocks_refused", "Blocks dropped before verification.",
                                              {{"reason", "foreign"}})),
      accepted_(comm.Accept("block push of " + config_.channel, [this](const comm::ReceivedMessage& received) {
        return received.message().channel == config_.channel && received.message().As<wire::DataMessage>() != nullptr;
      })) {
  accepted_.ReceiveAll([this](const comm::ReceivedMessagePtr& received) { Receive(*received); });
}

void BlockPush::Receive(const comm::ReceivedMessage& received) {
  const auto members = membership_.Members();
  const auto sender = std::ranges::find(members, received.connection().pki_id, &Member::pki_id);
  // Blocks travel within an organisation only (specification 14.1: block pull inside own org only).
  if (received.message().tag != wire::Tag::kChannelAndOrg || sender == members.end() ||
      sender->organization != config_.organization) {
    foreign_.Add();
    return;
  }
  const auto& payload = received.message().As<wire::DataMessage>()->payload;
  sink_(payload.number, payload.block);
}

void BlockPush::Publish(std::uint64_t number, const base::Bytes& block) {
  const auto message = wire::NewMessage(
      wire::DataMessage{.payload = {.number = number, .block = block, .private_data = {}}}, config_.channel);
  comm_.Send(wire::UnsignedEnvelope(message), Targets());
}

std::vector<comm::RemotePeer> BlockPush::Targets() const {
  std::vector<Member> ring = membership_.Members();
  std::erase_if(ring, [&](const Member& member) { return member.organization != config_.organization; });
  // Places behind the own one: members with a greater PKI-ID first, then those with a smaller one.
  const auto first = std::ranges::upper_bound(ring, own_, {}, &Member::pki_id);
  std::ranges::rotate(ring, first);
  std::vector<comm::RemotePeer> targets;
  for (std::size_t distance = 1; distance <= ring.size(); distance *= 2) {
    const Member& member = ring[distance - 1];
    targets.push_back({.endpoint = member.endpoint, .pki_id = member.pki_id});
  }
  return targets;
}

}  // namespace grapevine::node

#include "simulation/adversary.h"

#include <utility>

#include "msp/channel_mac.h"

namespace grapevine::simulation {
namespace {

constexpr std::size_t kFlood = 100000;  // messages that wait to be sent to one peer

}  // namespace

Adversary::Adversary(World& world, const Authority& authority, const std::string& name, base::Bytes identity)
    : authority_(authority),
      host_(world.AddHost(name)),
      identity_(std::move(identity)),
      pki_id_(*Authority::PkiIdOf(identity_)),
      crypto_(std::make_unique<SimulatedCrypto>(host_.environment(), authority, identity_)),
      mapper_(std::make_unique<msp::IdentityMapper>(host_.environment(), *crypto_, identity_)) {
  comm::CommConfig config;
  config.send_buffer = kFlood;
  config.send_buffer_bytes = std::size_t{1} << 30;
  comm_ =
      std::make_unique<comm::Comm>(host_.environment(), host_.transport(), host_.server(), *mapper_, *crypto_, config);
  messages_ = comm_->Accept("adversary", [](const comm::ReceivedMessage&) { return true; }, kFlood);
  messages_.ReceiveAll([this](const comm::ReceivedMessagePtr& received) {
    overheard_.push_back({received->connection().pki_id, received->envelope()});
  });
}

Adversary::~Adversary() = default;

void Adversary::Send(GossipPeer& to, const wire::Envelope& message) {
  comm_->Send(message, {{to.endpoint(), to.pki_id()}});
}

wire::Envelope Adversary::Signed(const wire::Message& message) const {
  const base::Bytes payload = wire::EncodeMessage(message);
  return wire::Envelope::Make(payload, authority_.Sign(identity_, payload));
}

wire::AliveMessage Adversary::Alive(std::uint64_t incarnation, std::uint64_t sequence) const {
  return {.membership = {.endpoint = host_.endpoint(), .metadata = {}, .pki_id = pki_id_},
          .timestamp = {incarnation, sequence},
          .identity = {}};
}

wire::StateInfo Adversary::StateInfo(const std::string& channel, std::uint64_t incarnation, std::uint64_t sequence,
                                     std::uint64_t height) const {
  return {.timestamp = {incarnation, sequence},
          .pki_id = pki_id_,
          .channel_mac = base::Bytes::Copy(msp::ChannelMac(pki_id_, channel).view()),
          .properties = wire::Properties{.ledger_height = height}};
}

void Adversary::Disappear() {
  host_.Crash(CrashKind::kProcess);
  messages_ = {};
  comm_.reset();
  mapper_.reset();
  crypto_.reset();
}

}  // namespace grapevine::simulation

#include "channel/own_state_info.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "msp/channel_mac.h"

namespace grapevine::channel {

OwnStateInfo::OwnStateInfo(base::Environment environment, msp::MessageCrypto& crypto, const wire::PkiId& self,
                           const std::string& channel, base::Duration interval, HasAudience has_audience,
                           Publish publish)
    : environment_(std::move(environment)),
      crypto_(crypto),
      interval_(interval),
      has_audience_(std::move(has_audience)),
      publish_(std::move(publish)),
      failures_(environment_.metrics.GetCounter("gossip_channel_signing_failures",
                                                "Own state infos that could not be signed; tried again later")) {
  state_.pki_id = self;
  state_.channel_mac = base::Bytes::Copy(msp::ChannelMac(self, channel).view());
  state_.timestamp.incarnation = WallNanoseconds();
  state_.timestamp.sequence = WallNanoseconds();
  state_.properties = wire::Properties{.ledger_height = 1};
}

std::uint64_t OwnStateInfo::WallNanoseconds() const {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(environment_.executor.WallNow().time_since_epoch().count(), 1));
}

void OwnStateInfo::Start() {
  started_ = true;
  first_tick_ = environment_.executor.Now() + environment_.random.Between(base::Duration(1), interval_);
  Sign(/*publish=*/urgent_);
  Arm();
}

void OwnStateInfo::SetLedgerHeight(std::uint64_t height) {
  if (std::exchange(height_is_set_, true) && properties().ledger_height == height) return;
  properties().ledger_height = height;
  Changed();
}

void OwnStateInfo::SetChaincodes(std::vector<wire::Chaincode> chaincodes) {
  properties().chaincodes = std::move(chaincodes);
  urgent_ = true;
  Changed();
  if (started_) Sign(/*publish=*/true);
}

void OwnStateInfo::SetLeft() {
  if (left()) return;
  properties().left_channel = true;
  Changed();
}

bool OwnStateInfo::Outrank(const wire::PeerTime& timestamp) {
  if (!IsOutrankedBy(timestamp)) return true;
  if (timestamp.incarnation == std::numeric_limits<std::uint64_t>::max()) return false;
  state_.timestamp.incarnation = timestamp.incarnation + 1;
  Changed();
  return true;
}

void OwnStateInfo::Changed() {
  state_.timestamp.sequence = std::max(WallNanoseconds(), state_.timestamp.sequence + 1);
  dirty_ = true;
  Arm();
}

void OwnStateInfo::Arm() {
  if (!started_ || armed_ || (!dirty_ && !urgent_ && envelope_)) return;
  const base::SteadyTime now = environment_.executor.Now();
  base::SteadyTime next = first_tick_;
  if (next <= now) next += interval_ * ((now - next) / interval_ + 1);
  armed_ = true;
  timer_ = environment_.executor.After(next - now, [this] { Tick(); });
}

void OwnStateInfo::Tick() {
  armed_ = false;
  const bool publish = urgent_ || (dirty_ && has_audience_());
  if (publish || !envelope_) Sign(publish);
  Arm();
}

void OwnStateInfo::Sign(bool publish) {
  if (signing_) return;  // what has changed stays dirty or urgent
  signing_ = true;
  const bool urgent = publish && std::exchange(urgent_, false);
  if (publish) dirty_ = !has_audience_();
  const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(state_));
  signature_ = crypto_.Sign(
      payload, [this, state = state_, payload, publish, urgent](const base::Result<base::Bytes>& signature) {
        Signed(state, payload, publish, urgent, signature);
      });
}

void OwnStateInfo::Signed(const wire::StateInfo& state, const base::Bytes& payload, bool publish, bool urgent,
                          const base::Result<base::Bytes>& signature) {
  signing_ = false;
  if (!signature) {
    failures_.Add();
    environment_.log.Warn("cannot sign the own state info, trying again at the next tick: {}",
                          signature.error().message);
    dirty_ = dirty_ || publish;
    urgent_ = urgent_ || urgent;
    return Arm();
  }
  envelope_ = wire::Envelope::Make(payload, *signature);
  if (publish) publish_(state, *envelope_);
  if (urgent_) Sign(/*publish=*/true);
}

}  // namespace grapevine::channel

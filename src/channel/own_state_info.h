// What this node says of itself in a channel, signed (specification 11.10). Internal to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "msp/message_crypto.h"
#include "wire/envelope.h"
#include "wire/message.h"

namespace grapevine::channel {

// Timestamps are the wall clock in nanoseconds, of the creation of this object and of each change, and increase
// strictly even if the clock stands or steps back; if it stepped back while the node was down, Outrank puts it right.
// Publishes at the ticks of the interval, and only if something has
// changed and somebody is there; while nothing has changed no timer runs. A signature that fails is tried again at the
// next tick (D-20). One executor.
class OwnStateInfo {
 public:
  // A newly signed one is to be put into the cache and pushed.
  using Publish = std::function<void(const wire::StateInfo&, const wire::Envelope&)>;
  // Whether anybody is there to publish to.
  using HasAudience = std::function<bool()>;

  OwnStateInfo(base::Environment environment, msp::MessageCrypto& crypto, const wire::PkiId& self,
               const std::string& channel, base::Duration interval, HasAudience has_audience, Publish publish);
  OwnStateInfo(const OwnStateInfo&) = delete;
  OwnStateInfo& operator=(const OwnStateInfo&) = delete;

  // Signs what is there, without publishing it, and begins to publish changes. The ticks of different channels and
  // nodes are shifted by a random part of the interval.
  void Start();

  void SetLedgerHeight(std::uint64_t height);
  // Published at once, also if nobody is there.
  void SetChaincodes(std::vector<wire::Chaincode> chaincodes);
  void SetLeft();
  // Publishes the same again under a new timestamp.
  void Renew() { Changed(); }
  // Whether this peer's own words of that time would be believed rather than those of now.
  bool IsOutrankedBy(const wire::PeerTime& timestamp) const { return timestamp > state_.timestamp; }
  // A state info of this peer's own of that time exists (D-12): the next one outranks it. False if nothing can.
  bool Outrank(const wire::PeerTime& timestamp);

  bool left() const { return properties().left_channel; }
  // The last signed one; nothing before the first signature.
  const std::optional<wire::Envelope>& envelope() const { return envelope_; }

 private:
  wire::Properties& properties() { return *state_.properties; }
  const wire::Properties& properties() const { return *state_.properties; }
  std::uint64_t WallNanoseconds() const;
  void Changed();
  void Arm();
  void Tick();
  void Sign(bool publish);
  // `urgent`: it was to be published without waiting.
  void Signed(const wire::StateInfo& state, const base::Bytes& payload, bool publish, bool urgent,
              const base::Result<base::Bytes>& signature);

  base::Environment environment_;
  msp::MessageCrypto& crypto_;
  base::Duration interval_;
  HasAudience has_audience_;
  Publish publish_;
  base::Counter& failures_;

  wire::StateInfo state_;
  std::optional<wire::Envelope> envelope_;
  bool started_ = false;
  bool height_is_set_ = false;
  bool dirty_ = false;    // changed since the last publication that had an audience
  bool urgent_ = false;   // to be published without waiting for a tick or an audience
  bool signing_ = false;  // one signature at a time
  base::SteadyTime first_tick_{};
  bool armed_ = false;
  base::Handle timer_;
  base::Handle signature_;
};

}  // namespace grapevine::channel

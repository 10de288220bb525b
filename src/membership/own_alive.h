// The node's own alive messages: built, signed and, while young, used again (specification 10.3; D-12, D-20). Internal
// to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "membership/config.h"
#include "msp/message_crypto.h"
#include "wire/envelope.h"
#include "wire/message.h"

namespace grapevine::membership {

// One executor. Destroying it cancels the signature under way; nobody is called then.
class OwnAlive {
 public:
  using Done = std::function<void(const base::Result<wire::Envelope>&)>;

  // `config` is borrowed. The incarnation is the wall clock's, or the one after the last known.
  OwnAlive(const base::Environment& environment, msp::MessageCrypto& crypto, const MembershipConfig& config,
           const wire::PkiId& pki_id, base::Bytes identity);

  // A message that nobody has seen yet, with the secret part. Whoever asks while one is being signed gets that one.
  // `done` runs as an event of its own.
  void Sign(Done done);
  // The newest message if it is younger than an alive interval, else as Sign.
  void Current(Done done);

  // What the messages say from now on; one that is being signed is built anew.
  void SetMetadata(base::Bytes metadata);
  void SetExternalEndpoint(std::string endpoint);
  // A message of this peer's own with a later incarnation exists (D-12): the next one outranks it. False if nothing
  // can.
  bool Outrank(std::uint64_t incarnation);

  std::uint64_t incarnation() const { return timestamp_.incarnation; }
  const std::string& external_endpoint() const { return external_endpoint_; }
  const base::Bytes& metadata() const { return metadata_; }
  // The newest one; empty before the first.
  const wire::Envelope& latest() const { return latest_; }
  const wire::PeerTime& timestamp() const { return timestamp_; }  // of the newest that was begun

 private:
  void Begin();
  void SignMessage();
  void Finish(const base::Result<wire::Envelope>& envelope);
  void BuildAnew();

  const base::Environment& environment_;
  msp::MessageCrypto& crypto_;
  const MembershipConfig& config_;
  wire::PkiId pki_id_;
  base::Bytes identity_;
  base::SteadyTime start_;
  std::string external_endpoint_;
  base::Bytes metadata_;
  wire::PeerTime timestamp_;

  std::optional<wire::SecretEnvelope> secret_;  // signed once: the internal endpoint never changes
  wire::Envelope latest_;
  std::optional<base::SteadyTime> latest_until_;  // when it is no longer young
  std::vector<Done> waiting_;
  base::Handle signature_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::membership

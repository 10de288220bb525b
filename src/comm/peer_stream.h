// One authenticated stream of a peer (specification 02, 14.3). Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ring_queue.h"
#include "base/transport.h"
#include "comm/context.h"
#include "comm/inbox.h"
#include "comm/owned_stream.h"
#include "comm/received_message.h"
#include "comm/send_queue.h"

namespace grapevine::comm {

class PeerStream;

// The record that the stream belongs to. Each may destroy the stream.
class PeerStreamOwner {
 public:
  virtual ~PeerStreamOwner() = default;
  virtual void OnStreamMessage(PeerStream& stream, base::Bytes message) = 0;
  // Messages have left: there may be room for others.
  virtual void OnStreamRoom() = 0;
  virtual void OnStreamHalfClose(PeerStream& stream) = 0;
  virtual void OnStreamEnd(PeerStream& stream, const base::Status& status) = 0;
};

// Keeps the messages that were handed to the transport until they have left, so that they can be put back when the
// stream breaks; keeps the transport's queue short, so that liveness messages overtake bulk.
class PeerStream final : public base::StreamHandler {
 public:
  PeerStream(const Context& context, PeerStreamOwner& owner, std::uint64_t id, std::unique_ptr<OwnedStream> stream,
             std::shared_ptr<const ConnectionInfo> info);
  ~PeerStream() override;
  PeerStream(const PeerStream&) = delete;
  PeerStream& operator=(const PeerStream&) = delete;

  // Ends the limits of the handshake and grants the first credit. Events that came during the handshake are not
  // repeated: ask half_closed() and over().
  void Start(std::shared_ptr<Inbox> inbox);

  bool HasRoom() const;
  void Write(OutgoingMessage message);
  // What has not left yet, oldest first.
  std::vector<OutgoingMessage> TakeUnsent();
  void GrantOne();
  // From now on received messages are discarded.
  void Mute() { muted_ = true; }
  // Outgoing: half-close. Incoming: final status.
  void EndSending(base::Status status);

  std::uint64_t id() const { return id_; }
  bool outgoing() const { return stream_->outgoing(); }
  bool half_closed() const { return stream_->half_closed(); }
  bool over() const { return stream_->over(); }
  const std::shared_ptr<const ConnectionInfo>& info() const { return info_; }
  const std::shared_ptr<Inbox>& inbox() const { return inbox_; }
  base::SteadyTime established() const { return established_; }
  base::SteadyTime last_heard() const { return last_heard_; }  // established, or the last message
  bool has_delivered() const { return has_delivered_; }        // a message after the handshake
  base::Duration age() const { return context_.executor().Now() - established_; }
  // 14.3: fit to be sent on.
  bool settled() const { return has_delivered_ || age() >= context_.config.settle_after; }

  void OnMessage(base::Bytes message) override;
  void OnSent(std::size_t count) override;
  void OnHalfClose() override;
  void OnEnd(const base::Status& status) override;

 private:
  const Context& context_;
  PeerStreamOwner& owner_;
  const std::uint64_t id_;
  std::unique_ptr<OwnedStream> stream_;
  std::shared_ptr<const ConnectionInfo> info_;
  std::shared_ptr<Inbox> inbox_;
  const base::SteadyTime established_;
  base::SteadyTime last_heard_;
  bool has_delivered_ = false;
  bool muted_ = false;
  std::size_t handshake_unsent_;  // the own handshake message, until the transport reports it
  base::RingQueue<OutgoingMessage> unsent_;
  std::size_t unsent_bytes_ = 0;
};

}  // namespace grapevine::comm

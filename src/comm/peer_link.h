// The connection record of one PKI-ID: its streams, its send queue, its dial (specification 02, 14.2 and 14.3).
// Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "comm/context.h"
#include "comm/handshake.h"
#include "comm/peer_stream.h"
#include "comm/send_queue.h"

namespace grapevine::comm {

class PeerLink;

// What a record needs from its surroundings. Nothing here destroys the record within the call.
class PeerLinkHost {
 public:
  virtual ~PeerLinkHost() = default;
  // Dials `endpoint` for the record: PeerLink::OfferOutgoing or DialFailed follows as an event.
  virtual base::Handle DialFor(const wire::PkiId& pki_id, const base::Endpoint& endpoint) = 0;
  virtual std::shared_ptr<Inbox> MakeInbox(PeerLink& link, std::uint64_t stream_id) = 0;
  // The stream is over; what its inbox holds is still delivered.
  virtual void LeaveToDrain(std::shared_ptr<Inbox> inbox) = 0;
  virtual void Receive(PeerLink& link, PeerStream& stream, base::Bytes message) = 0;
  virtual void PresumeDead(const wire::PkiId& pki_id) = 0;
  // The record has nothing left and may be forgotten, in a later event.
  virtual void Retire(const wire::PkiId& pki_id) = 0;
  virtual std::uint64_t NextStreamId() = 0;
};

// One per PKI-ID, from the first message or stream until nothing is left. One fact, one owner: all rules about which
// stream is opened, used, trimmed or closed are here.
class PeerLink final : public PeerStreamOwner {
 public:
  PeerLink(const Context& context, PeerLinkHost& host, const wire::PkiId& pki_id);
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  // Queues; dials `endpoint` if no stream is open.
  void Send(OutgoingMessage message, const base::Endpoint& endpoint);
  // Queues an answer; without an open stream or a dial in progress it is dropped.
  void Answer(OutgoingMessage message);

  // An own handshake with `endpoint` has authenticated this peer: commits it, or drops it if a stream is open (R3, R6).
  // `held` waited for it under another name.
  void OfferOutgoing(std::unique_ptr<Handshake> handshake, const base::Endpoint& endpoint,
                     std::vector<OutgoingMessage> held);
  void DialFailed(const base::Error& error);
  // An incoming stream has authenticated (R1).
  void Accept(std::unique_ptr<OwnedStream> stream, std::shared_ptr<const ConnectionInfo> info);

  // CloseConn, purge, Stop: everything ends; what is queued is dropped.
  void Close(const char* reason);
  // The remote broke the protocol on this stream.
  void EndStream(PeerStream& stream, const char* reason, const std::string& text);
  // The dial found the peer under another PKI-ID: gives up the dial and the queue.
  std::vector<OutgoingMessage> Abandon();

  const wire::PkiId& pki_id() const { return pki_id_; }
  const base::Endpoint& endpoint() const { return endpoint_; }
  bool dialling() const { return dialling_; }
  bool outgoing_open() const { return out_ != nullptr; }
  std::size_t incoming_open() const { return ins_.size(); }
  std::size_t queued() const { return queue_.size(); }
  bool idle() const;
  void GrantOne(std::uint64_t stream_id);

  void OnStreamMessage(PeerStream& stream, base::Bytes message) override;
  void OnStreamRoom() override { Pump(); }
  void OnStreamHalfClose(PeerStream& stream) override;
  void OnStreamEnd(PeerStream& stream, const base::Status& status) override;

 private:
  using StreamPtr = std::unique_ptr<PeerStream>;
  // On its way out: half-closed or finished, until its final event or the end of the timer.
  struct Leaving {
    StreamPtr stream;
    base::Handle timer;
  };

  bool open() const { return out_ != nullptr || !ins_.empty(); }
  bool OwnStreamLeaving() const;
  bool WriteAtOnce(OutgoingMessage& message);
  void Enqueue(OutgoingMessage message);
  void Drop(OutgoingMessage message, const char* reason, const base::Error& error);
  void DropQueue(const char* reason, const base::Error& error);
  void Pump();
  PeerStream* ChooseStream();
  PeerStream* Find(std::uint64_t stream_id);
  void ExpireLater();
  void EnsureStream();
  void StartDial();
  void CancelDial();
  void Unreachable(const char* reason, const base::Error& error);
  void PutBack(PeerStream& stream);
  bool RedialSoon();
  void AfterOutgoingEnded(bool cut_short, const base::Status& status);
  StreamPtr Extract(PeerStream& stream);
  void Leave(StreamPtr stream, base::Duration linger, base::Status status);
  void RemoveLeaving(std::uint64_t stream_id);
  void TrimIfBeaten();
  void CloseSilent();
  void WatchSilence();
  void MaybeRetire();

  const Context& context_;
  PeerLinkHost& host_;
  const wire::PkiId pki_id_;
  base::Endpoint endpoint_;
  SendQueue queue_;
  StreamPtr out_;
  std::vector<StreamPtr> ins_;  // in order of authentication
  std::vector<Leaving> leaving_;
  bool dialling_ = false;  // until the result is here; also while waiting for the moment to dial
  base::Handle dial_;      // the dial or the pause before it; empty while an own stream is leaving (R6)
  std::size_t quick_redials_ = 0;
  base::Handle expiry_;
  base::Handle silence_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::comm

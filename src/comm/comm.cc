#include "comm/comm.h"

#include <algorithm>
#include <map>
#include <utility>

#include "comm/acceptor.h"
#include "comm/acked_sends.h"
#include "comm/context.h"
#include "comm/dialer.h"
#include "comm/event_set.h"
#include "comm/peer_link.h"
#include "comm/visits.h"
#include "wire/pki_id_map.h"

namespace grapevine::comm {
namespace {

// Inboxes of streams that have ended and whose subscribers are behind; the oldest make room.
constexpr std::size_t kMaxDraining = 256;

PeerState StateOf(const PeerLink& link) {
  return {.pki_id = link.pki_id(),
          .endpoint = link.endpoint(),
          .dialling = link.dialling(),
          .outgoing = link.outgoing_open(),
          .incoming = link.incoming_open(),
          .queued = link.queued()};
}

}  // namespace

class Comm::Impl final : public PeerLinkHost {
 public:
  Impl(base::Environment environment, base::Transport& transport, base::Server& server, msp::IdentityMapper& mapper,
       msp::MessageCrypto& crypto, CommConfig config);
  ~Impl() override;

  void Send(const wire::Envelope& message, const std::vector<RemotePeer>& peers);
  void Send(const wire::Envelope& message, const wire::PkiId& pki_id, const base::Endpoint& endpoint);
  base::Handle SendWithAck(const wire::Message& message, base::Duration timeout, std::size_t min_ack,
                           const std::vector<RemotePeer>& peers, AckedSends::Done done);
  base::Handle Probe(const base::Endpoint& endpoint, Dialer::OnProbed done);
  base::Handle Handshake(const RemotePeer& peer, Visits::Done done);
  AcceptedMessages Accept(std::string name, std::function<bool(const ReceivedMessage&)> predicate,
                          std::size_t capacity);
  EventSet& presumed_dead() { return presumed_dead_; }
  EventSet& identity_switch() { return identity_switch_; }
  void CloseConn(const wire::PkiId& pki_id);
  void Stop();
  std::vector<PeerState> Peers() const;
  std::optional<PeerState> Peer(const wire::PkiId& pki_id) const;

  base::Handle DialFor(const wire::PkiId& pki_id, const base::Endpoint& endpoint) override;
  std::shared_ptr<Inbox> MakeInbox(PeerLink& link, std::uint64_t stream_id) override;
  void LeaveToDrain(std::shared_ptr<Inbox> inbox) override;
  void Receive(PeerLink& link, PeerStream& stream, base::Bytes message) override;
  void PresumeDead(const wire::PkiId& pki_id) override;
  void Retire(const wire::PkiId& pki_id) override;
  std::uint64_t NextStreamId() override { return next_id_++; }

 private:
  // Messages for whoever answers at an endpoint.
  struct PendingEndpoint {
    SendQueue queue;
    base::Handle dial;
  };

  PeerLink* LinkFor(const wire::PkiId& pki_id);  // null: the bound is reached
  PeerLink* FindLink(const wire::PkiId& pki_id);
  OutgoingMessage MakeOutgoing(const wire::Envelope& envelope, MessageKind kind);
  void SendTo(const RemotePeer& peer, OutgoingMessage message);
  void SendToPeer(const wire::PkiId& pki_id, const base::Endpoint& endpoint, OutgoingMessage message);
  void SendToEndpoint(const base::Endpoint& endpoint, OutgoingMessage message);
  void DropUnsent(OutgoingMessage message, const char* reason, const base::Error& error);
  base::Handle FailSoon(base::Task fail);
  void Answer(const wire::PkiId& pki_id, std::uint64_t stream_id, const wire::Envelope& envelope,
              base::Handle on_its_way);
  void Dialled(const std::optional<wire::PkiId>& expected, const base::Endpoint& endpoint,
               base::Result<std::unique_ptr<comm::Handshake>> handshake);
  base::Result<void> CheckExpected(const wire::PkiId& expected, const wire::PkiId& found);
  std::vector<OutgoingMessage> TakeHeld(const std::optional<wire::PkiId>& expected, const base::Endpoint& endpoint);
  void DialEnded(const std::optional<wire::PkiId>& expected, const base::Endpoint& endpoint, const base::Error& error);
  void Incoming(std::unique_ptr<OwnedStream> stream, const std::shared_ptr<const ConnectionInfo>& info);
  void IdentitySwitched(const wire::PkiId& pki_id);

  base::Environment environment_;
  const CommConfig config_;
  CommMetrics metrics_;
  const Context context_;
  bool stopped_ = false;
  std::uint64_t next_id_ = 1;
  Demultiplexer<ReceivedMessagePtr> demultiplexer_;
  EventSet presumed_dead_;
  EventSet identity_switch_;
  AckedSends acked_sends_;
  Dialer dialer_;
  std::map<std::uint64_t, std::shared_ptr<Inbox>> draining_;
  Visits visits_;
  std::map<base::Endpoint, PendingEndpoint> endpoints_;
  wire::PkiIdMap<std::unique_ptr<PeerLink>> links_;
  Acceptor acceptor_;
  base::Handle purges_;
  base::Lifetime lifetime_;
};

Comm::Impl::Impl(base::Environment environment, base::Transport& transport, base::Server& server,
                 msp::IdentityMapper& mapper, msp::MessageCrypto& crypto, CommConfig config)
    : environment_{environment.executor, environment.workers, environment.random, environment.metrics,
                   environment.log.Named("comm")},
      config_(config),
      metrics_(environment_.metrics),
      context_{environment_, config_, mapper, crypto, metrics_},
      demultiplexer_(environment_),
      presumed_dead_(environment_.executor),
      identity_switch_(environment_.executor),
      acked_sends_(environment_.executor),
      dialer_(context_, transport),
      visits_(context_, dialer_),
      acceptor_(context_, server,
                [this](std::unique_ptr<OwnedStream> stream, const std::shared_ptr<const ConnectionInfo>& info) {
                  Incoming(std::move(stream), info);
                }),
      purges_(mapper.OnPurge([this](const msp::IdentityMapper::Entry& entry, const std::string& reason) {
        context_.log().Info("identity {} was purged: {}", entry.pki_id.Short(), reason);
        if (stopped_) return;
        IdentitySwitched(entry.pki_id);  // 9.2 (b), before the streams end (9.3)
        CloseConn(entry.pki_id);
      })) {}

Comm::Impl::~Impl() { Stop(); }

// 14.1: one flag, one order: nothing new, then the streams, then the subscribers.
void Comm::Impl::Stop() {
  if (std::exchange(stopped_, true)) return;
  const base::Error stopping{base::ErrorCode::kCancelled, "the communication layer has stopped"};
  acceptor_.Stop();
  for (auto& [endpoint, pending] : std::exchange(endpoints_, {})) {
    for (auto& message : pending.queue.TakeAll()) DropUnsent(std::move(message), "stopped", stopping);
  }
  for (auto& [pki_id, link] : links_) link->Close("stopped");
  acked_sends_.FailAll(stopping);
  visits_.FailAll(stopping);
  demultiplexer_.Close();
  draining_.clear();
  presumed_dead_.Close();
  identity_switch_.Close();
}

// ---- Sending

PeerLink* Comm::Impl::FindLink(const wire::PkiId& pki_id) {
  const auto found = links_.find(pki_id);
  return found == links_.end() ? nullptr : found->second.get();
}

PeerLink* Comm::Impl::LinkFor(const wire::PkiId& pki_id) {
  if (PeerLink* link = FindLink(pki_id)) return link;
  if (links_.size() >= config_.max_peers) return nullptr;
  return links_.emplace(pki_id, std::make_unique<PeerLink>(context_, *this, pki_id)).first->second.get();
}

void Comm::Impl::DropUnsent(OutgoingMessage message, const char* reason, const base::Error& error) {
  metrics_.DroppedSend(reason);
  if (message.terms == nullptr || message.terms->dropped == nullptr) return;
  environment_.executor.Post([dropped = std::move(message.terms->dropped), error]() mutable { dropped(error); });
}

void Comm::Impl::SendTo(const RemotePeer& peer, OutgoingMessage message) {
  if (!peer.pki_id.has_value()) return SendToEndpoint(peer.endpoint, std::move(message));
  SendToPeer(*peer.pki_id, peer.endpoint, std::move(message));
}

void Comm::Impl::SendToPeer(const wire::PkiId& pki_id, const base::Endpoint& endpoint, OutgoingMessage message) {
  if (PeerLink* link = LinkFor(pki_id)) return link->Send(std::move(message), endpoint);
  DropUnsent(std::move(message), "too_many_peers", {base::ErrorCode::kExhausted, "too many peers are connected"});
}

void Comm::Impl::SendToEndpoint(const base::Endpoint& endpoint, OutgoingMessage message) {
  auto found = endpoints_.find(endpoint);
  if (found == endpoints_.end()) {
    if (endpoint.empty() || links_.size() + endpoints_.size() >= config_.max_peers) {
      return DropUnsent(std::move(message), endpoint.empty() ? "no_endpoint" : "too_many_peers",
                        {base::ErrorCode::kInvalid, "neither PKI-ID nor endpoint, or too many peers"});
    }
    found = endpoints_.try_emplace(endpoint, SendQueue(config_.send_buffer, config_.send_buffer_bytes)).first;
    found->second.dial = dialer_.Connect(endpoint, /*probe=*/false,
                                         [this, endpoint](base::Result<std::unique_ptr<comm::Handshake>> handshake) {
                                           Dialled(std::nullopt, endpoint, std::move(handshake));
                                         });
  }
  auto displaced = found->second.queue.Push(std::move(message));
  if (!displaced.has_value()) return;
  metrics_.overflow.Add();
  DropUnsent(std::move(*displaced), "queue_full", {base::ErrorCode::kExhausted, "the peer's send queue is full"});
}

OutgoingMessage Comm::Impl::MakeOutgoing(const wire::Envelope& envelope, MessageKind kind) {
  OutgoingMessage outgoing;
  outgoing.bytes = envelope.encoded();
  outgoing.kind = kind;
  outgoing.lane = LaneOf(kind);
  outgoing.depth = DepthToken(metrics_.send_queue);
  return outgoing;
}

void Comm::Impl::Send(const wire::Envelope& message, const std::vector<RemotePeer>& peers) {
  if (stopped_) return;
  const MessageKind kind = KindOf(message);
  for (const RemotePeer& peer : peers) SendTo(peer, MakeOutgoing(message, kind));
}

void Comm::Impl::Send(const wire::Envelope& message, const wire::PkiId& pki_id, const base::Endpoint& endpoint) {
  if (!stopped_) SendToPeer(pki_id, endpoint, MakeOutgoing(message, KindOf(message)));
}

base::Handle Comm::Impl::SendWithAck(const wire::Message& message, base::Duration timeout, std::size_t min_ack,
                                     const std::vector<RemotePeer>& peers, AckedSends::Done done) {
  wire::Message copy = message;
  copy.nonce = environment_.random.Next();
  const wire::Envelope envelope = wire::UnsignedEnvelope(copy);
  base::Handle handle;
  acked_sends_.Start(copy.nonce, timeout, min_ack, peers, std::move(done), &handle);
  if (stopped_) {
    acked_sends_.FailAll({base::ErrorCode::kCancelled, "the communication layer has stopped"});
    return handle;
  }
  std::map<wire::PkiId, RemotePeer> targets;  // one message for peers of one PKI-ID
  for (const RemotePeer& peer : peers) {
    if (peer.pki_id.has_value()) targets.emplace(*peer.pki_id, peer);
  }
  for (const auto& [pki_id, peer] : targets) {
    OutgoingMessage outgoing = MakeOutgoing(envelope, KindOf(copy));
    outgoing.terms = std::make_unique<Terms>();
    outgoing.terms->deadline = environment_.executor.Now() + timeout;
    outgoing.terms->dropped = lifetime_.Guard([this, nonce = copy.nonce, id = pki_id](const base::Error& error) {
      acked_sends_.Report(nonce, id, std::unexpected(error));
    });
    SendTo(peer, std::move(outgoing));
  }
  return handle;
}

void Comm::Impl::Answer(const wire::PkiId& pki_id, std::uint64_t stream_id, const wire::Envelope& envelope,
                        base::Handle on_its_way) {
  if (stopped_) return;
  OutgoingMessage answer = MakeOutgoing(envelope, KindOf(envelope));
  answer.terms = std::make_unique<Terms>();
  answer.terms->deadline = environment_.executor.Now() + config_.conn_timeout;
  answer.terms->stream = stream_id;
  answer.terms->on_its_way = std::move(on_its_way);
  if (PeerLink* link = FindLink(pki_id)) return link->Answer(std::move(answer));
  metrics_.DroppedSend("no_stream");
}

// ---- Dialling

base::Handle Comm::Impl::DialFor(const wire::PkiId& pki_id, const base::Endpoint& endpoint) {
  return dialer_.Connect(endpoint, /*probe=*/false,
                         [this, pki_id, endpoint](base::Result<std::unique_ptr<comm::Handshake>> handshake) {
                           Dialled(pki_id, endpoint, std::move(handshake));
                         });
}

// Section 4, step 5.
base::Result<void> Comm::Impl::CheckExpected(const wire::PkiId& expected, const wire::PkiId& found) {
  const std::string organization = context_.mapper.OrganizationOf(expected);
  if (!organization.empty() && organization == context_.mapper.OrganizationOf(found)) return {};
  metrics_.Handshake("initiator", "unexpected_peer");
  return base::Fail(base::ErrorCode::kDenied, "found {} instead of {}, and not of the same organisation", found.Short(),
                    expected.Short());
}

std::vector<OutgoingMessage> Comm::Impl::TakeHeld(const std::optional<wire::PkiId>& expected,
                                                  const base::Endpoint& endpoint) {
  if (!expected.has_value()) return endpoints_.extract(endpoint).mapped().queue.TakeAll();
  std::vector<OutgoingMessage> held;
  for (auto& message : links_.at(*expected)->Abandon()) {
    // The answer would come under the other PKI-ID, where nobody waits for it.
    if (message.terms != nullptr && message.terms->dropped != nullptr) {
      DropUnsent(std::move(message), "identity_switch", {base::ErrorCode::kUnavailable, "the peer's PKI-ID changed"});
    } else {
      held.push_back(std::move(message));
    }
  }
  return held;
}

void Comm::Impl::DialEnded(const std::optional<wire::PkiId>& expected, const base::Endpoint& endpoint,
                           const base::Error& error) {
  if (expected.has_value()) return links_.at(*expected)->DialFailed(error);
  for (auto& message : endpoints_.extract(endpoint).mapped().queue.TakeAll()) {
    DropUnsent(std::move(message), "unreachable", error);
  }
}

void Comm::Impl::Dialled(const std::optional<wire::PkiId>& expected, const base::Endpoint& endpoint,
                         base::Result<std::unique_ptr<comm::Handshake>> handshake) {
  if (!handshake.has_value()) return DialEnded(expected, endpoint, handshake.error());
  const wire::PkiId found = (*handshake)->remote()->pki_id;
  const bool switched = expected.has_value() && *expected != found;
  if (switched) {
    const auto verdict = CheckExpected(*expected, found);
    if (!verdict.has_value()) return DialEnded(expected, endpoint, verdict.error());
    IdentitySwitched(*expected);
  }
  // Between the check of the identity and now it may have been purged.
  PeerLink* const link = context_.mapper.OrganizationOf(found).empty() ? nullptr : LinkFor(found);
  if (link == nullptr) {
    return DialEnded(expected, endpoint, {base::ErrorCode::kDenied, "too many peers, or the identity was purged"});
  }
  std::vector<OutgoingMessage> held;
  if (switched || !expected.has_value()) held = TakeHeld(expected, endpoint);
  link->OfferOutgoing(std::move(*handshake), endpoint, std::move(held));
}

void Comm::Impl::Incoming(std::unique_ptr<OwnedStream> stream, const std::shared_ptr<const ConnectionInfo>& info) {
  // Between the check of the identity and now it may have been purged.
  const bool known = !context_.mapper.OrganizationOf(info->pki_id).empty();
  PeerLink* const link = known ? LinkFor(info->pki_id) : nullptr;
  if (link != nullptr) return link->Accept(std::move(stream), info);
  metrics_.StreamEnd(false, known ? "too_many_peers" : "purged");
  acceptor_.Refuse(std::move(stream), {base::StatusCode::kUnavailable, "not accepted now", {}});
}

// ---- Receiving

std::shared_ptr<Inbox> Comm::Impl::MakeInbox(PeerLink& link, std::uint64_t stream_id) {
  auto responder = std::make_shared<const ReceivedMessage::Responder>(
      [this, alive = lifetime_.Watch(), pki_id = link.pki_id(), stream_id](const wire::Envelope& answer,
                                                                           base::Handle on_its_way) {
        if (!alive.expired()) Answer(pki_id, stream_id, answer, std::move(on_its_way));
      });
  return std::make_shared<Inbox>(context_, demultiplexer_, std::move(responder),
                                 [&link, stream_id] { link.GrantOne(stream_id); });
}

void Comm::Impl::LeaveToDrain(std::shared_ptr<Inbox> inbox) {
  if (inbox == nullptr || stopped_) return;
  if (inbox->empty()) {
    // It may be in the middle of publishing: it ends when nobody holds it any more.
    inbox->SetConsumed([] {});
    return environment_.executor.Post([inbox] {});
  }
  if (draining_.size() >= kMaxDraining) {
    metrics_.DroppedReceive("draining");
    draining_.erase(draining_.begin());
  }
  const std::uint64_t id = next_id_++;
  Inbox& draining = *inbox;
  draining.SetConsumed([this, id, &draining] {
    if (draining.empty()) environment_.executor.Post(lifetime_.Guard([this, id] { draining_.erase(id); }));
  });
  draining_.emplace(id, std::move(inbox));
}

void Comm::Impl::Receive(PeerLink& link, PeerStream& stream, base::Bytes message) {
  if (stopped_) return;
  const auto refuse = [&](wire::DecodeError error) {
    metrics_.DroppedReceive(wire::ToString(error));
    if (!wire::EndsStream(error)) return stream.GrantOne();
    link.EndStream(stream, "undecodable", std::string("undecodable message: ") + wire::ToString(error));
  };
  const std::size_t size = message.size();
  auto envelope = wire::Envelope::Decode(std::move(message));
  if (!envelope.has_value()) return refuse(envelope.error());
  auto decoded = wire::DecodeMessage(envelope->payload());
  if (!decoded.has_value()) return refuse(decoded.error());
  metrics_.ReceivedBytes(KindOf(*decoded), size);
  if (const auto* ack = decoded->As<wire::Acknowledgement>()) {
    base::Result<void> outcome;
    if (!ack->error.empty()) outcome = std::unexpected(base::Error{base::ErrorCode::kDenied, ack->error});
    const bool awaited = acked_sends_.Report(decoded->nonce, link.pki_id(), std::move(outcome));
    if (!awaited) metrics_.DroppedReceive("unexpected_ack");
    return stream.GrantOne();
  }
  if (decoded->As<wire::ConnEstablish>() != nullptr || decoded->As<wire::Empty>() != nullptr) {  // 01, section 10
    metrics_.DroppedReceive("ignored");
    return stream.GrantOne();
  }
  const Lane lane = LaneOf(KindOf(*decoded));
  Inbox& inbox = *stream.inbox();  // watches its life: a subscriber's predicate may destroy everything
  inbox.Push(std::make_shared<const ReceivedMessage>(std::move(*envelope), std::move(*decoded), stream.info(),
                                                     inbox.responder()),
             lane);
}

AcceptedMessages Comm::Impl::Accept(std::string name, std::function<bool(const ReceivedMessage&)> predicate,
                                    std::size_t capacity) {
  return demultiplexer_.Subscribe(
      std::move(name),
      [predicate = std::move(predicate)](const ReceivedMessagePtr& message) { return predicate(*message); }, capacity);
}

// ---- Everything else

void Comm::Impl::PresumeDead(const wire::PkiId& pki_id) {
  if (stopped_) return;
  metrics_.presumed_dead.Add();
  presumed_dead_.Raise(pki_id);
}

void Comm::Impl::IdentitySwitched(const wire::PkiId& pki_id) {
  metrics_.identity_switches.Add();
  identity_switch_.Raise(pki_id);
}

void Comm::Impl::Retire(const wire::PkiId& pki_id) {
  environment_.executor.Post(lifetime_.Guard([this, pki_id] {
    const PeerLink* link = FindLink(pki_id);
    if (link != nullptr && link->idle()) links_.erase(pki_id);
  }));
}

void Comm::Impl::CloseConn(const wire::PkiId& pki_id) {
  if (PeerLink* link = FindLink(pki_id)) link->Close("closed");
}

base::Handle Comm::Impl::FailSoon(base::Task fail) {
  return environment_.executor.After(base::Duration::zero(), lifetime_.Guard(std::move(fail)));
}

base::Handle Comm::Impl::Probe(const base::Endpoint& endpoint, Dialer::OnProbed done) {
  if (!stopped_) return visits_.Probe(endpoint, std::move(done));
  return FailSoon([done = std::move(done)]() mutable {
    done(base::Fail(base::ErrorCode::kCancelled, "the communication layer has stopped"));
  });
}

base::Handle Comm::Impl::Handshake(const RemotePeer& peer, Visits::Done done) {
  if (!stopped_) return visits_.Handshake(peer.endpoint, peer.pki_id, std::move(done));
  return FailSoon([done = std::move(done)]() mutable {
    done(base::Fail(base::ErrorCode::kCancelled, "the communication layer has stopped"));
  });
}

std::vector<PeerState> Comm::Impl::Peers() const {
  std::vector<PeerState> peers;
  for (const auto& [pki_id, link] : links_) peers.push_back(StateOf(*link));
  return peers;
}

std::optional<PeerState> Comm::Impl::Peer(const wire::PkiId& pki_id) const {
  const auto found = links_.find(pki_id);
  if (found == links_.end()) return std::nullopt;
  return StateOf(*found->second);
}

// ---- Comm

Comm::Comm(base::Environment environment, base::Transport& transport, base::Server& server, msp::IdentityMapper& mapper,
           msp::MessageCrypto& crypto, CommConfig config)
    : impl_(std::make_unique<Impl>(std::move(environment), transport, server, mapper, crypto, config)) {}

Comm::~Comm() = default;

void Comm::Send(const wire::Envelope& message, const std::vector<RemotePeer>& peers) { impl_->Send(message, peers); }
void Comm::Send(const wire::Envelope& message, const wire::PkiId& pki_id, const base::Endpoint& endpoint) {
  impl_->Send(message, pki_id, endpoint);
}

base::Handle Comm::SendWithAck(const wire::Message& message, base::Duration timeout, std::size_t min_ack,
                               const std::vector<RemotePeer>& peers,
                               std::move_only_function<void(std::vector<AckResult>)> done) {
  return impl_->SendWithAck(message, timeout, min_ack, peers, std::move(done));
}

base::Handle Comm::Probe(const base::Endpoint& endpoint, std::move_only_function<void(base::Result<void>)> done) {
  return impl_->Probe(endpoint, std::move(done));
}

base::Handle Comm::Handshake(const RemotePeer& peer, std::move_only_function<void(base::Result<ConnectionInfo>)> done) {
  return impl_->Handshake(peer, std::move(done));
}

AcceptedMessages Comm::Accept(std::string name, std::function<bool(const ReceivedMessage&)> predicate,
                              std::size_t capacity) {
  return impl_->Accept(std::move(name), std::move(predicate), capacity);
}

base::Handle Comm::OnPresumedDead(std::function<void(const wire::PkiId&)> observer) {
  return impl_->presumed_dead().Observe(std::move(observer));
}

base::Handle Comm::OnIdentitySwitch(std::function<void(const wire::PkiId&)> observer) {
  return impl_->identity_switch().Observe(std::move(observer));
}

void Comm::CloseConn(const wire::PkiId& pki_id) { impl_->CloseConn(pki_id); }

void Comm::Stop() { impl_->Stop(); }

std::vector<PeerState> Comm::Peers() const { return impl_->Peers(); }
std::optional<PeerState> Comm::Peer(const wire::PkiId& pki_id) const { return impl_->Peer(pki_id); }

}  // namespace grapevine::comm

#include "comm/peer_stream.h"

#include <algorithm>
#include <utility>

namespace grapevine::comm {

PeerStream::PeerStream(const Context& context, PeerStreamOwner& owner, std::uint64_t id,
                       std::unique_ptr<OwnedStream> stream, std::shared_ptr<const ConnectionInfo> info)
    : context_(context),
      owner_(owner),
      id_(id),
      stream_(std::move(stream)),
      info_(std::move(info)),
      established_(context.executor().Now()),
      last_heard_(established_),
      handshake_unsent_((*stream_)->unsent()) {
  stream_->SetListener(this);
  context_.metrics.streams.Add(1);
}

PeerStream::~PeerStream() { context_.metrics.streams.Add(-1); }

void PeerStream::Start(std::shared_ptr<Inbox> inbox) {
  inbox_ = std::move(inbox);
  (*stream_)->SetReceiveLimit(base::Stream::kTransportLimit);
  (*stream_)->Read(std::max<std::size_t>(context_.config.receive_buffer, 1));
}

bool PeerStream::HasRoom() const {
  return unsent_.size() < context_.config.stream_window_messages &&
         (unsent_.empty() || unsent_bytes_ < context_.config.stream_window_bytes);
}

void PeerStream::Write(OutgoingMessage message) {
  unsent_bytes_ += message.bytes.size();
  (*stream_)->Send(message.bytes);
  unsent_.push_back(std::move(message));
}

std::vector<OutgoingMessage> PeerStream::TakeUnsent() {
  std::vector<OutgoingMessage> messages;
  for (; !unsent_.empty(); unsent_.pop_front()) messages.push_back(std::move(unsent_.front()));
  unsent_bytes_ = 0;
  return messages;
}

void PeerStream::GrantOne() { (*stream_)->Read(1); }

void PeerStream::EndSending(base::Status status) {
  if (outgoing()) {
    (*stream_)->HalfClose();
  } else {
    (*stream_)->Finish(std::move(status));
  }
}

void PeerStream::OnMessage(base::Bytes message) {
  if (muted_) return GrantOne();
  context_.metrics.received.Add();
  last_heard_ = context_.executor().Now();
  has_delivered_ = true;
  owner_.OnStreamMessage(*this, std::move(message));
}

void PeerStream::OnSent(std::size_t count) {
  const std::size_t of_handshake = std::min(count, handshake_unsent_);
  handshake_unsent_ -= of_handshake;
  for (std::size_t i = of_handshake; i < count && !unsent_.empty(); ++i) {
    unsent_bytes_ -= unsent_.front().bytes.size();
    context_.metrics.SentBytes(unsent_.front().kind, unsent_.front().bytes.size());
    unsent_.pop_front();
    context_.metrics.sent.Add();
  }
  owner_.OnStreamRoom();
}

void PeerStream::OnHalfClose() { owner_.OnStreamHalfClose(*this); }

void PeerStream::OnEnd(const base::Status& status) { owner_.OnStreamEnd(*this, status); }

}  // namespace grapevine::comm

#include "fabric_model.h"

#include <utility>

namespace grapevine::comm {

FabricModel::FabricModel(PlayedPeer& peer, const simulation::Host& remote) : peer_(peer), remote_(remote) {
  services_.push_back(peer_.host.server().ServeUnary("/gossip.Gossip/Ping", [](auto call) { call->Respond({}); }));
  services_.push_back(peer_.host.server().ServeStream("/gossip.Gossip/GossipStream",
                                                      [this](auto stream) { Adopt(nullptr, std::move(stream)); }));
}

void FabricModel::Send(const std::string& text) {
  waiting_.push_back(text);
  if (stored_.has_value()) return Flush();
  if (!dialling_) Dial();
}

void FabricModel::Flush() {
  for (const std::string& text : std::exchange(waiting_, {})) {
    if (!stored_.has_value()) continue;
    Link& link = *links_.at(*stored_);
    if (link.dead) {  // the write fails: whatever is stored goes, and the message is lost (5.2)
      ++failed_writes;
      Forget(*std::exchange(stored_, std::nullopt));
    } else {
      link.stream->Send(Text(text).encoded());
    }
  }
}

void FabricModel::Dial() {
  dialling_ = true;
  dial_ = peer_.host.transport().Dial(remote_.endpoint(), 3s,
                                      [this](base::Result<std::unique_ptr<base::Connection>> connection) {
                                        if (!connection.has_value()) {
                                          dialling_ = false;
                                          waiting_.clear();
                                          return;
                                        }
                                        auto stream = (*connection)->Open("/gossip.Gossip/GossipStream", {});
                                        Adopt(std::move(*connection), std::move(stream));
                                      });
}

// 3.2: both roles send at once and wait for one message, at most 2 s.
FabricModel::Link& FabricModel::Adopt(std::unique_ptr<base::Connection> connection,
                                      std::unique_ptr<base::Stream> stream) {
  const std::uint64_t id = next_id_++;
  auto& link = *links_.emplace(id, std::make_unique<Link>(*this)).first->second;
  link.id = id;
  link.connection = std::move(connection);
  link.stream = std::move(stream);
  link.stream->SetHandler(link);
  link.stream->Read(1'000'000);
  link.stream->Send(peer_.Conn(*link.stream));
  link.timer = peer_.host.executor().After(2s, [this, id] {
    Link& late = *links_.at(id);
    if (late.connection != nullptr) dialling_ = false;
    Forget(id);
  });
  return link;
}

void FabricModel::Message(Link& link, base::Bytes message) {
  if (!link.authenticated) {
    link.authenticated = true;
    link.timer.Reset();
    return Complete(link);
  }
  received.push_back(Describe(*wire::DecodeMessage(wire::Envelope::Decode(std::move(message))->payload())));
}

void FabricModel::Complete(Link& link) {
  if (link.connection != nullptr) {  // initiator, 5.1: gives way to what is stored
    dialling_ = false;
    if (stored_.has_value()) {
      Forget(link.id);
    } else {
      stored_ = link.id;
    }
  } else {  // responder, 5.3: replaces what is stored
    if (stored_.has_value()) Close(*stored_);
    stored_ = link.id;
  }
  Flush();
}

// 5.2.
void FabricModel::Ended(Link& link) {
  link.dead = true;
  if (link.connection != nullptr) {
    if (!link.authenticated) dialling_ = false;
    return;  // stays in the store until a write fails
  }
  const bool served = link.authenticated;
  Forget(link.id);
  if (!served || !stored_.has_value()) return;
  const std::uint64_t victim = *std::exchange(stored_, std::nullopt);  // whatever is stored
  if (links_.contains(victim)) Close(victim);
}

void FabricModel::Close(std::uint64_t id) {
  Link& link = *links_.at(id);
  if (link.connection != nullptr) return Forget(id);
  link.stream->Finish({});  // the handler returns; its clean-up follows with the end of the stream
}

// In an event of its own: the link may be on the stack.
void FabricModel::Forget(std::uint64_t id) {
  Link& link = *links_.at(id);
  link.dead = true;
  link.timer.Reset();
  if (stored_ == id) stored_.reset();
  peer_.host.executor().Post(lifetime_.Guard([this, id] { links_.erase(id); }));
}

}  // namespace grapevine::comm

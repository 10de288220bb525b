#include "simulation/model_fabric_peer.h"

#include <utility>

#include "simulation/model_fabric_link.h"

namespace grapevine::simulation {

using base::StatusCode;

ModelFabricPeer::ModelFabricPeer(Host& host, const Authority& authority, base::Bytes identity, ModelFabricConfig config)
    : host_(host),
      crypto_(host.environment(), authority, std::move(identity)),
      config_(config),
      pki_id_(crypto_.own_pki_id()) {
  serve_stream_ = host_.server().ServeStream(
      "/gossip.Gossip/GossipStream", [this](std::unique_ptr<base::Stream> stream) { Accept(std::move(stream)); });
  // Answered unconditionally, even while stopping (01, 1).
  serve_ping_ = host_.server().ServeUnary("/gossip.Gossip/Ping",
                                          [](std::unique_ptr<base::UnaryCall> call) { call->Respond({}); });
}

ModelFabricPeer::~ModelFabricPeer() = default;

ModelFabricPeer::Link& ModelFabricPeer::NewLink(Role role) {
  const std::uint64_t id = next_link_++;
  return *(links_[id] = std::make_unique<Link>(*this, id, role));
}

// Not within a callback of the link.
void ModelFabricPeer::Retire(Link& link) {
  auto retired = links_.extract(link.id());
  if (!retired.empty()) host_.executor().Post([link = std::move(retired.mapped())] {});
}

void ModelFabricPeer::Later(Link& link, void (ModelFabricPeer::*action)(Link&)) {
  SimulatedExecutor& executor = host_.executor();
  executor.scheduler().ScheduleDetached(executor.Now(), &executor, {EventKind::kTask, link.id(), executor.NewLane()},
                                        lifetime_.Guard([this, id = link.id(), action] {
                                          const auto found = links_.find(id);
                                          if (found != links_.end()) (this->*action)(*found->second);
                                        }));
}

ModelFabricPeer::Link* ModelFabricPeer::Stored(const wire::PkiId& pki_id) const {
  const auto found = store_.find(pki_id);
  return found == store_.end() ? nullptr : found->second;
}

void ModelFabricPeer::CloseStored(const wire::PkiId& pki_id) {
  const auto stored = store_.extract(pki_id);
  if (!stored.empty()) stored.mapped()->Close();
}

std::optional<ModelFabricPeer::Role> ModelFabricPeer::LiveConnection(const wire::PkiId& pki_id) const {
  const Link* link = Stored(pki_id);
  if (link == nullptr || !link->carries_messages()) return std::nullopt;
  return link->role();
}

void ModelFabricPeer::Accept(std::unique_ptr<base::Stream> stream) {
  Link& link = NewLink(Role::kServer);
  link.Accept(std::move(stream));
  if (stopping_) link.Finish({StatusCode::kUnavailable, "stopping", ""});
}

void ModelFabricPeer::Send(const base::Endpoint& endpoint, const wire::PkiId& pki_id, const wire::Envelope& message) {
  if (stopping_) return;
  if (Link* link = Stored(pki_id)) return link->Enqueue(message, false);
  const bool first = !waiting_.contains(pki_id);
  Waiting& waiting = waiting_[pki_id];
  waiting.endpoint = endpoint;
  waiting.messages.push_back(message);
  if (first) Create(pki_id, endpoint);
}

void ModelFabricPeer::Create(const wire::PkiId& expected, const base::Endpoint& endpoint) {
  NewLink(Role::kClient).Dial(endpoint, expected);
}

// Section 4, step 5.
bool ModelFabricPeer::AcceptsInsteadOf(const wire::PkiId& expected, const Link& link) {
  if (link.remote() == expected) return true;
  const auto known = organizations_.find(expected);
  if (known == organizations_.end() || known->second != link.organization()) return false;
  identity_switches_.push_back(expected);
  return true;
}

// The others that wait for the lock of `pki_id`, behind the first.
std::optional<ModelFabricPeer::Waiting> ModelFabricPeer::TakeSecondSender(const wire::PkiId& pki_id) {
  const auto waiting = waiting_.find(pki_id);
  if (waiting == waiting_.end() || waiting->second.messages.size() < 2) return std::nullopt;
  std::deque<wire::Envelope>& messages = waiting->second.messages;
  Waiting second{waiting->second.endpoint, {messages.begin() + 1, messages.end()}};
  messages.resize(1);
  return second;
}

void ModelFabricPeer::Created(Link& link, const wire::PkiId& expected, bool success) {
  success = success && AcceptsInsteadOf(expected, link);
  if (stopping_) return link.Close();
  // Step 4 comes before step 9: the destination lock is free while nothing is stored yet.
  std::optional<Waiting> second;
  if (success && config_.second_sender_redials) second = TakeSecondSender(expected);
  if (Link* present = Stored(expected)) {  // step 6
    link.Close();
    Deliver(expected, present);
  } else if (!success) {  // step 7
    link.Close();
    Deliver(expected, nullptr);
  } else {
    CloseStored(link.remote());  // step 8
    store_[link.remote()] = &link;
    link.Serve();
    Deliver(expected, &link);
  }
  if (second) {
    Create(expected, second->endpoint);
    waiting_[expected] = std::move(*second);
  }
}

// Gives the messages that waited for this creation to `link`; without one the first sender has failed, and the next
// takes the lock.
void ModelFabricPeer::Deliver(const wire::PkiId& expected, Link* link) {
  auto node = waiting_.extract(expected);
  if (node.empty()) return;
  Waiting& waiting = node.mapped();
  if (link != nullptr) {
    for (const wire::Envelope& message : waiting.messages) link->Enqueue(message, false);
    return;
  }
  presumed_dead_.push_back(expected);
  CloseStored(expected);
  waiting.messages.pop_front();
  if (waiting.messages.empty()) return;
  const base::Endpoint endpoint = waiting.endpoint;
  waiting_.insert(std::move(node));
  Create(expected, endpoint);
}

// 5.3.
void ModelFabricPeer::Register(Link& link) {
  if (stopping_) return link.Finish({StatusCode::kUnavailable, "stopping", ""});
  CloseStored(link.remote());
  store_[link.remote()] = &link;
  link.Serve();
}

// 5.2: the clean-up runs before the final status is sent, and closes whatever is stored.
void ModelFabricPeer::HandlerReturns(Link& link) {
  if (link.handler_returned) return;
  link.handler_returned = true;
  if (link.AbandonWrite()) presumed_dead_.push_back(link.remote());
  CloseStored(link.remote());
  link.Finish({StatusCode::kOk, "", ""});
}

void ModelFabricPeer::WriteFailed(Link& link) {
  presumed_dead_.push_back(link.remote());
  CloseStored(link.remote());
  link.Close();
}

void ModelFabricPeer::Closed(Link& link) {
  // A write in progress fails, and its error hook closes whatever is stored by then (14.2, residual case).
  if (link.AbandonWrite()) WriteFailed(link);
  if (link.role() == Role::kServer) {
    HandlerReturns(link);
  } else {
    Retire(link);
  }
}

void ModelFabricPeer::CloseConn(const wire::PkiId& pki_id) { CloseStored(pki_id); }

void ModelFabricPeer::Stop() {
  stopping_ = true;
  waiting_.clear();
  for (const auto& [pki_id, link] : std::exchange(store_, {})) link->Close();
}

}  // namespace grapevine::simulation

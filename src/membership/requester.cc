#include "membership/requester.h"

#include <utility>

#include "membership/disclosure.h"

namespace grapevine::membership {
namespace {

wire::Envelope Request(const wire::Envelope& self_information, std::uint64_t nonce) {
  return wire::UnsignedEnvelope(wire::NewMessage(wire::MembershipRequest{self_information}, {}, nonce));
}

}  // namespace

Requester::Requester(const base::Environment& environment, comm::Comm& comm, const MembershipConfig& config,
                     const gossip::Peer& self, OwnAlive& own)
    : environment_(environment),
      comm_(comm),
      config_(config),
      self_(self),
      own_(own),
      signing_failed_(environment.metrics.GetCounter("gossip_membership_requests_not_signed",
                                                     "Membership requests given up for want of a signature.")) {}

void Requester::Ask(const std::vector<gossip::Peer>& peers, News news) {
  std::vector<comm::RemotePeer> own_organization;
  std::vector<comm::RemotePeer> others;
  for (const gossip::Peer& peer : peers) {
    const Disclosure disclosure = Disclose(self_.organization, self_, peer);
    if (disclosure == Disclosure::kEverything) own_organization.push_back(peer.remote());
    if (disclosure == Disclosure::kWithoutSecret) others.push_back(peer.remote());
  }
  if (own_organization.empty() && others.empty()) return;
  auto send = lifetime_.Guard([this, own_organization = std::move(own_organization),
                               others = std::move(others)](const base::Result<wire::Envelope>& self) {
    if (!self) return signing_failed_.Add();
    if (!own_organization.empty()) comm_.Send(Request(*self, 0), own_organization);
    if (!others.empty()) comm_.Send(Request(self->WithoutSecret(), 0), others);
  });
  news == News::kFresh ? own_.Sign(std::move(send)) : own_.Current(std::move(send));
}

base::Handle Requester::Introduce(const comm::ConnectionInfo& remote, const base::Endpoint& endpoint,
                                  std::move_only_function<void(bool answered)> done) {
  const std::uint64_t nonce = environment_.random.Next();
  introductions_[nonce] = {remote.pki_id,
                           environment_.executor.After(config_.response_wait, [this, nonce] { Finish(nonce, false); }),
                           std::move(done)};
  const bool own_organization = !self_.organization.empty() && remote.organization == self_.organization;
  own_.Sign(lifetime_.Guard([this, nonce, own_organization, peer = comm::RemotePeer{endpoint, remote.pki_id}](
                                const base::Result<wire::Envelope>& self) {
    if (!introductions_.contains(nonce)) return;  // withdrawn
    if (!self) return signing_failed_.Add();
    comm_.Send(Request(own_organization ? *self : self->WithoutSecret(), nonce), {peer});
  }));
  return base::Handle([this, alive = lifetime_.Watch(), nonce] {
    if (!alive.expired()) introductions_.erase(nonce);
  });
}

void Requester::Answered(std::uint64_t nonce, const wire::PkiId& from) {
  const auto found = introductions_.find(nonce);
  if (found != introductions_.end() && found->second.remote == from) Finish(nonce, true);
}

void Requester::Finish(std::uint64_t nonce, bool answered) {
  auto introduction = introductions_.extract(nonce);
  introduction.mapped().done(answered);
}

}  // namespace grapevine::membership

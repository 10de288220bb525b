#include "membership/disclosure.h"

namespace grapevine::membership {

Disclosure Disclose(const std::string& own_organization, const gossip::Peer& origin, const gossip::Peer& remote) {
  const bool anyone_unknown = own_organization.empty() || origin.organization.empty() || remote.organization.empty();
  if (anyone_unknown) return Disclosure::kNothing;
  if (remote.organization == own_organization) {
    return origin.organization == own_organization ? Disclosure::kEverything : Disclosure::kNothing;
  }
  if (origin.organization == remote.organization) return Disclosure::kWithoutSecret;
  if (origin.organization != own_organization) return Disclosure::kNothing;
  return origin.has_external_endpoint() && remote.has_external_endpoint() ? Disclosure::kWithoutSecret
                                                                          : Disclosure::kNothing;
}

}  // namespace grapevine::membership

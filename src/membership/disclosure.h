// What one organisation may learn of another's members (specification 10.9). Pure functions.
#pragma once

#include "gossip/peer_view.h"

namespace grapevine::membership {

enum class Disclosure {
  kNothing,
  kWithoutSecret,  // the alive message without the internal endpoint
  kEverything,
};

// May the alive message of `origin` be shown to `remote` by a peer of `own_organization`? Peers of unknown organisation
// see nothing, and nothing of theirs is shown (D-17).
Disclosure Disclose(const std::string& own_organization, const gossip::Peer& origin, const gossip::Peer& remote);

}  // namespace grapevine::membership

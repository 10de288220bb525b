// What a running peer says of itself, as JSON: for the admin socket.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/peer.h"

namespace grapevine::app {

// As admin_protocol.h has them. The peer is in `channel`.
nlohmann::json DescribePeer(runtime::Peer& peer);
nlohmann::json DescribeChannel(runtime::Peer& peer, const std::string& channel);
// Everybody, or without others than those in `channel` if that is not empty. The peer itself comes first.
nlohmann::json DescribePeers(runtime::Peer& peer, const std::string& channel);

// kNotFound, with the channels that the peer is in.
base::Error NotInChannel(const runtime::Peer& peer, const std::string& channel);

// With padding, as Fabric's command line shows hashes.
std::string Base64(base::ByteView bytes);

}  // namespace grapevine::app

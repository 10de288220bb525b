// What the command line and a running node say to each other over the node's admin socket: unary calls
// /grapevine.Admin/NAME. Requests and responses are JSON, except that Join takes and Fetch gives a serialised block.
// Errors are gRPC statuses whose message is for people.
#pragma once

namespace grapevine::app {

// {} -> {"version", "pid", "id", "mspId", "pkiId", "endpoint", "externalEndpoint", "tls", "certificateExpires",
//        "dataFolder", "alive", "dead", "channels": [as GetInfo]}
inline constexpr const char* kAdminStatus = "/grapevine.Admin/Status";
// {} -> {"channels": ["mychannel", ...]}
inline constexpr const char* kAdminChannels = "/grapevine.Admin/Channels";
// {"channel"} -> {"channel", "height", "currentBlockHash", "previousBlockHash" (base64, as Fabric has them), "leader",
//                 "leaderPkiId", "delivery", "stateTransfer", "trouble"}
inline constexpr const char* kAdminGetInfo = "/grapevine.Admin/GetInfo";
// serialised common.Block -> {"channel", "height"}
inline constexpr const char* kAdminJoin = "/grapevine.Admin/Join";
// {"channel"} -> {}
inline constexpr const char* kAdminLeave = "/grapevine.Admin/Leave";
// {"channel", "position": "oldest", "newest", "config" or a number} -> serialised common.Block
inline constexpr const char* kAdminFetch = "/grapevine.Admin/Fetch";
// {"channel": optional} -> {"peers": [{"pkiId", "mspId", "endpoint", "externalEndpoint", "alive", "self",
//                           "channels": [{"channel", "height", "leader"}]}]}
inline constexpr const char* kAdminPeers = "/grapevine.Admin/Peers";

}  // namespace grapevine::app

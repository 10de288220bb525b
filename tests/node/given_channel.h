// The channel of the tests of nodes.
#pragma once

namespace grapevine::node {

inline constexpr char kChannel[] = "mychannel";

}  // namespace grapevine::node

// The channel of the tests of delivery.
#pragma once

namespace grapevine::delivery {

inline constexpr char kChannel[] = "mychannel";

}  // namespace grapevine::delivery

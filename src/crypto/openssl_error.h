// OpenSSL's per-thread error queue, emptied after every failure so that no later caller finds an old error.
#pragma once

#include <string>

namespace grapevine::crypto {

// The oldest queued error as text ("unknown reason" if there is none); empties the queue.
std::string TakeOpenSslError();

}  // namespace grapevine::crypto

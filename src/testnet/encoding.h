// Protobuf encoding that is the same in every run.
#pragma once

#include <string>

namespace google::protobuf {
class MessageLite;
}

namespace grapevine::testnet {

// Serialised with the entries of maps in order of their keys.
std::string Encode(const google::protobuf::MessageLite& message);

}  // namespace grapevine::testnet

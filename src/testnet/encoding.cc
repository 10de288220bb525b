#include "testnet/encoding.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>

namespace grapevine::testnet {

std::string Encode(const google::protobuf::MessageLite& message) {
  std::string encoded;
  google::protobuf::io::StringOutputStream output(&encoded);
  google::protobuf::io::CodedOutputStream coded(&output);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return encoded;
}

}  // namespace grapevine::testnet

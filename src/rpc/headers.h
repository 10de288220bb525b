// gRPC's header fields: metadata, deadlines, and the fields of one received header block.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/transport.h"

namespace grapevine::rpc {

// Standard base64 without padding, as gRPC sends binary metadata.
std::string EncodeBase64(base::ByteView bytes);
// With or without padding; nullopt when it is not base64.
std::optional<std::string> DecodeBase64(base::ByteView text);

// `grpc-timeout`: at most eight digits and a unit. Rounded up to the unit.
std::string EncodeTimeout(base::Duration timeout);
std::optional<base::Duration> DecodeTimeout(base::ByteView text);

// Whether `key` may be sent as metadata: lower case letters, digits, '_', '-', '.'; not HTTP's or gRPC's own.
bool IsMetadataKey(base::ByteView key);
// The value as it stands on the wire: base64 for keys that end in "-bin"; nullopt when an ASCII value is not printable.
std::optional<std::string> EncodeMetadataValue(base::ByteView key, base::ByteView value);

// The fields of one received header block, sorted into what the protocol needs and metadata.
class HeaderBlock {
 public:
  explicit HeaderBlock(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  // Beyond max_bytes fields are dropped and `too_large` is set.
  void Add(base::ByteView name, base::ByteView value);

  bool too_large = false;
  int http_status = 0;  // 0: none
  std::string method;
  std::string path;
  std::string content_type;
  std::string timeout;
  std::optional<std::string> grpc_status;
  std::string grpc_message;
  std::string grpc_details;  // decoded
  base::Metadata metadata;

  bool is_grpc() const;

 private:
  void AddMetadata(base::ByteView name, base::ByteView value);

  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
};

}  // namespace grapevine::rpc

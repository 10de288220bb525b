// From what HTTP/2 and HTTP say to gRPC's status codes, as gRPC's protocol document maps them.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace grapevine::rpc {

// Status of a stream that the remote reset with an HTTP/2 error code.
base::Status StatusOfReset(std::uint32_t http2_error);
// Status of an answer without `grpc-status`, by its `:status`.
base::Status StatusOfHttp(int http_status);
// `grpc-status` and what belongs to it. A code that gRPC does not know becomes kUnknown.
base::Status StatusOfTrailers(base::ByteView code, base::ByteView message, base::ByteView details);

// `grpc-message` on the wire: everything but printable ASCII, and '%', as %XX. Decoding never fails: what is not an
// escape stays.
std::string PercentEncode(base::ByteView text);
std::string PercentDecode(base::ByteView text);

}  // namespace grapevine::rpc

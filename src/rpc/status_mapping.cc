#include "rpc/status_mapping.h"

#include <fmt/core.h>
#include <nghttp2/nghttp2.h>

#include <charconv>

namespace grapevine::rpc {

using base::ByteView;
using base::Status;
using base::StatusCode;

namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Status StatusOfReset(std::uint32_t http2_error) {
  StatusCode code = StatusCode::kInternal;
  switch (http2_error) {
    case NGHTTP2_REFUSED_STREAM:
      code = StatusCode::kUnavailable;
      break;
    case NGHTTP2_CANCEL:
      code = StatusCode::kCancelled;
      break;
    case NGHTTP2_ENHANCE_YOUR_CALM:
      code = StatusCode::kResourceExhausted;
      break;
    case NGHTTP2_INADEQUATE_SECURITY:
      code = StatusCode::kPermissionDenied;
      break;
    default:
      break;
  }
  return {
      .code = code,
      .message = fmt::format("stream ended by RST_STREAM with HTTP/2 error {}", nghttp2_http2_strerror(http2_error)),
      .details = {}};
}

Status StatusOfHttp(int http_status) {
  StatusCode code = StatusCode::kUnknown;
  switch (http_status) {
    case 400:
      code = StatusCode::kInternal;
      break;
    case 401:
      code = StatusCode::kUnauthenticated;
      break;
    case 403:
      code = StatusCode::kPermissionDenied;
      break;
    case 404:
      code = StatusCode::kUnimplemented;
      break;
    case 429:
    case 502:
    case 503:
    case 504:
      code = StatusCode::kUnavailable;
      break;
    default:
      break;
  }
  return {
      .code = code, .message = fmt::format("answer without grpc-status, HTTP status {}", http_status), .details = {}};
}

Status StatusOfTrailers(ByteView code, ByteView message, ByteView details) {
  int value = -1;
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), value);
  const bool known = error == std::errc() && end == code.data() + code.size() && value >= 0 &&
                     value <= static_cast<int>(StatusCode::kUnauthenticated);
  if (!known) {
    return {.code = StatusCode::kUnknown,
            .message = fmt::format("unknown grpc-status '{}': {}", PercentEncode(code), PercentDecode(message)),
            .details = std::string(details)};
  }
  return {.code = static_cast<StatusCode>(value), .message = PercentDecode(message), .details = std::string(details)};
}

std::string PercentEncode(ByteView text) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string PercentDecode(ByteView text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    decoded += text[i];
  }
  return decoded;
}

}  // namespace grapevine::rpc

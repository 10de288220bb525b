// HTTP/2 frames written and read by hand, for tests that send what no library would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grapevine::rpc {

enum FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

enum FrameFlag : std::uint8_t { kNoFlags = 0, kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8 };

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

using HeaderFields = std::vector<std::pair<std::string, std::string>>;

std::string Encode(const Frame& frame);
// Removes complete frames from the front of `input`.
std::vector<Frame> TakeFrames(std::string& input);

// Big-endian, for payloads.
std::string Number(std::uint32_t value);
// HPACK without tables or Huffman codes.
std::string HeaderBlockOf(const HeaderFields& fields);
// The request headers of a gRPC call of `path`, and `more` behind them.
HeaderFields Request(std::string_view path, const HeaderFields& more = {});
// A gRPC message with its prefix.
std::string Message(std::string_view content, char flags = 0);

// Preface and empty SETTINGS: what an honest client starts with.
std::string Hello();
// HEADERS that open `stream` with a call of `path`.
std::string OpenStream(std::uint32_t stream, std::string_view path);

}  // namespace grapevine::rpc

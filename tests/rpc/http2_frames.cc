#include "rpc/http2_frames.h"

namespace grapevine::rpc {

namespace {

std::uint32_t ReadNumber(std::string_view bytes) {
  std::uint32_t value = 0;
  for (char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

// An HPACK integer with a prefix of 7 bits.
std::string Length(std::size_t length) {
  std::string out;
  if (length < 127) return std::string(1, static_cast<char>(length));
  out += static_cast<char>(127);
  for (length -= 127; length >= 128; length >>= 7) out += static_cast<char>(0x80 | (length & 0x7F));
  return out + static_cast<char>(length);
}

}  // namespace

std::string Number(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string Encode(const Frame& frame) {
  std::string out = Number(static_cast<std::uint32_t>(frame.payload.size())).substr(1);
  out += static_cast<char>(frame.type);
  out += static_cast<char>(frame.flags);
  return out + Number(frame.stream) + frame.payload;
}

std::vector<Frame> TakeFrames(std::string& input) {
  std::vector<Frame> frames;
  std::size_t at = 0;
  while (input.size() - at >= 9) {
    std::string_view rest = std::string_view(input).substr(at);
    std::size_t length = ReadNumber(rest.substr(0, 3));
    if (rest.size() < 9 + length) break;
    frames.push_back({static_cast<std::uint8_t>(rest[3]), static_cast<std::uint8_t>(rest[4]),
                      ReadNumber(rest.substr(5, 4)), std::string(rest.substr(9, length))});
    at += 9 + length;
  }
  input.erase(0, at);
  return frames;
}

std::string HeaderBlockOf(const HeaderFields& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\0';
    block += Length(name.size()) + name + Length(value.size()) + value;
  }
  return block;
}

HeaderFields Request(std::string_view path, const HeaderFields& more) {
  HeaderFields fields = {{":method", "POST"},    {":scheme", "http"}, {":path", std::string(path)},
                         {":authority", "test"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

std::string Message(std::string_view content, char flags) {
  return std::string(1, flags) + Number(static_cast<std::uint32_t>(content.size())) + std::string(content);
}

std::string Hello() { return std::string(kPreface) + Encode({kSettings, kNoFlags, 0, ""}); }

std::string OpenStream(std::uint32_t stream, std::string_view path) {
  return Encode({kHeaders, kEndHeaders, stream, HeaderBlockOf(Request(path))});
}

}  // namespace grapevine::rpc

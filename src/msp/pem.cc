#include "msp/pem.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace grapevine::msp {
namespace {

constexpr base::ByteView kBegin = "-----BEGIN ";
constexpr base::ByteView kEnd = "-----END ";
constexpr base::ByteView kDashes = "-----";
constexpr base::ByteView kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kColumns = 64;
constexpr std::uint8_t kNoSymbol = 0xff;

// Symbol -> its six bits.
constexpr std::array<std::uint8_t, 256> kSymbolValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoSymbol);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

// Takes a line off `text`, without its line break and the blanks at its end.
base::ByteView TakeLine(base::ByteView& text) {
  const std::size_t end = text.find('\n');
  base::ByteView line = text.substr(0, end);
  text.remove_prefix(end == base::ByteView::npos ? text.size() : end + 1);
  if (end != base::ByteView::npos && line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t last = line.find_last_not_of(" \t");
  return line.substr(0, last == base::ByteView::npos ? 0 : last + 1);
}

// RFC 4648 with padding; blanks and line breaks do not count.
std::optional<std::string> DecodeBase64(base::ByteView text) {
  std::string symbols;
  for (const char c : text) {
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') symbols += c;
  }
  if (symbols.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && symbols.ends_with('=')) {
    symbols.pop_back();
    ++padding;
  }
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : symbols) {
    const std::uint8_t value = kSymbolValues[static_cast<unsigned char>(c)];
    if (value == kNoSymbol) return std::nullopt;
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  return bytes;
}

std::string EncodeBase64(base::ByteView bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const base::ByteView group = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (j < group.size() ? static_cast<unsigned char>(group[j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) text += j <= group.size() ? kAlphabet[bits >> (18 - 6 * j) & 0x3f] : '=';
  }
  return text;
}

// Behind the BEGIN line of a block of `type`. Nothing if the block is broken.
std::optional<PemBlock> DecodeBody(base::ByteView type, base::ByteView text) {
  base::ByteView body = text;
  for (base::ByteView next = body; !body.empty(); body = next) {
    if (TakeLine(next).find(':') == base::ByteView::npos) break;  // not a header
  }
  std::size_t end = 0;  // of the encoded content; the END line begins there
  if (!body.starts_with(kEnd)) {
    end = body.find("\n-----END ");
    if (end == base::ByteView::npos) return std::nullopt;
    ++end;
  }
  base::ByteView after = body.substr(end + kEnd.size());
  if (!after.starts_with(type)) return std::nullopt;
  after.remove_prefix(type.size());
  if (!after.starts_with(kDashes)) return std::nullopt;
  after.remove_prefix(kDashes.size());
  if (!TakeLine(after).empty()) return std::nullopt;
  auto content = DecodeBase64(body.substr(0, end));
  if (!content) return std::nullopt;
  return PemBlock{std::string(type), std::move(*content), after};
}

}  // namespace

std::optional<PemBlock> DecodePem(base::ByteView text) {
  while (!text.empty()) {
    const base::ByteView line = TakeLine(text);
    if (line.size() < kBegin.size() + kDashes.size() || !line.starts_with(kBegin) || !line.ends_with(kDashes)) continue;
    const base::ByteView type = line.substr(kBegin.size(), line.size() - kBegin.size() - kDashes.size());
    if (auto block = DecodeBody(type, text)) return block;
  }
  return std::nullopt;
}

std::string EncodePem(base::ByteView type, base::ByteView content) {
  const std::string encoded = EncodeBase64(content);
  std::string pem = std::string(kBegin).append(type).append(kDashes) + "\n";
  for (std::size_t i = 0; i < encoded.size(); i += kColumns) pem += encoded.substr(i, kColumns) + "\n";
  return pem.append(kEnd).append(type).append(kDashes) + "\n";
}

}  // namespace grapevine::msp

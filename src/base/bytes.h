// Immutable, reference-counted bytes.
//
// An envelope is received once, verified once and forwarded to many peers: every holder shares one buffer
// (design principle "bytes are signed, so bytes are kept").
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace grapevine::base {

// Borrowed bytes. The owner must outlive the view.
using ByteView = std::string_view;

// A slice of an immutable buffer. Copying shares the buffer; the buffer lives as long as any slice of it.
// Safe to copy and read from any thread.
class Bytes {
 public:
  Bytes() = default;
  // Takes the content over without copying it.
  explicit Bytes(std::string content)
      : owner_(std::make_shared<const std::string>(std::move(content))), view_(*owner_) {}

  static Bytes Copy(ByteView content) { return Bytes(std::string(content)); }

  ByteView view() const { return view_; }
  operator ByteView() const { return view_; }  // NOLINT: a Bytes is readable wherever a view is expected
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  const char* data() const { return view_.data(); }
  std::string ToString() const { return std::string(view_); }

  // The part [offset, offset + length) of this slice, sharing the buffer. Precondition: it lies within size().
  Bytes Slice(std::size_t offset, std::size_t length) const { return Bytes(owner_, view_.substr(offset, length)); }
  // `part` must lie inside this slice (a field found by a parser); shares the buffer.
  Bytes Slice(ByteView part) const { return part.empty() ? Bytes() : Bytes(owner_, part); }

  // Whether this slice is its whole buffer, so that keeping it keeps nothing else in memory.
  bool is_whole_buffer() const { return owner_ == nullptr || view_.size() == owner_->size(); }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view_ == b.view_; }
  friend auto operator<=>(const Bytes& a, const Bytes& b) { return a.view_ <=> b.view_; }

 private:
  Bytes(std::shared_ptr<const std::string> owner, ByteView view) : owner_(std::move(owner)), view_(view) {}

  std::shared_ptr<const std::string> owner_;
  ByteView view_;
};

// The first eight bytes as a little-endian number, on every machine; missing bytes are zero.
inline std::uint64_t FirstWord(ByteView bytes) {
  std::uint64_t word = 0;
  const std::size_t size = bytes.size() < sizeof word ? bytes.size() : sizeof word;
  if (size > 0) std::memcpy(&word, bytes.data(), size);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

// Lower-case hexadecimal.
std::string ToHex(ByteView bytes);
// Accepts upper and lower case; an odd length or another character is an error.
Result<std::string> FromHex(ByteView hex);

}  // namespace grapevine::base

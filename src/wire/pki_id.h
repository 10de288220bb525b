// PKI-ID: the 32-byte name of an identity, SHA-256(MSP id || identity bytes) (specification 03, section 1.2).
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace grapevine::wire {

// A value; compares byte-wise and unsigned, as the rule for crossing connections wants it (02, 14.2 R5).
class PkiId {
 public:
  static constexpr std::size_t kSize = 32;

  PkiId() = default;  // all zero: no identity has it
  // Nothing if `bytes` does not have 32 bytes: no identity can have such a PKI-ID.
  static std::optional<PkiId> From(base::ByteView bytes) {
    if (bytes.size() != kSize) return std::nullopt;
    PkiId id;
    std::memcpy(id.bytes_.data(), bytes.data(), kSize);
    return id;
  }

  base::ByteView view() const { return {reinterpret_cast<const char*>(bytes_.data()), kSize}; }
  std::string ToHex() const { return base::ToHex(view()); }
  // The first 8 hexadecimal digits, for logs and tables.
  std::string Short() const { return base::ToHex(view().substr(0, 4)); }

  friend bool operator==(const PkiId& a, const PkiId& b) {
    return a.prefix() == b.prefix() && std::memcmp(a.bytes_.data(), b.bytes_.data(), kSize) == 0;
  }
  // The first eight bytes decide nearly always; maps by PKI-ID are asked several times for each message.
  friend std::strong_ordering operator<=>(const PkiId& a, const PkiId& b) {
    if (const auto first = a.prefix() <=> b.prefix(); first != std::strong_ordering::equal) return first;
    return std::memcmp(a.bytes_.data(), b.bytes_.data(), kSize) <=> 0;
  }

 private:
  std::uint64_t prefix() const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes_.data(), sizeof value);
    if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
    return value;
  }

  std::array<unsigned char, kSize> bytes_{};
};

}  // namespace grapevine::wire

template <>
struct std::hash<grapevine::wire::PkiId> {
  std::size_t operator()(const grapevine::wire::PkiId& id) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, id.view().data(), sizeof value);
    return value;
  }
};

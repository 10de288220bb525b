// Digests of messages, blocks and identities.
//
// Pure functions of their input; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace grapevine::crypto {

// A 256-bit digest; a value.
class Digest {
 public:
  static constexpr std::size_t kSize = 32;

  Digest() = default;

  base::ByteView view() const { return {reinterpret_cast<const char*>(bytes_.data()), kSize}; }
  std::string ToString() const { return std::string(view()); }
  std::string ToHex() const { return base::ToHex(view()); }
  unsigned char* data() { return bytes_.data(); }

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  std::array<unsigned char, kSize> bytes_{};
};

// The two families that a channel or an MSP may choose (03, 5 and 8.3).
enum class HashAlgorithm { kSha256, kSha3_256 };

// Digest of the concatenation of `parts`.
Digest Hash(HashAlgorithm algorithm, std::initializer_list<base::ByteView> parts);

inline Digest Sha256(base::ByteView content) { return Hash(HashAlgorithm::kSha256, {content}); }
inline Digest Sha256(std::initializer_list<base::ByteView> parts) { return Hash(HashAlgorithm::kSha256, parts); }
inline Digest Sha3_256(base::ByteView content) { return Hash(HashAlgorithm::kSha3_256, {content}); }

// Hashes content that arrives in pieces. Movable, not shared between threads.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm = HashAlgorithm::kSha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void Update(base::ByteView content);
  // Ends the digest; the next Update begins a new one.
  Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace grapevine::crypto

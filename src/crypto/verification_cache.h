// Remembers which signatures were verified, so that the hundredth copy of a message costs a hash only.
//
// Holds verdicts on (key, signature, message) and nothing else: whether an identity is valid or a policy satisfied
// changes with the configuration and is never cached here. One executor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "crypto/keys.h"

namespace grapevine::crypto {

class VerificationCache {
 public:
  // Names one verification. Covers the key itself, the hash function and the boundaries between the parts.
  static Digest KeyOf(const PublicKey& key, base::ByteView signature, base::ByteView message,
                      HashAlgorithm hash = HashAlgorithm::kSha256);

  // Remembers up to `capacity` verdicts, the longest unused are forgotten; 0 switches the cache off.
  explicit VerificationCache(std::size_t capacity) : capacity_(capacity) {}

  // The verdict, if known; counts a hit or a miss.
  std::optional<bool> Find(const Digest& verification);
  void Store(const Digest& verification, bool valid);

  std::size_t size() const { return entries_.size(); }
  std::uint64_t hits() const { return hits_; }
  std::uint64_t misses() const { return misses_; }

 private:
  struct Entry {
    bool valid;
    std::list<const Digest*>::iterator use;
  };
  // Seeded: who chooses messages must not choose their places in the table.
  class SeededHash {
   public:
    SeededHash();
    std::size_t operator()(const Digest& digest) const;

   private:
    std::uint64_t seed_;
  };

  std::size_t capacity_;
  std::unordered_map<Digest, Entry, SeededHash> entries_;  // looked up only
  std::list<const Digest*> by_use_;                        // the longest unused first; points to the keys of entries_
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace grapevine::crypto

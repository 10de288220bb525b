#include "crypto/verification_cache.h"

#include <array>
#include <random>

namespace grapevine::crypto {

Digest VerificationCache::KeyOf(const PublicKey& key, base::ByteView signature, base::ByteView message,
                                HashAlgorithm hash) {
  const char hash_name = hash == HashAlgorithm::kSha256 ? '2' : '3';
  std::array<char, sizeof(std::uint64_t)> length{};  // where the signature ends
  for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<char>(signature.size() >> (8 * i));
  return Sha256({{&hash_name, 1}, key.spki_digest().view(), {length.data(), length.size()}, signature, message});
}

VerificationCache::SeededHash::SeededHash() : seed_(std::uint64_t{std::random_device()()} << 32 | 1) {}

std::size_t VerificationCache::SeededHash::operator()(const Digest& digest) const {
  // Each product depends on all lower bits, each shift brings the upper half down.
  std::uint64_t value = base::FirstWord(digest.view()) * seed_;
  value = (value ^ value >> 32) * seed_;
  return value ^ value >> 32;
}

std::optional<bool> VerificationCache::Find(const Digest& verification) {
  const auto found = entries_.find(verification);
  if (found == entries_.end()) {
    ++misses_;
    return std::nullopt;
  }
  ++hits_;
  by_use_.splice(by_use_.end(), by_use_, found->second.use);
  return found->second.valid;
}

void VerificationCache::Store(const Digest& verification, bool valid) {
  if (capacity_ == 0) return;
  const auto [entry, added] = entries_.try_emplace(verification, Entry{valid, by_use_.end()});
  if (!added) {
    entry->second.valid = valid;
    by_use_.splice(by_use_.end(), by_use_, entry->second.use);
    return;
  }
  entry->second.use = by_use_.insert(by_use_.end(), &entry->first);
  if (entries_.size() > capacity_) {
    const Digest* oldest = by_use_.front();
    by_use_.pop_front();
    entries_.erase(entries_.find(*oldest));
  }
}

}  // namespace grapevine::crypto

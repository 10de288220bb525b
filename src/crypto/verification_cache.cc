#include "crypto/verification_cache.h"

namespace grapevine::crypto {

Digest VerificationCache::KeyOf(const PublicKey& key, base::ByteView signature, base::ByteView message,
                                HashAlgorithm hash) {
  const Digest message_digest = Sha256(message);
  const Digest signature_digest = Sha256(signature);
  const Digest key_digest = Sha256(key.spki_der());
  const char hash_name = hash == HashAlgorithm::kSha256 ? '2' : '3';
  return Sha256({{&hash_name, 1}, key_digest.view(), signature_digest.view(), message_digest.view()});
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

// P-256 keys of test networks: derived from a seed and signing deterministically, so that equal seeds give equal
// networks, signatures included.
//
// For tests and benchmarks only: whoever knows the seed knows the keys, and the arithmetic is not constant in time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace grapevine::testnet {

// An immutable value; copies share the key. Any thread.
class EcKey {
 public:
  // Equal arguments give equal keys, different labels unrelated ones.
  static EcKey Derive(std::uint64_t seed, std::string_view label);
  // The key of a given private scalar, 32 bytes big-endian. Precondition: in [1, order of the curve).
  static EcKey FromScalar(base::ByteView scalar);

  // ECDSA with SHA-256 over `message` in DER; the nonce is RFC 6979's, s the lower of the two (03, 5).
  std::string Sign(base::ByteView message) const;

  // 04 || X || Y.
  const std::string& point() const;
  // SHA-256 of the point: Fabric's subject key identifier (03, 4.1).
  std::string Ski() const;
  // DER of the SubjectPublicKeyInfo.
  std::string SpkiDer() const;
  // PEM block PRIVATE KEY (PKCS#8).
  std::string PrivatePem() const;

 private:
  struct Data;
  explicit EcKey(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

}  // namespace grapevine::testnet

#include "testnet/ec_key.h"

#include <fmt/core.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <cstddef>

#include "crypto/der.h"
#include "crypto/hash.h"
#include "testnet/der.h"

namespace grapevine::testnet {
namespace {

constexpr int kBytes = 32;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Context = std::unique_ptr<BN_CTX, Free<BN_CTX_free>>;
using Group = std::unique_ptr<EC_GROUP, Free<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Free<EC_POINT_free>>;

Number ToNumber(base::ByteView bytes) {
  return Number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
}

std::string ToBytes(const BIGNUM* number) {
  std::string bytes(kBytes, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), kBytes);
  return bytes;
}

const EC_GROUP* Curve() {
  static const Group curve(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  return curve.get();
}

const BIGNUM* Order() { return EC_GROUP_get0_order(Curve()); }

bool IsScalar(const BIGNUM* number) { return !BN_is_zero(number) && BN_cmp(number, Order()) < 0; }

std::string HmacSha256(base::ByteView key, std::initializer_list<base::ByteView> parts) {
  constexpr std::size_t kBlock = 64;
  std::string inner(kBlock, '\x36');
  std::string outer(kBlock, '\x5c');
  for (std::size_t i = 0; i < key.size(); ++i) {
    inner[i] = static_cast<char>(inner[i] ^ key[i]);
    outer[i] = static_cast<char>(outer[i] ^ key[i]);
  }
  for (const base::ByteView part : parts) inner += part;
  return crypto::Sha256({outer, crypto::Sha256(inner).view()}).ToString();
}

// The sequence of candidates for the nonce (RFC 6979, section 3.2).
class Nonces {
 public:
  Nonces(base::ByteView scalar, base::ByteView digest) : key_(kBytes, '\x00'), value_(kBytes, '\x01') {
    for (const char step : {'\x00', '\x01'}) Mix(step, scalar, digest);
  }
  Number Next() {
    for (;; Mix('\x00', {}, {})) {
      value_ = HmacSha256(key_, {value_});
      Number candidate = ToNumber(value_);
      if (IsScalar(candidate.get())) return candidate;
    }
  }

 private:
  void Mix(char step, base::ByteView scalar, base::ByteView digest) {
    key_ = HmacSha256(key_, {value_, base::ByteView(&step, 1), scalar, digest});
    value_ = HmacSha256(key_, {value_});
  }

  std::string key_;
  std::string value_;
};

// id-ecPublicKey with prime256v1.
std::string KeyAlgorithm() {
  return DerSequenceOf(
      {DerObjectIdentifier("\x2a\x86\x48\xce\x3d\x02\x01"), DerObjectIdentifier("\x2a\x86\x48\xce\x3d\x03\x01\x07")});
}

}  // namespace

struct EcKey::Data {
  Number scalar;
  std::string point;
};

EcKey EcKey::FromScalar(base::ByteView scalar) {
  auto data = std::make_shared<Data>();
  data->scalar = ToNumber(scalar);
  const Point point(EC_POINT_new(Curve()));
  EC_POINT_mul(Curve(), point.get(), data->scalar.get(), nullptr, nullptr, nullptr);
  data->point.resize(1 + 2 * kBytes);
  EC_POINT_point2oct(Curve(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                     reinterpret_cast<unsigned char*>(data->point.data()), data->point.size(), nullptr);
  return EcKey(std::move(data));
}

EcKey EcKey::Derive(std::uint64_t seed, std::string_view label) {
  for (int attempt = 0;; ++attempt) {
    const crypto::Digest candidate = crypto::Sha256(fmt::format("testnet key {} {} {}", seed, attempt, label));
    if (IsScalar(ToNumber(candidate.view()).get())) return FromScalar(candidate.view());
  }
}

std::string EcKey::Sign(base::ByteView message) const {
  const Context context(BN_CTX_new());
  const Number digest = ToNumber(crypto::Sha256(message).view());
  const Number reduced(BN_new());
  BN_nnmod(reduced.get(), digest.get(), Order(), context.get());
  Nonces nonces(ToBytes(data_->scalar.get()), ToBytes(reduced.get()));
  const Point point(EC_POINT_new(Curve()));
  const Number x(BN_new());
  const Number r(BN_new());
  const Number s(BN_new());
  while (true) {  // r = x of nonce G; s = (digest + r scalar) / nonce; neither may be zero
    const Number nonce = nonces.Next();
    EC_POINT_mul(Curve(), point.get(), nonce.get(), nullptr, nullptr, context.get());
    EC_POINT_get_affine_coordinates(Curve(), point.get(), x.get(), nullptr, context.get());
    BN_nnmod(r.get(), x.get(), Order(), context.get());
    BN_mod_mul(s.get(), r.get(), data_->scalar.get(), Order(), context.get());
    BN_mod_add(s.get(), s.get(), reduced.get(), Order(), context.get());
    const Number inverse(BN_mod_inverse(nullptr, nonce.get(), Order(), context.get()));
    BN_mod_mul(s.get(), s.get(), inverse.get(), Order(), context.get());
    if (!BN_is_zero(r.get()) && !BN_is_zero(s.get())) break;
  }
  const Number negated(BN_new());
  BN_sub(negated.get(), Order(), s.get());
  const BIGNUM* low = BN_cmp(negated.get(), s.get()) < 0 ? negated.get() : s.get();
  return DerSequenceOf({crypto::DerInteger(ToBytes(r.get())), crypto::DerInteger(ToBytes(low))});
}

const std::string& EcKey::point() const { return data_->point; }

std::string EcKey::Ski() const { return crypto::Sha256(data_->point).ToString(); }

std::string EcKey::SpkiDer() const { return DerSequenceOf({KeyAlgorithm(), DerBitString(data_->point)}); }

std::string EcKey::PrivatePem() const {
  const std::string sec1 = DerSequenceOf({crypto::DerInteger(1), crypto::DerOctetString(ToBytes(data_->scalar.get())),
                                          Der(0xa1, DerBitString(data_->point))});
  return Pem("PRIVATE KEY",
             DerSequenceOf({crypto::DerInteger(std::uint64_t{0}), KeyAlgorithm(), crypto::DerOctetString(sec1)}));
}

}  // namespace grapevine::testnet

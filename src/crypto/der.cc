#include "crypto/der.h"

namespace grapevine::crypto {

namespace {

using base::ErrorCode;
using base::Fail;

constexpr char kIntegerTag = 0x02;
constexpr char kOctetStringTag = 0x04;
constexpr char kSequenceTag = 0x30;

std::string Encode(char tag, base::ByteView content) {
  std::string der(1, tag);
  if (content.size() < 0x80) {
    der.push_back(static_cast<char>(content.size()));
  } else {
    std::string length;
    for (std::size_t rest = content.size(); rest != 0; rest >>= 8)
      length.insert(length.begin(), static_cast<char>(rest));
    der.push_back(static_cast<char>(0x80 | length.size()));
    der += length;
  }
  der += content;
  return der;
}

base::ByteView WithoutLeadingZeros(base::ByteView big_endian) {
  const auto first = big_endian.find_first_not_of('\0');
  return first == base::ByteView::npos ? base::ByteView() : big_endian.substr(first);
}

// Takes one element off the front of `input` and returns its content.
base::Result<base::ByteView> TakeElement(base::ByteView& input, char tag) {
  if (input.size() < 2 || input[0] != tag) return Fail(ErrorCode::kInvalid, "not the DER of an ECDSA signature");
  std::size_t header = 2;
  std::size_t length = static_cast<unsigned char>(input[1]);
  if (length >= 0x80) {
    const std::size_t octets = length & 0x7f;
    if (octets == 0 || octets > 4 || input.size() < 2 + octets) {
      return Fail(ErrorCode::kInvalid, "ECDSA signature: bad length of an element");
    }
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = length << 8 | static_cast<unsigned char>(input[2 + i]);
    if (length < 0x80 || input[2] == 0) return Fail(ErrorCode::kInvalid, "ECDSA signature: length not minimal");
    header += octets;
  }
  if (input.size() - header < length) return Fail(ErrorCode::kInvalid, "ECDSA signature: truncated");
  const base::ByteView content = input.substr(header, length);
  input.remove_prefix(header + length);
  return content;
}

base::Result<std::string> TakePositiveInteger(base::ByteView& input, char name) {
  const auto content = TakeElement(input, kIntegerTag);
  if (!content) return std::unexpected(content.error());
  if (content->empty()) return Fail(ErrorCode::kInvalid, "ECDSA signature: {} has no bytes", name);
  const auto first = static_cast<unsigned char>((*content)[0]);
  if (first >= 0x80) return Fail(ErrorCode::kInvalid, "ECDSA signature: {} is negative", name);
  if (first == 0 && content->size() > 1 && static_cast<unsigned char>((*content)[1]) < 0x80) {
    return Fail(ErrorCode::kInvalid, "ECDSA signature: {} is not minimally encoded", name);
  }
  const base::ByteView magnitude = WithoutLeadingZeros(*content);
  if (magnitude.empty()) return Fail(ErrorCode::kInvalid, "ECDSA signature: {} is zero", name);
  return std::string(magnitude);
}

// Orders of the curves, big-endian (FIPS 186-4, D.1.2).
base::ByteView Order(KeyAlgorithm algorithm) {
  static const std::string kOrders[] = {
      *base::FromHex("ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d"),
      *base::FromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
      *base::FromHex(
          "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"),
      *base::FromHex("01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa"
                     "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"),
  };
  return kOrders[static_cast<std::size_t>(algorithm)];
}

// Both without leading zeros.
bool Less(base::ByteView a, base::ByteView b) { return a.size() != b.size() ? a.size() < b.size() : a < b; }

// a - b for a > b, without leading zeros.
std::string Subtract(base::ByteView a, base::ByteView b) {
  std::string difference(a);
  int borrow = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int minuend = static_cast<unsigned char>(a[a.size() - 1 - i]);
    const int subtrahend = i < b.size() ? static_cast<unsigned char>(b[b.size() - 1 - i]) : 0;
    int digit = minuend - subtrahend - borrow;
    borrow = digit < 0 ? 1 : 0;
    if (digit < 0) digit += 256;
    difference[a.size() - 1 - i] = static_cast<char>(digit);
  }
  return std::string(WithoutLeadingZeros(difference));
}

}  // namespace

base::Result<EcdsaSignature> ParseEcdsaSignature(base::ByteView der, TrailingBytes trailing) {
  auto sequence = TakeElement(der, kSequenceTag);
  if (!sequence) return std::unexpected(sequence.error());
  auto r = TakePositiveInteger(*sequence, 'r');
  if (!r) return std::unexpected(r.error());
  auto s = TakePositiveInteger(*sequence, 's');
  if (!s) return std::unexpected(s.error());
  if (trailing == TrailingBytes::kRefused && !(der.empty() && sequence->empty())) {
    return Fail(ErrorCode::kInvalid, "ECDSA signature: {} bytes too many", der.size() + sequence->size());
  }
  return EcdsaSignature{std::move(*r), std::move(*s)};
}

std::string EncodeEcdsaSignature(const EcdsaSignature& signature) {
  return DerSequence(DerInteger(signature.r) + DerInteger(signature.s));
}

std::optional<std::string> LowerS(const std::string& s, KeyAlgorithm algorithm) {
  const base::ByteView order = Order(algorithm);
  if (!Less(s, order)) return std::nullopt;
  std::string other = Subtract(order, s);
  if (Less(other, s)) return other;
  return s;
}

bool IsLowS(const std::string& s, KeyAlgorithm algorithm) { return LowerS(s, algorithm) == s; }

std::string DerInteger(std::uint64_t value) {
  std::string big_endian;
  for (int shift = 56; shift >= 0; shift -= 8) big_endian.push_back(static_cast<char>(value >> shift));
  return DerInteger(base::ByteView(big_endian));
}

std::string DerInteger(base::ByteView big_endian) {
  const base::ByteView magnitude = WithoutLeadingZeros(big_endian);
  const bool sign_byte = magnitude.empty() || static_cast<unsigned char>(magnitude[0]) >= 0x80;
  return Encode(kIntegerTag, std::string(sign_byte ? 1 : 0, '\0').append(magnitude));
}

std::string DerOctetString(base::ByteView content) { return Encode(kOctetStringTag, content); }
std::string DerSequence(base::ByteView content) { return Encode(kSequenceTag, content); }

}  // namespace grapevine::crypto

#include "testnet/der.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>

namespace grapevine::testnet {

std::string Der(unsigned char tag, base::ByteView content) {
  std::string length;
  if (content.size() < 0x80) {
    length.push_back(static_cast<char>(content.size()));
  } else {
    for (std::size_t rest = content.size(); rest > 0; rest >>= 8) length.insert(0, 1, static_cast<char>(rest & 0xff));
    length.insert(0, 1, static_cast<char>(0x80 | length.size()));
  }
  std::string element(1, static_cast<char>(tag));
  element += length;
  element += content;
  return element;
}

std::string DerObjectIdentifier(base::ByteView content) { return Der(0x06, content); }

std::string DerSequenceOf(std::initializer_list<std::string> elements) {
  std::string content;
  for (const std::string& element : elements) content += element;
  return Der(0x30, content);
}

std::string DerBitString(base::ByteView content, unsigned char unused_bits) {
  std::string bits(1, static_cast<char>(unused_bits));
  bits += content;
  return Der(0x03, bits);
}

std::string Pem(std::string_view type, base::ByteView der) {
  constexpr std::size_t kLine = 64;
  std::string base64((der.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), reinterpret_cast<const unsigned char*>(der.data()),
                  static_cast<int>(der.size()));
  base64.pop_back();  // the terminating zero
  std::string pem = fmt::format("-----BEGIN {}-----\n", type);
  for (std::size_t at = 0; at < base64.size(); at += kLine) pem += base64.substr(at, kLine) + "\n";
  return pem + fmt::format("-----END {}-----\n", type);
}

}  // namespace grapevine::testnet

// The DER and PEM forms that certificates need, beyond those of crypto/der.h. Pure functions.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace grapevine::testnet {

// One element: identifier octet, length, content.
std::string Der(unsigned char tag, base::ByteView content);
// `content`: the encoded components.
std::string DerObjectIdentifier(base::ByteView content);
std::string DerSequenceOf(std::initializer_list<std::string> elements);
// `unused_bits` of the last byte do not count.
std::string DerBitString(base::ByteView content, unsigned char unused_bits = 0);

// -----BEGIN `type`-----, base64 in lines of 64, LF (03, 1.1).
std::string Pem(std::string_view type, base::ByteView der);

}  // namespace grapevine::testnet

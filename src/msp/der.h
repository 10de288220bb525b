// Reading distinguished encoding (X.690) where the exact bytes matter. Pure functions.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace grapevine::msp {

inline constexpr unsigned char kDerInteger = 0x02;
inline constexpr unsigned char kDerBitString = 0x03;
inline constexpr unsigned char kDerSequence = 0x30;

struct DerElement {
  unsigned char tag = 0;
  base::ByteView content;
  base::ByteView whole;  // with tag and length
};

// Takes the first element off `input`. Nothing if its length is not definite, minimal and within `input`, or its tag
// takes more than one byte.
std::optional<DerElement> TakeDer(base::ByteView& input);

// Whether `der` is exactly one element whose lengths, integers and booleans are the only ones that DER allows, at every
// level that the tags show.
bool IsStrictDer(base::ByteView der);

std::string EncodeDer(unsigned char tag, base::ByteView content);

}  // namespace grapevine::msp

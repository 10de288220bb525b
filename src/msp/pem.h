// PEM as Go's library reads and writes it: identities are hashed as text, so what is accepted must be the same
// (specification 03, sections 1.1 and 3.3). Pure functions.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace grapevine::msp {

struct PemBlock {
  std::string type;     // "CERTIFICATE" of -----BEGIN CERTIFICATE-----
  std::string content;  // decoded
  base::ByteView rest;  // what follows the line break of the END line; borrows from the input
};

// The first block of `text`; whatever stands in front of it, and broken blocks, are skipped. Header lines are allowed.
std::optional<PemBlock> DecodePem(base::ByteView text);

// 64 columns, line feeds, no headers.
std::string EncodePem(base::ByteView type, base::ByteView content);

}  // namespace grapevine::msp

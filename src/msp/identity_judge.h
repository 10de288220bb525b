// What the MSPs of a node say about an identity (specification 03, sections 1.3, 3.1 and 3.2). Pure functions over an
// immutable configuration: run them on workers.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "msp/channel_config.h"
#include "msp/msp.h"

namespace grapevine::msp {

// Whom a node asks about identities: the MSP of its own organisation first, then its channels in order of name.
struct Deserializers {
  MspPtr local;
  std::map<std::string, ChannelConfigPtr> channels;
};

struct IdentityVerdict {
  std::string organization;            // 1.3: MSP id of whoever can deserialise it, valid or not; empty if nobody can
  base::Result<IdentityPtr> identity;  // 3.2: validated
  std::string channel;                 // that validated it; empty: the local MSP
};

IdentityVerdict JudgeIdentity(const Deserializers& deserializers, base::ByteView serialized);

}  // namespace grapevine::msp

// Blocks of the simulated ordering service: real common.Block messages with a simulated signature.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "simulation/authority.h"

namespace grapevine::simulation {

// MSP id of those whose signature makes a block valid in the simulated world.
inline constexpr char kOrdererMspId[] = "OrdererMSP";

// A serialised common.Block with `previous_hash` as given and `transactions` as data, signed by `orderer`.
base::Bytes MakeBlock(const Authority& authority, base::ByteView orderer, const std::string& channel,
                      std::uint64_t number, base::ByteView previous_hash, const std::vector<std::string>& transactions);

// A transaction that makes its block a configuration block of `channel`; what it configures is up to `content`.
std::string ConfigTransaction(const std::string& channel, const std::string& content);

// 03, 6.3 in the simulated world: number, data hash, and the signature of an identity of
// kOrdererMspId, which covers the channel as well.
base::Result<void> CheckBlock(const Authority& authority, const std::string& channel, std::uint64_t number,
                              base::ByteView block);
// 6.5 in the simulated world: the signature alone; the data may be missing.
base::Result<void> CheckAttestation(const Authority& authority, const std::string& channel, base::ByteView block);

}  // namespace grapevine::simulation

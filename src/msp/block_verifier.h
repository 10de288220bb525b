// Whether a block is genuine: made for this channel and signed as its configuration asks (specification 03, section 6).
//
// Pure functions over immutable configurations: run them on workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/bytes.h"
#include "base/result.h"
#include "msp/channel_config.h"

namespace grapevine::msp {

// Who has signed blocks of a channel so far, deserialised: each certificate is parsed and its chain checked once, not
// for every block. Of one configuration. A value: copies share the identities, and each job has a copy of its own.
class BlockSigners {
 public:
  // As MspManager::Deserialize. Remembers the first kMaxKnown; consenters are fewer.
  base::Result<IdentityPtr> Deserialize(const MspManager& manager, const base::Bytes& identity);

 private:
  static constexpr std::size_t kMaxKnown = 64;

  std::map<base::Bytes, IdentityPtr> known_;
};

// 6.3: `block` is a serialised common.Block that is claimed to be number `number` of the channel of `config`.
// kInvalid: malformed or inconsistent; kDenied: not signed as the policy asks.
base::Result<void> VerifyBlock(const ChannelConfig& config, std::uint64_t number, base::ByteView block);
base::Result<void> VerifyBlock(const ChannelConfig& config, std::uint64_t number, base::ByteView block,
                               BlockSigners& signers);

// 6.5: header and metadata only, for a block without data.
base::Result<void> VerifyBlockAttestation(const ChannelConfig& config, base::ByteView block);
base::Result<void> VerifyBlockAttestation(const ChannelConfig& config, base::ByteView block, BlockSigners& signers);

// Part of 6.3: the element of a block's data is an envelope with payload and signature in its one canonical encoding,
// unknown fields only behind them. Otherwise two peers could hold different bytes for one transaction id.
base::Result<void> CheckTransactionIsWellFormed(base::ByteView envelope);

}  // namespace grapevine::msp

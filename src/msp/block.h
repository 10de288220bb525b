// A block taken apart in place, as the rules about signatures and configurations need it (specification 03, section 6).
//
// Pure functions, any thread. Everything borrows from the serialised block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/hash.h"

namespace grapevine::msp {

// More transactions or metadata items than this are refused: bookkeeping per item must not become an attack.
inline constexpr std::size_t kMaxBlockItems = 1 << 20;

struct BlockHeader {
  std::uint64_t number = 0;
  base::ByteView previous_hash;
  base::ByteView data_hash;

  // DER, what header hashes and signatures cover (6.2).
  std::string Encode() const;
  // The next block's previous_hash.
  crypto::Digest Hash() const;
};

struct BlockView {
  bool has_header = false;
  BlockHeader header;
  std::vector<base::ByteView> transactions;  // each a serialised common.Envelope
  std::vector<base::ByteView> metadata;      // slot 0: signatures, 1: last configuration (old)

  // Of all transactions without separators (6.2).
  crypto::Digest DataHash() const;
};

// Decodes a serialised common.Block; presence of its parts is judged by the rules that need them.
base::Result<BlockView> ParseBlock(base::ByteView serialized);

// What a transaction's headers say.
struct TransactionInfo {
  std::int32_t type = 0;  // common.HeaderType
  std::string channel_id;
  std::string id;  // configuration transactions may have none
};

// Envelope -> payload -> channel header. kInvalid names the part that is missing or malformed.
base::Result<TransactionInfo> InspectTransaction(base::ByteView envelope);
// The data of a transaction's payload.
base::Result<base::ByteView> TransactionData(base::ByteView envelope);

// 8.1: exactly one transaction, of type CONFIG.
bool IsConfigBlock(const BlockView& block);

// The number of the configuration that was in force when the block was made, as its orderer states it: in slot 0, or in
// slot 1 (orderers before 1.4.1) (6.4).
base::Result<std::uint64_t> LastConfigIndex(const BlockView& block);

// A common.Metadata, slot 0 of the metadata.
struct BlockMetadata {
  struct Signature {
    base::ByteView signature_header;
    base::ByteView signature;
    base::ByteView identifier_header;
  };
  base::ByteView value;
  std::vector<Signature> signatures;
};
base::Result<BlockMetadata> ParseBlockMetadata(base::ByteView serialized);

}  // namespace grapevine::msp

// A block taken apart in place, and its two serialised forms: common.Block of the network and the record of block files
// (specification 23, section 2; 03, section 6).
//
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/hash.h"

namespace grapevine::ledger {

// Slots of the metadata (03, 6.1).
inline constexpr std::size_t kSignaturesSlot = 0;
inline constexpr std::size_t kLastConfigSlot = 1;
inline constexpr std::size_t kTransactionsFilterSlot = 2;
inline constexpr std::size_t kCommitHashSlot = 4;

// More transactions or metadata items than this are refused: 16 bytes of bookkeeping per item must not become an
// attack.
inline constexpr std::size_t kMaxBlockItems = 1 << 20;

// The parts of a block. Borrows from the bytes that it was decoded from.
struct BlockView {
  std::uint64_t number = 0;
  base::ByteView previous_hash;
  base::ByteView data_hash;
  std::vector<base::ByteView> transactions;  // each a serialised common.Envelope
  std::vector<base::ByteView> metadata;
};

// Decodes a serialised common.Block. Fields that no version defines are ignored (Fabric's block files drop them too); a
// block without header is refused.
base::Result<BlockView> ParseBlock(base::ByteView serialized);
// The canonical serialised form, as Go writes a block that it has read from a file.
std::string SerializeBlock(const BlockView& block);

// record = varint(BodySize) body.
std::size_t BodySize(const BlockView& block);
std::size_t RecordSize(const BlockView& block);
// Position of the first transaction's length within the record.
std::size_t TransactionsOffset(const BlockView& block);
void AppendRecord(std::string& out, const BlockView& block);

enum class BodyState { kComplete, kTruncated, kMalformed };

// What could be read of a record's body.
struct DecodedBody {
  BodyState state = BodyState::kMalformed;
  BlockView block;  // when kTruncated: the parts before the end of the input
  bool has_number = false;
  bool has_hashes = false;
  const char* problem = "";  // when not complete
};
DecodedBody DecodeBody(base::ByteView body);

// 03, 6.2.
crypto::Digest HeaderHash(const BlockView& block);
crypto::Digest DataHash(const BlockView& block);

// The rules of the chain: number, previous hash (empty in block 0) and data hash. kInvalid names what differs.
base::Result<void> CheckLink(const BlockView& block, std::uint64_t number, base::ByteView previous_hash);

// The fields of a transaction's channel header that the ledger needs; zero or empty where it does not decode (Fabric
// stores transactions that do not parse, too).
struct TransactionInfo {
  std::int32_t type = 0;
  std::string_view channel;
  std::string_view id;
};
TransactionInfo InspectTransaction(base::ByteView envelope);

// 03, 8.1: exactly one transaction, of type CONFIG.
bool IsConfigBlock(const BlockView& block);
// Number of the last configuration block as the orderer states it: in slot 0, or in slot 1 (orderers before 1.4.1). A
// configuration block names itself. kInvalid if neither slot decodes or a later block is named.
base::Result<std::uint64_t> LastConfigNumber(const BlockView& block);

// Stored in slot 2 for a transaction that nobody has validated (Fabric's NOT_VALIDATED).
inline constexpr char kNotValidated = static_cast<char>(254);

// What a node that does not validate stores (specification 23, sections 2.1 and 3): slot 2 must have one code per
// transaction, or Go tools crash; received codes of the right length stay. All other slots, the signed slot 0 above
// all, stay as they are. `filter` is storage for the codes and must outlive `block`.
void FillTransactionsFilter(BlockView& block, std::string& filter);

}  // namespace grapevine::ledger

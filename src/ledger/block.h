// The two serialised forms of a block, common.Block of the network and the record of block files, and the rules of the
// chain (specification 23, section 2).
//
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "msp/block.h"

namespace grapevine::ledger {

using msp::BlockView;
using msp::IsConfigBlock;
using msp::ParseBlock;

// Slot of the metadata (03, 6.1).
inline constexpr std::size_t kTransactionsFilterSlot = 2;

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

// The rules of the chain: number, previous hash (empty in block 0) and data hash. kInvalid names what differs.
base::Result<void> CheckLink(const BlockView& block, std::uint64_t number, base::ByteView previous_hash);

// Number of the newest configuration block up to this one: its own if it is one, else what its orderer states. kInvalid
// if it states none or a later one.
base::Result<std::uint64_t> LastConfigNumber(const BlockView& block);

// Stored in slot 2 for a transaction that nobody has validated (Fabric's NOT_VALIDATED).
inline constexpr char kNotValidated = static_cast<char>(254);

// What a node that does not validate stores (specification 23, sections 2.1 and 3): slot 2 must have one code per
// transaction, or Go tools crash; received codes of the right length stay. All other slots, the signed slot 0 above
// all, stay as they are. `filter` is storage for the codes and must outlive `block`.
void FillTransactionsFilter(BlockView& block, std::string& filter);

}  // namespace grapevine::ledger

#include "ledger/block.h"

#include <optional>

#include "crypto/der.h"
#include "ledger/varint.h"
#include "wire/field_reader.h"
#include "wire/field_writer.h"

namespace grapevine::ledger {
namespace {

using base::ByteView;
using base::ErrorCode;
using base::Fail;
using base::Result;

// Field numbers of common.Block, BlockHeader, BlockData and BlockMetadata.
constexpr std::uint32_t kHeaderField = 1;
constexpr std::uint32_t kDataField = 2;
constexpr std::uint32_t kMetadataField = 3;
constexpr std::uint32_t kNumberField = 1;
constexpr std::uint32_t kPreviousHashField = 2;
constexpr std::uint32_t kDataHashField = 3;
constexpr std::uint32_t kItemField = 1;

constexpr std::int32_t kConfigType = 1;

char BytesTag(std::uint32_t field) { return static_cast<char>(field << 3 | 2); }

std::size_t PrefixedSize(ByteView bytes) { return VarintSize(bytes.size()) + bytes.size(); }

void AppendPrefixed(std::string& out, ByteView bytes) {
  AppendVarint(out, bytes.size());
  out += bytes;
}

void AppendField(std::string& out, std::uint32_t field, ByteView bytes) {
  out.push_back(BytesTag(field));
  AppendPrefixed(out, bytes);
}

bool ParseHeader(ByteView header, BlockView& block) {
  wire::FieldReader reader(header);
  while (reader.Next()) {
    const wire::Field& field = reader.field();
    if (field.IsVarint(kNumberField)) block.number = field.integer;
    if (field.IsBytes(kPreviousHashField)) block.previous_hash = field.bytes;
    if (field.IsBytes(kDataHashField)) block.data_hash = field.bytes;
  }
  return !reader.malformed();
}

bool ParseItems(ByteView message, std::vector<ByteView>& items) {
  wire::FieldReader reader(message);
  while (reader.Next()) {
    if (!reader.field().IsBytes(kItemField)) continue;
    if (items.size() == kMaxBlockItems) return false;
    items.push_back(reader.field().bytes);
  }
  return !reader.malformed();
}

std::size_t ItemsSize(const std::vector<ByteView>& items, std::size_t overhead) {
  std::size_t size = 0;
  for (const ByteView item : items) size += overhead + PrefixedSize(item);
  return size;
}

// varint(count) count x bytes(item)
bool TakeItems(ByteReader& reader, std::vector<ByteView>& items) {
  const auto count = reader.Varint();
  if (!count || *count > kMaxBlockItems) return false;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto item = reader.LengthPrefixed();
    if (!item) return false;
    items.push_back(*item);
  }
  return true;
}

// Index of the last configuration block in a serialised Metadata; nothing if it has no value or does not decode.
std::optional<std::uint64_t> LastConfigOf(ByteView metadata, std::size_t slot) {
  const ByteView value = BytesField(metadata, 1);
  // OrdererBlockMetadata.last_config = 1 in slot 0, LastConfig.index = 1; an absent index is zero.
  if (slot == kSignaturesSlot)
    return value.empty() ? std::nullopt : std::optional(VarintField(BytesField(value, 1), 1));
  return VarintField(value, 1);
}

}  // namespace

Result<BlockView> ParseBlock(ByteView serialized) {
  BlockView block;
  bool has_header = false;
  bool well_formed = true;
  wire::FieldReader reader(serialized);
  while (reader.Next()) {
    const wire::Field& field = reader.field();
    if (field.IsBytes(kHeaderField)) {
      has_header = true;
      well_formed = well_formed && ParseHeader(field.bytes, block);
    } else if (field.IsBytes(kDataField)) {
      well_formed = well_formed && ParseItems(field.bytes, block.transactions);
    } else if (field.IsBytes(kMetadataField)) {
      well_formed = well_formed && ParseItems(field.bytes, block.metadata);
    }
  }
  if (reader.malformed() || !well_formed) return Fail(ErrorCode::kInvalid, "not a serialised block");
  if (!has_header) return Fail(ErrorCode::kInvalid, "the block has no header");
  return block;
}

std::string SerializeBlock(const BlockView& block) {
  const std::string header = wire::FieldWriter()
                                 .Integer(kNumberField, block.number)
                                 .Bytes(kPreviousHashField, block.previous_hash)
                                 .Bytes(kDataHashField, block.data_hash)
                                 .Take();
  const std::size_t data_size = ItemsSize(block.transactions, 1);
  const std::size_t metadata_size = ItemsSize(block.metadata, 1);

  std::string out;
  out.reserve(3 + PrefixedSize(header) + VarintSize(data_size) + data_size + VarintSize(metadata_size) + metadata_size);
  AppendField(out, kHeaderField, header);
  out.push_back(BytesTag(kDataField));
  AppendVarint(out, data_size);
  for (const ByteView transaction : block.transactions) AppendField(out, kItemField, transaction);
  out.push_back(BytesTag(kMetadataField));
  AppendVarint(out, metadata_size);
  for (const ByteView item : block.metadata) AppendField(out, kItemField, item);
  return out;
}

std::size_t BodySize(const BlockView& block) {
  return VarintSize(block.number) + PrefixedSize(block.data_hash) + PrefixedSize(block.previous_hash) +
         VarintSize(block.transactions.size()) + ItemsSize(block.transactions, 0) + VarintSize(block.metadata.size()) +
         ItemsSize(block.metadata, 0);
}

std::size_t TransactionsOffset(const BlockView& block) {
  return VarintSize(BodySize(block)) + VarintSize(block.number) + PrefixedSize(block.data_hash) +
         PrefixedSize(block.previous_hash) + VarintSize(block.transactions.size());
}

std::size_t RecordSize(const BlockView& block) {
  const std::size_t body = BodySize(block);
  return VarintSize(body) + body;
}

void AppendRecord(std::string& out, const BlockView& block) {
  AppendVarint(out, BodySize(block));
  AppendVarint(out, block.number);
  AppendPrefixed(out, block.data_hash);
  AppendPrefixed(out, block.previous_hash);
  AppendVarint(out, block.transactions.size());
  for (const ByteView transaction : block.transactions) AppendPrefixed(out, transaction);
  AppendVarint(out, block.metadata.size());
  for (const ByteView item : block.metadata) AppendPrefixed(out, item);
}

DecodedBody DecodeBody(ByteView body) {
  DecodedBody decoded;
  ByteReader reader(body);
  const auto failed = [&](const char* problem) {
    decoded.state = reader.truncated() ? BodyState::kTruncated : BodyState::kMalformed;
    decoded.problem = problem;
    return decoded;
  };
  const auto number = reader.Varint();
  if (!number) return failed("the block number does not decode");
  decoded.block.number = *number;
  decoded.has_number = true;
  const auto data_hash = reader.LengthPrefixed();
  if (!data_hash) return failed("the data hash does not decode");
  const auto previous_hash = reader.LengthPrefixed();
  if (!previous_hash) return failed("the previous hash does not decode");
  decoded.block.data_hash = *data_hash;
  decoded.block.previous_hash = *previous_hash;
  decoded.has_hashes = true;
  if (!TakeItems(reader, decoded.block.transactions)) return failed("the transactions do not decode");
  if (!TakeItems(reader, decoded.block.metadata)) return failed("the metadata do not decode");
  if (!reader.empty()) return failed("bytes follow the metadata");
  decoded.state = BodyState::kComplete;
  return decoded;
}

crypto::Digest HeaderHash(const BlockView& block) {
  return crypto::Sha256(crypto::DerSequence(crypto::DerInteger(block.number) +
                                            crypto::DerOctetString(block.previous_hash) +
                                            crypto::DerOctetString(block.data_hash)));
}

crypto::Digest DataHash(const BlockView& block) {
  crypto::Hasher hasher;
  for (const ByteView transaction : block.transactions) hasher.Update(transaction);
  return hasher.Finish();
}

Result<void> CheckLink(const BlockView& block, std::uint64_t number, ByteView previous_hash) {
  if (block.number != number) {
    return Fail(ErrorCode::kInvalid, "block {} where block {} must follow", block.number, number);
  }
  if (block.previous_hash != previous_hash) {
    return Fail(ErrorCode::kInvalid, "block {} follows a block with hash '{}', but the hash of block {} is '{}'",
                number, base::ToHex(block.previous_hash), number - 1, base::ToHex(previous_hash));
  }
  const crypto::Digest data_hash = DataHash(block);
  if (block.data_hash != data_hash.view()) {
    return Fail(ErrorCode::kInvalid, "block {} states the data hash '{}', but its transactions have '{}'", number,
                base::ToHex(block.data_hash), data_hash.ToHex());
  }
  return {};
}

TransactionInfo InspectTransaction(ByteView envelope) {
  // Envelope.payload = 1, Payload.header = 1, Header.channel_header = 1; ChannelHeader: type 1, channel_id 4, tx_id 5.
  const ByteView channel_header = BytesField(BytesField(BytesField(envelope, 1), 1), 1);
  return {static_cast<std::int32_t>(VarintField(channel_header, 1)), BytesField(channel_header, 4),
          BytesField(channel_header, 5)};
}

bool IsConfigBlock(const BlockView& block) {
  return block.transactions.size() == 1 && InspectTransaction(block.transactions[0]).type == kConfigType;
}

Result<std::uint64_t> LastConfigNumber(const BlockView& block) {
  if (IsConfigBlock(block)) return block.number;
  std::optional<std::uint64_t> number;
  if (block.metadata.size() > kSignaturesSlot) number = LastConfigOf(block.metadata[kSignaturesSlot], kSignaturesSlot);
  if (!number && block.metadata.size() > kLastConfigSlot)
    number = LastConfigOf(block.metadata[kLastConfigSlot], kLastConfigSlot);
  if (!number) return Fail(ErrorCode::kInvalid, "block {} does not name its configuration block", block.number);
  if (*number >= block.number) {
    return Fail(ErrorCode::kInvalid, "block {} names block {} as its configuration block", block.number, *number);
  }
  return *number;
}

void FillTransactionsFilter(BlockView& block, std::string& filter) {
  if (block.metadata.size() <= kTransactionsFilterSlot) block.metadata.resize(kTransactionsFilterSlot + 1);
  if (block.metadata[kTransactionsFilterSlot].size() == block.transactions.size()) return;
  filter.assign(block.transactions.size(), kNotValidated);
  block.metadata[kTransactionsFilterSlot] = filter;
}

}  // namespace grapevine::ledger

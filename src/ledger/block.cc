#include "ledger/block.h"

#include "ledger/varint.h"
#include "wire/field_writer.h"

namespace grapevine::ledger {
namespace {

using base::ByteView;
using base::ErrorCode;
using base::Fail;
using base::Result;
using base::Wrap;

// Field numbers of common.Block, BlockHeader, BlockData and BlockMetadata.
constexpr std::uint32_t kHeaderField = 1;
constexpr std::uint32_t kDataField = 2;
constexpr std::uint32_t kMetadataField = 3;
constexpr std::uint32_t kNumberField = 1;
constexpr std::uint32_t kPreviousHashField = 2;
constexpr std::uint32_t kDataHashField = 3;
constexpr std::uint32_t kItemField = 1;

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

std::size_t ItemsSize(const std::vector<ByteView>& items, std::size_t overhead) {
  std::size_t size = 0;
  for (const ByteView item : items) size += overhead + PrefixedSize(item);
  return size;
}

// varint(count) count x bytes(item)
bool TakeItems(ByteReader& reader, std::vector<ByteView>& items) {
  const auto count = reader.Varint();
  if (!count || *count > msp::kMaxBlockItems) return false;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto item = reader.LengthPrefixed();
    if (!item) return false;
    items.push_back(*item);
  }
  return true;
}

}  // namespace

std::string SerializeBlock(const BlockView& block) {
  const std::string header = wire::FieldWriter()
                                 .Integer(kNumberField, block.header.number)
                                 .Bytes(kPreviousHashField, block.header.previous_hash)
                                 .Bytes(kDataHashField, block.header.data_hash)
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
  return VarintSize(block.header.number) + PrefixedSize(block.header.data_hash) +
         PrefixedSize(block.header.previous_hash) + VarintSize(block.transactions.size()) +
         ItemsSize(block.transactions, 0) + VarintSize(block.metadata.size()) + ItemsSize(block.metadata, 0);
}

std::size_t TransactionsOffset(const BlockView& block) {
  return VarintSize(BodySize(block)) + VarintSize(block.header.number) + PrefixedSize(block.header.data_hash) +
         PrefixedSize(block.header.previous_hash) + VarintSize(block.transactions.size());
}

std::size_t RecordSize(const BlockView& block) {
  const std::size_t body = BodySize(block);
  return VarintSize(body) + body;
}

void AppendRecord(std::string& out, const BlockView& block) {
  AppendVarint(out, BodySize(block));
  AppendVarint(out, block.header.number);
  AppendPrefixed(out, block.header.data_hash);
  AppendPrefixed(out, block.header.previous_hash);
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
  decoded.block.has_header = true;
  decoded.block.header.number = *number;
  decoded.has_number = true;
  const auto data_hash = reader.LengthPrefixed();
  if (!data_hash) return failed("the data hash does not decode");
  const auto previous_hash = reader.LengthPrefixed();
  if (!previous_hash) return failed("the previous hash does not decode");
  decoded.block.header.data_hash = *data_hash;
  decoded.block.header.previous_hash = *previous_hash;
  decoded.has_hashes = true;
  if (!TakeItems(reader, decoded.block.transactions)) return failed("the transactions do not decode");
  if (!TakeItems(reader, decoded.block.metadata)) return failed("the metadata do not decode");
  if (!reader.empty()) return failed("bytes follow the metadata");
  decoded.state = BodyState::kComplete;
  return decoded;
}

Result<void> CheckLink(const BlockView& block, std::uint64_t number, ByteView previous_hash) {
  if (!block.has_header) return Fail(ErrorCode::kInvalid, "the block has no header");
  if (block.header.number != number) {
    return Fail(ErrorCode::kInvalid, "block {} where block {} must follow", block.header.number, number);
  }
  if (block.header.previous_hash != previous_hash) {
    return Fail(ErrorCode::kInvalid, "block {} follows a block with hash '{}', but the hash of block {} is '{}'",
                number, base::ToHex(block.header.previous_hash), number - 1, base::ToHex(previous_hash));
  }
  const crypto::Digest data_hash = block.DataHash();
  if (block.header.data_hash != data_hash.view()) {
    return Fail(ErrorCode::kInvalid, "block {} states the data hash '{}', but its transactions have '{}'", number,
                base::ToHex(block.header.data_hash), data_hash.ToHex());
  }
  return {};
}

Result<std::uint64_t> LastConfigNumber(const BlockView& block) {
  const std::uint64_t number = block.header.number;
  if (IsConfigBlock(block)) return number;
  const auto stated = msp::LastConfigIndex(block);
  if (!stated) return Wrap(stated.error(), "block {} does not name its configuration block", number);
  if (*stated >= number) {
    return Fail(ErrorCode::kInvalid, "block {} names block {} as its configuration block", number, *stated);
  }
  return *stated;
}

void FillTransactionsFilter(BlockView& block, std::string& filter) {
  if (block.metadata.size() <= kTransactionsFilterSlot) block.metadata.resize(kTransactionsFilterSlot + 1);
  if (block.metadata[kTransactionsFilterSlot].size() == block.transactions.size()) return;
  filter.assign(block.transactions.size(), kNotValidated);
  block.metadata[kTransactionsFilterSlot] = filter;
}

}  // namespace grapevine::ledger

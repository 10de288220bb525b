#include "ledger/block_index.h"

#include <utility>

#include "ledger/varint.h"
#include "wire/field_writer.h"

namespace grapevine::ledger {
namespace {

using base::ByteView;
using base::ErrorCode;
using base::Fail;
using base::Result;

const std::string kFormatKey("_\0f", 3);
constexpr ByteView kFormat = "2.0";
constexpr ByteView kFilesInfoKey = "blkMgrInfo";
constexpr ByteView kLastIndexedKey = "indexCheckpointKey";
constexpr char kNumberKind = 'n';
constexpr char kHashKind = 'h';
constexpr char kTransactionIdKind = 't';
constexpr char kTransactionKind = 'a';

std::unexpected<base::Error> Corrupt(ByteView key) {
  return Fail(
      ErrorCode::kCorrupt,
      "the block index has a value that does not decode under the key {}; stop the node and delete the index, it "
      "is rebuilt from the block files at the next start",
      base::ToHex(key));
}

std::string EncodeLocation(std::uint64_t file, std::uint64_t offset, std::uint64_t length) {
  std::string value;
  AppendVarint(value, file);
  AppendVarint(value, offset);
  AppendVarint(value, length);
  return value;
}

// TxIDIndexValue: blk_location 1, tx_location 2, tx_validation_code 3.
std::string EncodeTransactionValue(ByteView block, ByteView transaction, std::uint8_t code) {
  return wire::FieldWriter().Bytes(1, block).Bytes(2, transaction).Integer(3, code).Take();
}

}  // namespace

void AppendOrderPreserving(std::string& out, std::uint64_t value) {
  int count = 0;
  for (std::uint64_t rest = value; rest != 0; rest >>= 8) ++count;
  out.push_back(static_cast<char>(count));
  while (count-- > 0) out.push_back(static_cast<char>(value >> (8 * count)));
}

std::optional<std::uint64_t> TakeOrderPreserving(ByteView& in) {
  if (in.empty()) return std::nullopt;
  const auto count = static_cast<unsigned char>(in[0]);
  if (count > 8 || in.size() < 1U + count) return std::nullopt;
  std::uint64_t value = 0;
  for (unsigned i = 1; i <= count; ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
  in.remove_prefix(1U + count);
  return value;
}

Result<void> BlockIndex::CheckFormat() {
  const auto format = index_.Get(kFormatKey);
  if (!format) return std::unexpected(format.error());
  if (!*format) {
    base::IndexBatch batch;
    batch.Put(kFormatKey, std::string(kFormat));
    return index_.Write(batch, true);
  }
  if (**format == kFormat) return {};
  return Fail(
      ErrorCode::kInvalid,
      "the block index has format '{}', this program writes '{}': choose another folder, or delete the index to "
      "have it rebuilt from the block files",
      **format, kFormat);
}

Result<std::optional<BlockFilesInfo>> BlockIndex::FilesInfo() const {
  const std::string key = Key(kFilesInfoKey);
  const auto value = index_.Get(key);
  if (!value) return std::unexpected(value.error());
  if (!*value) return std::nullopt;
  ByteReader reader(**value);
  const auto file = reader.Varint();
  const auto size = reader.Varint();
  const auto last = reader.Varint();
  const auto none = reader.Varint();
  if (!file || !size || !last || !none || *none > 1) return Corrupt(key);
  return BlockFilesInfo{*file, *size, *last, *none == 1};
}

Result<std::optional<std::uint64_t>> BlockIndex::LastIndexed() const {
  const std::string key = Key(kLastIndexedKey);
  const auto value = index_.Get(key);
  if (!value) return std::unexpected(value.error());
  if (!*value) return std::nullopt;
  const auto number = ByteReader(**value).Varint();
  if (!number) return Corrupt(key);
  return *number;
}

Result<std::optional<RecordLocation>> BlockIndex::FindLocation(const std::string& key) const {
  const auto value = index_.Get(key);
  if (!value) return std::unexpected(value.error());
  if (!*value) return std::nullopt;
  ByteReader reader(**value);
  const auto file = reader.Varint();
  const auto offset = reader.Varint();
  if (!file || !offset) return Corrupt(key);
  return RecordLocation{*file, *offset};
}

std::string BlockIndex::NumberKey(char kind, std::uint64_t number) const {
  std::string key = prefix_;
  key.push_back(kind);
  AppendOrderPreserving(key, number);
  return key;
}

Result<std::optional<RecordLocation>> BlockIndex::FindBlock(std::uint64_t number) const {
  return FindLocation(NumberKey(kNumberKind, number));
}

Result<std::optional<RecordLocation>> BlockIndex::FindBlock(ByteView header_hash) const {
  return FindLocation(prefix_ + kHashKind + std::string(header_hash));
}

Result<std::optional<TransactionLocation>> BlockIndex::FindTransaction(ByteView id, std::uint64_t height) const {
  std::string prefix = NumberKey(kTransactionIdKind, id.size());
  prefix += id;
  std::optional<TransactionLocation> found;
  bool malformed = false;
  // Keys are in order of block and position: the first one is the first occurrence.
  auto scanned = index_.Scan(prefix, [&](ByteView key, ByteView value) {
    ByteView rest = key.substr(prefix.size());
    const auto block = TakeOrderPreserving(rest);
    const auto index = TakeOrderPreserving(rest);
    malformed = !block || !index;
    // Beyond the height: left over from a block that recovery has dropped.
    if (malformed || *block >= height) return false;
    found = TransactionLocation{*block, *index, static_cast<std::int32_t>(VarintField(value, 3))};
    return false;
  });
  if (!scanned) return std::unexpected(scanned.error());
  if (malformed) return Corrupt(prefix);
  return found;
}

void BlockIndex::AddBlock(base::IndexBatch& batch, const BlockView& block, RecordLocation location) const {
  const std::string block_location = EncodeLocation(location.file, location.offset, 0);
  batch.Put(NumberKey(kNumberKind, block.header.number), block_location);
  batch.Put(prefix_ + kHashKind + block.header.Hash().ToString(), block_location);

  std::uint64_t offset = location.offset + TransactionsOffset(block);
  const ByteView codes =
      block.metadata.size() > kTransactionsFilterSlot ? block.metadata[kTransactionsFilterSlot] : ByteView();
  for (std::size_t i = 0; i < block.transactions.size(); ++i) {
    const ByteView transaction = block.transactions[i];
    const std::size_t length = VarintSize(transaction.size()) + transaction.size();
    const std::string place = EncodeLocation(location.file, offset, length);
    offset += length;

    // As Fabric: a transaction that does not parse has the empty id.
    const auto info = msp::InspectTransaction(transaction);
    const std::string id = info ? info->id : std::string();
    std::string key = NumberKey(kTransactionIdKind, id.size());
    key += id;
    AppendOrderPreserving(key, block.header.number);
    AppendOrderPreserving(key, i);
    const char code = i < codes.size() ? codes[i] : kNotValidated;
    batch.Put(std::move(key), EncodeTransactionValue(block_location, place, static_cast<std::uint8_t>(code)));

    std::string number_key = NumberKey(kTransactionKind, block.header.number);
    AppendOrderPreserving(number_key, i);
    batch.Put(std::move(number_key), place);
  }
}

void BlockIndex::SetInfo(base::IndexBatch& batch, const BlockFilesInfo& info) const {
  std::string value;
  AppendVarint(value, info.latest_file);
  AppendVarint(value, info.latest_file_size);
  AppendVarint(value, info.last_block);
  AppendVarint(value, info.no_blocks ? 1 : 0);
  batch.Put(Key(kFilesInfoKey), std::move(value));
  if (info.no_blocks) {
    batch.Delete(Key(kLastIndexedKey));
    return;
  }
  std::string last;
  AppendVarint(last, info.last_block);
  batch.Put(Key(kLastIndexedKey), std::move(last));
}

}  // namespace grapevine::ledger

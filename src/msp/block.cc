#include "msp/block.h"

#include "common/common.pb.h"
#include "crypto/der.h"
#include "wire/field_reader.h"

namespace grapevine::msp {

namespace {

using base::ErrorCode;
using base::Fail;
using wire::Field;
using wire::FieldReader;

bool ReadHeader(base::ByteView encoded, BlockHeader& header) {
  FieldReader reader(encoded);
  while (reader.Next()) {
    const Field& field = reader.field();
    if (field.IsVarint(1)) header.number = field.integer;
    if (field.IsBytes(2)) header.previous_hash = field.bytes;
    if (field.IsBytes(3)) header.data_hash = field.bytes;
  }
  return !reader.malformed();
}

// BlockData and BlockMetadata: a list of byte strings.
bool ReadList(base::ByteView encoded, std::vector<base::ByteView>& list) {
  FieldReader reader(encoded);
  while (reader.Next()) {
    if (!reader.field().IsBytes(1)) continue;
    if (list.size() == kMaxBlockItems) return false;
    list.push_back(reader.field().bytes);
  }
  return !reader.malformed();
}

// A message of two byte fields, 1 and 2: Envelope, Header, SignatureHeader.
struct BytesPair {
  base::ByteView first;
  base::ByteView second;
};
bool ReadPair(base::ByteView encoded, BytesPair& pair) {
  FieldReader reader(encoded);
  while (reader.Next()) {
    if (reader.field().IsBytes(1)) pair.first = reader.field().bytes;
    if (reader.field().IsBytes(2)) pair.second = reader.field().bytes;
  }
  return !reader.malformed();
}

struct Payload {
  bool has_header = false;
  BytesPair header;  // channel header, signature header
  base::ByteView data;
};

base::Result<Payload> ReadPayload(base::ByteView envelope) {
  BytesPair parts;  // payload, signature
  if (!ReadPair(envelope, parts)) return Fail(ErrorCode::kInvalid, "transaction is not a common.Envelope");
  Payload payload;
  FieldReader reader(parts.first);
  while (reader.Next()) {
    if (reader.field().IsBytes(1)) {
      payload.has_header = true;
      if (!ReadPair(reader.field().bytes, payload.header)) {
        return Fail(ErrorCode::kInvalid, "transaction has a malformed header");
      }
    }
    if (reader.field().IsBytes(2)) payload.data = reader.field().bytes;
  }
  if (reader.malformed()) return Fail(ErrorCode::kInvalid, "payload of the transaction is not a common.Payload");
  return payload;
}

bool ParseMessage(base::ByteView bytes, google::protobuf::MessageLite& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

std::string BlockHeader::Encode() const {
  return crypto::DerSequence(crypto::DerInteger(number) + crypto::DerOctetString(previous_hash) +
                             crypto::DerOctetString(data_hash));
}

crypto::Digest BlockHeader::Hash() const { return crypto::Sha256(Encode()); }

crypto::Digest BlockView::DataHash() const {
  crypto::Hasher hasher;
  for (const base::ByteView transaction : transactions) hasher.Update(transaction);
  return hasher.Finish();
}

base::Result<BlockView> ParseBlock(base::ByteView serialized) {
  BlockView block;
  FieldReader reader(serialized);
  while (reader.Next()) {
    const Field& field = reader.field();
    bool read = true;
    if (field.IsBytes(1)) {
      block.has_header = true;
      read = ReadHeader(field.bytes, block.header);
    } else if (field.IsBytes(2)) {
      read = ReadList(field.bytes, block.transactions);
    } else if (field.IsBytes(3)) {
      read = ReadList(field.bytes, block.metadata);
    }
    if (!read) return Fail(ErrorCode::kInvalid, "not a common.Block: field {} is malformed", field.number);
  }
  if (reader.malformed()) return Fail(ErrorCode::kInvalid, "not a common.Block");
  return block;
}

base::Result<TransactionInfo> InspectTransaction(base::ByteView envelope) {
  const auto payload = ReadPayload(envelope);
  if (!payload) return std::unexpected(payload.error());
  if (!payload->has_header) return Fail(ErrorCode::kInvalid, "transaction has no header");
  ::common::ChannelHeader header;
  if (!ParseMessage(payload->header.first, header)) {
    return Fail(ErrorCode::kInvalid, "transaction has a malformed channel header");
  }
  return TransactionInfo{header.type(), header.channel_id(), header.tx_id()};
}

base::Result<base::ByteView> TransactionData(base::ByteView envelope) {
  const auto payload = ReadPayload(envelope);
  if (!payload) return std::unexpected(payload.error());
  return payload->data;
}

bool IsConfigBlock(const BlockView& block) {
  if (block.transactions.size() != 1) return false;
  const auto info = InspectTransaction(block.transactions.front());
  return info && info->type == ::common::CONFIG;
}

base::Result<BlockMetadata> ParseBlockMetadata(base::ByteView serialized) {
  BlockMetadata metadata;
  FieldReader reader(serialized);
  while (reader.Next()) {
    if (reader.field().IsBytes(1)) metadata.value = reader.field().bytes;
    if (!reader.field().IsBytes(2)) continue;
    if (metadata.signatures.size() == kMaxBlockItems) return Fail(ErrorCode::kInvalid, "block has too many signatures");
    BlockMetadata::Signature& signature = metadata.signatures.emplace_back();
    FieldReader inner(reader.field().bytes);
    while (inner.Next()) {
      if (inner.field().IsBytes(1)) signature.signature_header = inner.field().bytes;
      if (inner.field().IsBytes(2)) signature.signature = inner.field().bytes;
      if (inner.field().IsBytes(3)) signature.identifier_header = inner.field().bytes;
    }
    if (inner.malformed()) return Fail(ErrorCode::kInvalid, "block metadata has a malformed signature");
  }
  if (reader.malformed()) return Fail(ErrorCode::kInvalid, "block metadata is not a common.Metadata");
  return metadata;
}

base::Result<std::uint64_t> LastConfigIndex(const BlockView& block) {
  if (block.metadata.empty()) return Fail(ErrorCode::kInvalid, "block has no metadata");
  const auto signatures = ParseBlockMetadata(block.metadata[::common::SIGNATURES]);
  if (!signatures) return std::unexpected(signatures.error());
  if (!signatures->value.empty()) {
    ::common::OrdererBlockMetadata orderer;
    if (!ParseMessage(signatures->value, orderer)) {
      return Fail(ErrorCode::kInvalid, "value of the block's signatures is not a common.OrdererBlockMetadata");
    }
    return orderer.last_config().index();
  }
  if (block.metadata.size() <= ::common::LAST_CONFIG) return Fail(ErrorCode::kInvalid, "block names no configuration");
  const auto old = ParseBlockMetadata(block.metadata[::common::LAST_CONFIG]);
  ::common::LastConfig last_config;
  if (!old || !ParseMessage(old->value, last_config)) {
    return Fail(ErrorCode::kInvalid, "metadata slot 1 of the block is not a common.LastConfig");
  }
  return last_config.index();
}

}  // namespace grapevine::msp

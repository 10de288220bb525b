#include "msp/block_verifier.h"

#include <optional>
#include <string>
#include <vector>

#include "common/common.pb.h"
#include "msp/block.h"
#include "msp/policy.h"
#include "msp/serialized_identity.h"
#include "wire/field_reader.h"

namespace grapevine::msp {

namespace {

using base::ErrorCode;
using base::Fail;

constexpr char kBlockValidation[] = "/Channel/Orderer/BlockValidation";

// Fabric asks nothing of the only transaction of a block of these types.
bool IsExemptFromWellFormedness(const BlockView& block) {
  if (block.transactions.size() != 1) return false;
  const auto info = InspectTransaction(block.transactions.front());
  return info && (info->type == ::common::CONFIG || info->type == ::common::ORDERER_TRANSACTION);
}

base::Result<void> CheckTransactionsAreWellFormed(const BlockView& block) {
  if (IsExemptFromWellFormedness(block)) return {};
  for (std::size_t i = 0; i < block.transactions.size(); ++i) {
    if (auto checked = CheckTransactionIsWellFormed(block.transactions[i]); !checked) {
      return base::Wrap(checked.error(), "transaction {} of the block", i);
    }
  }
  return {};
}

// The field is byte for byte what an encoder would write for its content.
bool IsCanonicalBytes(const wire::Field& field) {
  return field.raw.size() == 1 + wire::VarintSize(field.bytes.size()) + field.bytes.size();
}

// The form of 6.4 in which a consenter is named by its number.
bool NamesConsenter(const BlockMetadata::Signature& signature, const ChannelConfig& config) {
  return config.has_bft_rules() && signature.signature_header.empty() && !signature.identifier_header.empty();
}

template <typename T>
bool Parse(base::ByteView bytes, T& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// The identity that signed; nothing: a consenter that the configuration does not know, whose signature is skipped.
base::Result<std::optional<std::string>> SignerOf(const BlockMetadata::Signature& signature,
                                                  const ChannelConfig& config) {
  if (!NamesConsenter(signature, config)) {
    ::common::SignatureHeader header;
    if (Parse(signature.signature_header, header)) return header.creator();
    return Fail(ErrorCode::kInvalid, "it has a malformed signature header");
  }
  ::common::IdentifierHeader header;
  if (!Parse(signature.identifier_header, header)) {
    return Fail(ErrorCode::kInvalid, "it has a malformed identifier header");
  }
  const Consenter* consenter = config.FindConsenter(header.identifier());
  if (consenter == nullptr) return std::nullopt;
  return SerializeIdentity(consenter->msp_id, consenter->identity_pem);
}

base::Result<std::vector<SignedData>> SignatureSet(const BlockView& block, const ChannelConfig& config) {
  const auto metadata = ParseBlockMetadata(block.metadata.front());
  if (!metadata) return std::unexpected(metadata.error());
  const std::string block_header = block.header.Encode();
  std::vector<SignedData> signatures;
  for (const BlockMetadata::Signature& signature : metadata->signatures) {
    auto signer = SignerOf(signature, config);
    if (!signer) return std::unexpected(signer.error());
    if (!*signer) continue;
    std::string data(metadata->value);
    data += NamesConsenter(signature, config) ? signature.identifier_header : signature.signature_header;
    data += block_header;
    signatures.push_back(
        {base::Bytes(std::move(data)), base::Bytes(std::move(**signer)), base::Bytes::Copy(signature.signature)});
  }
  return signatures;
}

// Steps 3, 6 and 7.
base::Result<void> CheckSignatures(const BlockView& block, const ChannelConfig& config, BlockSigners& signers) {
  const auto signatures = SignatureSet(block, config);
  if (!signatures) return base::Wrap(signatures.error(), "block {}", block.header.number);
  const auto accepted = AcceptedSigners(
      [&](const base::Bytes& identity) { return signers.Deserialize(config.msp_manager(), identity); }, *signatures);
  if (auto verdict = config.policies().Get(kBlockValidation)->EvaluateSigners(accepted); !verdict) {
    return base::Wrap(verdict.error(), "block {}: policy {}", block.header.number, kBlockValidation);
  }
  return {};
}

}  // namespace

base::Result<void> CheckTransactionIsWellFormed(base::ByteView envelope) {
  // The next known field in canonical order; 3: only unknown ones may follow.
  std::uint32_t expected = 1;
  wire::FieldReader reader(envelope);
  bool has_payload = false;
  bool has_signature = false;
  bool canonical = true;
  while (reader.Next()) {
    const wire::Field& field = reader.field();
    if (field.IsBytes(1) || field.IsBytes(2)) {
      (field.number == 1 ? has_payload : has_signature) = !field.bytes.empty();
      canonical = canonical && field.number == expected && IsCanonicalBytes(field);
      ++expected;
    } else {
      // Kept by Fabric and written back behind the known fields, with a minimal tag.
      const std::uint64_t tag = std::uint64_t{field.number} << 3 | static_cast<std::uint64_t>(field.type);
      canonical = canonical && expected == 3 && field.tag_size == wire::VarintSize(tag);
    }
  }
  if (reader.malformed()) return Fail(ErrorCode::kInvalid, "it is not a common.Envelope");
  if (!has_payload) return Fail(ErrorCode::kInvalid, "it has no payload");
  if (!has_signature) return Fail(ErrorCode::kInvalid, "it has no signature");
  if (!canonical) return Fail(ErrorCode::kInvalid, "it is not encoded canonically");
  return {};
}

base::Result<IdentityPtr> BlockSigners::Deserialize(const MspManager& manager, const base::Bytes& identity) {
  if (const auto known = known_.find(identity); known != known_.end()) return known->second;
  auto deserialized = manager.Deserialize(identity);
  if (deserialized && known_.size() < kMaxKnown) known_.emplace(identity, *deserialized);
  return deserialized;
}

base::Result<void> VerifyBlock(const ChannelConfig& config, std::uint64_t number, base::ByteView serialized) {
  BlockSigners signers;
  return VerifyBlock(config, number, serialized, signers);
}

base::Result<void> VerifyBlock(const ChannelConfig& config, std::uint64_t number, base::ByteView serialized,
                               BlockSigners& signers) {
  const auto block = ParseBlock(serialized);
  if (!block) return std::unexpected(block.error());
  if (!block->has_header) return Fail(ErrorCode::kInvalid, "block has no header");
  if (block->header.number != number) {
    return Fail(ErrorCode::kInvalid, "block claimed to be number {} is number {}", number, block->header.number);
  }
  if (block->transactions.empty()) return Fail(ErrorCode::kInvalid, "block {} has no transactions", number);
  const auto first = InspectTransaction(block->transactions.front());
  if (!first) return base::Wrap(first.error(), "block {}", number);
  if (first->channel_id != config.channel_id()) {
    return Fail(ErrorCode::kInvalid, "block {} belongs to channel '{}', not '{}'", number, first->channel_id,
                config.channel_id());
  }
  if (block->metadata.empty()) return Fail(ErrorCode::kInvalid, "block {} has no metadata", number);
  if (auto checked = CheckTransactionsAreWellFormed(*block); !checked) return checked;
  if (block->header.data_hash != block->DataHash().view()) {
    return Fail(ErrorCode::kInvalid, "block {}: data hash is {}, but its data has {}", number,
                base::ToHex(block->header.data_hash), block->DataHash().ToHex());
  }
  return CheckSignatures(*block, config, signers);
}

base::Result<void> VerifyBlockAttestation(const ChannelConfig& config, base::ByteView serialized) {
  BlockSigners signers;
  return VerifyBlockAttestation(config, serialized, signers);
}

base::Result<void> VerifyBlockAttestation(const ChannelConfig& config, base::ByteView serialized,
                                          BlockSigners& signers) {
  const auto block = ParseBlock(serialized);
  if (!block) return std::unexpected(block.error());
  if (!block->has_header) return Fail(ErrorCode::kInvalid, "block has no header");
  if (block->metadata.empty()) return Fail(ErrorCode::kInvalid, "block {} has no metadata", block->header.number);
  return CheckSignatures(*block, config, signers);
}

}  // namespace grapevine::msp

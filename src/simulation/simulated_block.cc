#include "simulation/simulated_block.h"

#include "crypto/hash.h"
#include "wire/proto/common/common.pb.h"

namespace grapevine::simulation {

using base::ErrorCode;

namespace {
std::string DataHash(const common::BlockData& data) {
  crypto::Hasher hasher;
  for (const std::string& transaction : data.data()) hasher.Update(transaction);
  return hasher.Finish().ToString();
}

std::string SignedBytes(const std::string& channel, const common::BlockHeader& header) {
  return fmt::format("{}/{}/", channel, header.number()) + header.previous_hash() + header.data_hash();
}
}  // namespace

base::Bytes MakeBlock(const Authority& authority, base::ByteView orderer, const std::string& channel,
                      std::uint64_t number, base::ByteView previous_hash,
                      const std::vector<std::string>& transactions) {
  common::Block block;
  for (const std::string& transaction : transactions) block.mutable_data()->add_data(transaction);
  block.mutable_header()->set_number(number);
  block.mutable_header()->set_previous_hash(std::string(previous_hash));
  block.mutable_header()->set_data_hash(DataHash(block.data()));
  common::SignatureHeader creator;
  creator.set_creator(std::string(orderer));
  common::Metadata metadata;
  common::MetadataSignature& signature = *metadata.add_signatures();
  signature.set_signature_header(creator.SerializeAsString());
  signature.set_signature(authority.Sign(orderer, SignedBytes(channel, block.header())).ToString());
  block.mutable_metadata()->add_metadata(metadata.SerializeAsString());
  return base::Bytes(block.SerializeAsString());
}

base::Result<void> CheckBlock(const Authority& authority, const std::string& channel, std::uint64_t number,
                              base::ByteView bytes) {
  common::Block block;
  if (!block.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !block.has_header()) {
    return base::Fail(ErrorCode::kInvalid, "{} bytes are not a block with a header", bytes.size());
  }
  if (block.header().number() != number) {
    return base::Fail(ErrorCode::kInvalid, "block {} was announced as block {}", block.header().number(), number);
  }
  if (block.header().data_hash() != DataHash(block.data())) {
    return base::Fail(ErrorCode::kInvalid, "block {}: the data hash is not that of the data", number);
  }
  common::Metadata metadata;
  if (block.metadata().metadata_size() == 0 || !metadata.ParseFromString(block.metadata().metadata(0)) ||
      metadata.signatures_size() == 0) {
    return base::Fail(ErrorCode::kInvalid, "block {} carries no signature", number);
  }
  const common::MetadataSignature& signature = metadata.signatures(0);
  common::SignatureHeader creator;
  if (!creator.ParseFromString(signature.signature_header())) {
    return base::Fail(ErrorCode::kInvalid, "block {}: the signature header cannot be decoded", number);
  }
  return authority.CheckSignature(creator.creator(), signature.signature(), SignedBytes(channel, block.header()));
}

}  // namespace grapevine::simulation

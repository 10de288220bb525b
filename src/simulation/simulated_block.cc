#include "simulation/simulated_block.h"

#include <utility>

#include "common/common.pb.h"
#include "ledger/block.h"

namespace grapevine::simulation {

using base::ErrorCode;

namespace {
// The channel is covered too, so that a block of one channel is not valid in another.
std::string SignedBytes(const std::string& channel, const ledger::BlockView& block) {
  return channel + "/" + block.header.Hash().ToString();
}

base::Result<void> CheckSignature(const Authority& authority, const std::string& channel,
                                  const ledger::BlockView& block) {
  const std::uint64_t number = block.header.number;
  common::Metadata metadata;
  common::SignatureHeader creator;
  if (block.metadata.empty() || !metadata.ParseFromString(std::string(block.metadata[0])) ||
      metadata.signatures_size() == 0 || !creator.ParseFromString(metadata.signatures(0).signature_header())) {
    return base::Fail(ErrorCode::kInvalid, "block {} carries no signature that can be decoded", number);
  }
  if (authority.OrganizationOf(creator.creator()) != kOrdererMspId) {
    return base::Fail(ErrorCode::kDenied, "block {} is not signed by a member of {}", number, kOrdererMspId);
  }
  return authority.CheckSignature(creator.creator(), metadata.signatures(0).signature(), SignedBytes(channel, block));
}
}  // namespace

base::Bytes MakeBlock(const Authority& authority, base::ByteView orderer, const std::string& channel,
                      std::uint64_t number, base::ByteView previous_hash,
                      const std::vector<std::string>& transactions) {
  ledger::BlockView block;
  block.header.number = number;
  block.header.previous_hash = previous_hash;
  block.transactions.assign(transactions.begin(), transactions.end());
  const crypto::Digest data_hash = block.DataHash();
  block.header.data_hash = data_hash.view();
  common::SignatureHeader creator;
  creator.set_creator(std::string(orderer));
  common::Metadata metadata;
  common::MetadataSignature& signature = *metadata.add_signatures();
  signature.set_signature_header(creator.SerializeAsString());
  signature.set_signature(authority.Sign(orderer, SignedBytes(channel, block)).ToString());
  const std::string signatures = metadata.SerializeAsString();
  block.metadata.push_back(signatures);
  return base::Bytes(ledger::SerializeBlock(block));
}

std::string ConfigTransaction(const std::string& channel, const std::string& content) {
  common::ChannelHeader header;
  header.set_type(common::CONFIG);
  header.set_channel_id(channel);
  common::Payload payload;
  payload.mutable_header()->set_channel_header(header.SerializeAsString());
  payload.set_data(content);
  common::Envelope envelope;
  envelope.set_payload(payload.SerializeAsString());
  return envelope.SerializeAsString();
}

base::Result<void> CheckBlock(const Authority& authority, const std::string& channel, std::uint64_t number,
                              base::ByteView bytes) {
  const base::Result<ledger::BlockView> block = ledger::ParseBlock(bytes);
  if (!block) return std::unexpected(block.error());
  if (block->header.number != number) {
    return base::Fail(ErrorCode::kInvalid, "block {} was announced as block {}", block->header.number, number);
  }
  if (block->header.data_hash != block->DataHash().view()) {
    return base::Fail(ErrorCode::kInvalid, "block {}: the data hash is not that of the data", number);
  }
  return CheckSignature(authority, channel, *block);
}

base::Result<void> CheckAttestation(const Authority& authority, const std::string& channel, base::ByteView bytes) {
  const base::Result<ledger::BlockView> block = ledger::ParseBlock(bytes);
  if (!block) return std::unexpected(block.error());
  return CheckSignature(authority, channel, *block);
}

}  // namespace grapevine::simulation

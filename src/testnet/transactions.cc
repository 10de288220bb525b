#include "testnet/transactions.h"

#include <fmt/core.h>

#include <chrono>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "peer/proposal.pb.h"
#include "peer/transaction.pb.h"
#include "testnet/encoding.h"

namespace grapevine::testnet {
namespace {

constexpr std::size_t kNonceBytes = 24;
constexpr int kOk = 200;
constexpr int kGoChaincode = 1;
const char* const kChaincode = "testnet";

std::string Proposal(const TransactionRequest& request) {
  protos::ChaincodeInvocationSpec invocation;
  protos::ChaincodeSpec& spec = *invocation.mutable_chaincode_spec();
  spec.set_type(kGoChaincode);
  spec.mutable_chaincode_id()->set_name(kChaincode);
  spec.mutable_input()->add_args("put");
  spec.mutable_input()->add_args(request.key);
  protos::ChaincodeProposalPayload payload;
  payload.set_input(Encode(invocation));
  return Encode(payload);
}

std::string WriteSet(const TransactionRequest& request) {
  kvrwset::KVRWSet set;
  kvrwset::KVWrite& write = *set.add_writes();
  write.set_key(request.key);
  write.set_value(request.value);
  rwset::TxReadWriteSet sets;
  rwset::NsReadWriteSet& of_chaincode = *sets.add_ns_rwset();
  of_chaincode.set_namespace_(kChaincode);
  of_chaincode.set_rwset(Encode(set));
  return Encode(sets);
}

std::string ProposalResponse(const TransactionRequest& request, const std::string& proposal_hash) {
  protos::ChaincodeAction action;
  action.set_results(WriteSet(request));
  action.mutable_response()->set_status(kOk);
  action.mutable_chaincode_id()->set_name(kChaincode);
  action.mutable_chaincode_id()->set_version("1");
  protos::ProposalResponsePayload response;
  response.set_proposal_hash(proposal_hash);
  response.set_extension(Encode(action));
  return Encode(response);
}

}  // namespace

std::string MakeNonce(const Network& network, std::string_view label) {
  return crypto::Sha256(fmt::format("testnet nonce {} {}", network.config().seed, label))
      .ToString()
      .substr(0, kNonceBytes);
}

std::string MakeTransactionId(base::ByteView nonce, base::ByteView creator) {
  return crypto::Sha256({nonce, creator}).ToHex();
}

common::ChannelHeader MakeChannelHeader(int type, const std::string& channel, base::WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  common::ChannelHeader header;
  header.set_type(type);
  header.set_channel_id(channel);
  header.mutable_timestamp()->set_seconds(seconds.time_since_epoch().count());
  header.mutable_timestamp()->set_nanos(static_cast<std::int32_t>(base::Duration(time - seconds).count()));
  return header;
}

common::SignatureHeader MakeSignatureHeader(const Network& network, const Member& creator, std::string_view label) {
  common::SignatureHeader header;
  header.set_creator(creator.SerializedIdentity().ToString());
  header.set_nonce(MakeNonce(network, label));
  return header;
}

std::string MakeEnvelope(const common::ChannelHeader& channel_header, const common::SignatureHeader& signature_header,
                         std::string data, const Member* signer) {
  common::Payload payload;
  payload.mutable_header()->set_channel_header(Encode(channel_header));
  payload.mutable_header()->set_signature_header(Encode(signature_header));
  payload.set_data(std::move(data));
  common::Envelope envelope;
  envelope.set_payload(Encode(payload));
  if (signer != nullptr) envelope.set_signature(signer->key.Sign(envelope.payload()));
  return Encode(envelope);
}

std::string MakeTransaction(const Network& network, const TransactionRequest& request) {
  const common::SignatureHeader creator = MakeSignatureHeader(network, *request.client, request.nonce_label);
  common::ChannelHeader channel = MakeChannelHeader(common::ENDORSER_TRANSACTION, request.channel, request.time);
  channel.set_tx_id(MakeTransactionId(creator.nonce(), creator.creator()));
  protos::ChaincodeHeaderExtension extension;
  extension.mutable_chaincode_id()->set_name(kChaincode);
  channel.set_extension(Encode(extension));

  const std::string proposal = Proposal(request);
  const std::string proposal_hash = crypto::Sha256({Encode(channel), Encode(creator), proposal}).ToString();
  protos::ChaincodeActionPayload action;
  action.set_chaincode_proposal_payload(proposal);
  protos::ChaincodeEndorsedAction& endorsed = *action.mutable_action();
  endorsed.set_proposal_response_payload(ProposalResponse(request, proposal_hash));
  for (const Member* endorser : request.endorsers) {
    protos::Endorsement& endorsement = *endorsed.add_endorsements();
    endorsement.set_endorser(endorser->SerializedIdentity().ToString());
    endorsement.set_signature(endorser->key.Sign(endorsed.proposal_response_payload() + endorsement.endorser()));
  }
  protos::Transaction transaction;
  protos::TransactionAction& entry = *transaction.add_actions();
  entry.set_header(Encode(creator));
  entry.set_payload(Encode(action));
  return MakeEnvelope(channel, creator, Encode(transaction), request.client);
}

}  // namespace grapevine::testnet

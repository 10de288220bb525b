#include "testnet/block_maker.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "crypto/der.h"
#include "crypto/hash.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "testnet/encoding.h"
#include "testnet/transactions.h"

namespace grapevine::testnet {
namespace {

constexpr int kMetadataItems = 5;
constexpr base::Duration kBlockInterval = std::chrono::seconds(1);

std::string HeaderBytes(const common::BlockHeader& header) {
  return crypto::DerSequence(crypto::DerInteger(header.number()) + crypto::DerOctetString(header.previous_hash()) +
                             crypto::DerOctetString(header.data_hash()));
}

// `size` bytes that differ from key to key and do not compress.
std::string MakeValue(const std::string& key, std::size_t size) {
  std::string value;
  value.reserve(size + crypto::Digest::kSize);
  for (crypto::Digest piece = crypto::Sha256(key); value.size() < size; piece = crypto::Sha256(piece.view())) {
    value += piece.view();
  }
  value.resize(size);
  return value;
}

}  // namespace

struct BlockMaker::State {
  Network network;
  ChannelOptions options;
  common::Config config;
  std::string genesis;
  std::string previous_hash;
  std::uint64_t height = 0;
  std::uint64_t last_config = 0;
  std::string last_update;

  base::WallTime TimeOf(std::uint64_t number) const {
    return network.config().not_before + std::chrono::hours(24) + kBlockInterval * number;
  }
  // The orderers lead in turn.
  const Member& Leader() const {
    const std::vector<Member>& orderers = network.orderer_organization().nodes;
    return orderers[height % orderers.size()];
  }
  std::vector<const Member*> Admins() const {
    std::vector<const Member*> admins = {&network.orderer_organization().admin()};
    for (const Organization& organization : network.organizations()) admins.push_back(&organization.admin());
    return admins;
  }

  std::string Metadata(const common::BlockHeader& header) const;
  std::string Finish(const std::vector<std::string>& envelopes);
  void MakeGenesis();
  std::string MakeEndorserTransaction(const BlockShape& shape, std::size_t index) const;
  void Apply(const ConfigChange& change, common::ConfigUpdate& update);
  std::string MakeUpdate(const std::vector<ConfigChange>& changes);
};

// Slot 0: who vouches for the block, and where the last configuration stands (03, 6.4).
std::string BlockMaker::State::Metadata(const common::BlockHeader& header) const {
  common::OrdererBlockMetadata value;
  value.mutable_last_config()->set_index(last_config);
  common::Metadata metadata;
  if (height > 0) {
    const std::uint64_t orderers = network.orderer_organization().nodes.size();
    etcdraft::BlockMetadata raft;
    for (std::uint64_t id = 1; id <= orderers; ++id) raft.add_consenter_ids(id);
    raft.set_next_consenter_id(orderers + 1);
    // raft_index stays 0: no raft log holds these blocks, and an orderer with a log of its own takes them as given.
    common::Metadata consenter;  // without signatures: the form that older orderers wrote into a slot of its own
    consenter.set_value(Encode(raft));
    value.set_consenter_metadata(Encode(consenter));
  }
  metadata.set_value(Encode(value));
  if (height > 0) {
    common::MetadataSignature& signature = *metadata.add_signatures();
    signature.set_signature_header(
        Encode(MakeSignatureHeader(network, Leader(), fmt::format("{} block {}", options.name, height))));
    signature.set_signature(Leader().key.Sign(metadata.value() + signature.signature_header() + HeaderBytes(header)));
  }
  return Encode(metadata);
}

std::string BlockMaker::State::Finish(const std::vector<std::string>& envelopes) {
  common::Block block;
  crypto::Hasher data;
  for (const std::string& envelope : envelopes) {
    data.Update(envelope);
    block.mutable_data()->add_data(envelope);
  }
  common::BlockHeader& header = *block.mutable_header();
  header.set_number(height);
  header.set_previous_hash(previous_hash);
  header.set_data_hash(data.Finish().ToString());
  block.mutable_metadata()->add_metadata(Metadata(header));
  while (block.metadata().metadata_size() < kMetadataItems) block.mutable_metadata()->add_metadata();
  previous_hash = crypto::Sha256(HeaderBytes(header)).ToString();
  ++height;
  return Encode(block);
}

void BlockMaker::State::MakeGenesis() {
  *config.mutable_channel_group() = ChannelGroup(network, options);
  common::SignatureHeader nobody;
  nobody.set_nonce(MakeNonce(network, options.name + " genesis"));
  common::ChannelHeader header = MakeChannelHeader(common::CONFIG, options.name, TimeOf(0));
  header.set_version(1);
  header.set_tx_id(MakeTransactionId(nobody.nonce(), {}));
  common::ConfigEnvelope envelope;
  *envelope.mutable_config() = config;
  genesis = Finish({MakeEnvelope(header, nobody, Encode(envelope), nullptr)});
}

std::string BlockMaker::State::MakeEndorserTransaction(const BlockShape& shape, std::size_t index) const {
  const std::vector<Organization>& organizations = network.organizations();
  const std::size_t turn = static_cast<std::size_t>(height) + index;
  const std::vector<Member>& users = organizations[turn % organizations.size()].users;
  TransactionRequest request;
  request.channel = options.name;
  request.time = TimeOf(height);
  request.client = &users[users.size() > 1 ? 1 + turn / organizations.size() % (users.size() - 1) : 0];
  for (std::size_t i = 0; i < std::min(shape.endorsements, organizations.size()); ++i) {
    const std::vector<Member>& peers = organizations[(turn + i) % organizations.size()].nodes;
    if (!peers.empty()) request.endorsers.push_back(&peers[turn / organizations.size() % peers.size()]);
  }
  request.key = fmt::format("key-{}-{}", height, index);
  request.value = MakeValue(request.key, shape.value_bytes);
  request.nonce_label = fmt::format("{} transaction {} {}", options.name, height, index);
  return MakeTransaction(network, request);
}

// Changes the configuration, and names the change in the update: what it relies on in the read set, what it writes in
// the write set, each group with the version that it has.
void BlockMaker::State::Apply(const ConfigChange& change, common::ConfigUpdate& update) {
  common::ConfigGroup* group = config.mutable_channel_group();
  common::ConfigGroup* read = update.mutable_read_set();
  common::ConfigGroup* write = update.mutable_write_set();
  read->set_version(group->version());
  write->set_version(group->version());
  for (const std::string& name : change.group) {
    group = &(*group->mutable_groups())[name];
    read = &(*read->mutable_groups())[name];
    write = &(*write->mutable_groups())[name];
    read->set_version(group->version());
    write->set_version(group->version());
  }
  common::ConfigValue& value = (*group->mutable_values())[change.key];
  value.set_version(value.version() + 1);
  value.set_value(change.value);
  value.set_mod_policy("Admins");
  (*write->mutable_values())[change.key] = value;
}

// An envelope of type CONFIG_UPDATE, signed by the admins of all organisations.
std::string BlockMaker::State::MakeUpdate(const std::vector<ConfigChange>& changes) {
  common::ConfigUpdate update;
  update.set_channel_id(options.name);
  for (const ConfigChange& change : changes) Apply(change, update);
  common::ConfigUpdateEnvelope envelope;
  envelope.set_config_update(Encode(update));
  const std::string label = fmt::format("{} update {}", options.name, height);
  for (const Member* admin : Admins()) {
    common::ConfigSignature& signature = *envelope.add_signatures();
    signature.set_signature_header(Encode(MakeSignatureHeader(network, *admin, label + " " + admin->name)));
    signature.set_signature(admin->key.Sign(signature.signature_header() + envelope.config_update()));
  }
  const Member& submitter = network.orderer_organization().admin();
  return MakeEnvelope(MakeChannelHeader(common::CONFIG_UPDATE, options.name, TimeOf(height)),
                      MakeSignatureHeader(network, submitter, label), Encode(envelope), &submitter);
}

BlockMaker::BlockMaker(const Network& network, const ChannelOptions& options)
    : state_(new State{.network = network,
                       .options = options,
                       .config = {},
                       .genesis = {},
                       .previous_hash = {},
                       .height = 0,
                       .last_config = 0,
                       .last_update = {}}) {
  state_->MakeGenesis();
}

BlockMaker::~BlockMaker() = default;

const std::string& BlockMaker::genesis() const { return state_->genesis; }

const std::string& BlockMaker::last_update() const { return state_->last_update; }

std::uint64_t BlockMaker::height() const { return state_->height; }

std::string BlockMaker::Next(const BlockShape& shape) {
  std::vector<std::string> envelopes;
  for (std::size_t i = 0; i < shape.transactions; ++i) envelopes.push_back(state_->MakeEndorserTransaction(shape, i));
  return state_->Finish(envelopes);
}

std::string BlockMaker::NextConfig(const std::vector<ConfigChange>& changes) {
  State& state = *state_;
  common::ConfigEnvelope envelope;
  state.last_update = state.MakeUpdate(changes);
  envelope.mutable_last_update()->ParseFromString(state.last_update);
  state.config.set_sequence(state.config.sequence() + 1);
  *envelope.mutable_config() = state.config;
  state.last_config = state.height;
  const common::SignatureHeader creator = MakeSignatureHeader(
      state.network, state.Leader(), fmt::format("{} configuration {}", state.options.name, state.height));
  return state.Finish({MakeEnvelope(MakeChannelHeader(common::CONFIG, state.options.name, state.TimeOf(state.height)),
                                    creator, Encode(envelope), &state.Leader())});
}

}  // namespace grapevine::testnet

#include "testnet/channel_config.h"

#include <fmt/core.h>

#include <cstddef>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "common/policies.pb.h"
#include "msp/msp_config.pb.h"
#include "msp/msp_principal.pb.h"
#include "orderer/configuration.pb.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "peer/configuration.pb.h"
#include "testnet/encoding.h"

namespace grapevine::testnet {
namespace {

constexpr std::uint16_t kPortsPerNode = 10;
constexpr std::uint32_t kAbsoluteMaxBytes = 10 << 20;
constexpr std::uint32_t kPreferredMaxBytes = 2 << 20;
constexpr std::uint32_t kSnapshotIntervalBytes = 16 << 20;
const char* const kAdmins = "Admins";

using MspRole = common::MSPRole;

void SetPolicy(common::ConfigGroup& group, const std::string& name, common::Policy::PolicyType type,
               std::string value) {
  common::ConfigPolicy& policy = (*group.mutable_policies())[name];
  policy.set_mod_policy(kAdmins);
  policy.mutable_policy()->set_type(type);
  policy.mutable_policy()->set_value(std::move(value));
}

// ANY, ALL or MAJORITY of the policies called `sub_policy` one level below.
void SetImplicitPolicy(common::ConfigGroup& group, const std::string& name, common::ImplicitMetaPolicy::Rule rule,
                       const std::string& sub_policy) {
  common::ImplicitMetaPolicy policy;
  policy.set_rule(rule);
  policy.set_sub_policy(sub_policy);
  SetPolicy(group, name, common::Policy::IMPLICIT_META, Encode(policy));
}

// One signature of a member of `msp_id` with any of the roles.
void SetRolePolicy(common::ConfigGroup& group, const std::string& name, const std::string& msp_id,
                   std::initializer_list<MspRole::MSPRoleType> roles) {
  common::SignaturePolicyEnvelope envelope;
  common::SignaturePolicy::NOutOf& any = *envelope.mutable_rule()->mutable_n_out_of();
  any.set_n(1);
  for (const MspRole::MSPRoleType type : roles) {
    any.add_rules()->set_signed_by(envelope.identities_size());
    MspRole role;
    role.set_msp_identifier(msp_id);
    role.set_role(type);
    common::MSPPrincipal& principal = *envelope.add_identities();
    principal.set_principal_classification(common::MSPPrincipal::ROLE);
    principal.set_principal(Encode(role));
  }
  SetPolicy(group, name, common::Policy::SIGNATURE, Encode(envelope));
}

void SetValue(common::ConfigGroup& group, const std::string& key, std::string value) {
  common::ConfigValue& entry = (*group.mutable_values())[key];
  entry.set_mod_policy(kAdmins);
  entry.set_value(std::move(value));
}

void SetCapability(common::ConfigGroup& group) {
  common::Capabilities capabilities;
  (*capabilities.mutable_capabilities())["V2_0"];
  SetValue(group, "Capabilities", Encode(capabilities));
}

void SetCommonPolicies(common::ConfigGroup& group) {
  group.set_mod_policy(kAdmins);
  SetImplicitPolicy(group, "Readers", common::ImplicitMetaPolicy::ANY, "Readers");
  SetImplicitPolicy(group, "Writers", common::ImplicitMetaPolicy::ANY, "Writers");
  SetImplicitPolicy(group, kAdmins, common::ImplicitMetaPolicy::MAJORITY, kAdmins);
}

common::OrdererAddresses Addresses(const std::vector<Endpoint>& endpoints) {
  common::OrdererAddresses addresses;
  for (const Endpoint& endpoint : endpoints) {
    addresses.add_addresses(fmt::format("{}:{}", endpoint.host, endpoint.port));
  }
  return addresses;
}

common::ConfigGroup OrdererOrganizationGroup(const Organization& organization, const ChannelOptions& options) {
  common::ConfigGroup group;
  group.set_mod_policy(kAdmins);
  SetRolePolicy(group, "Readers", organization.msp_id, {MspRole::MEMBER});
  SetRolePolicy(group, "Writers", organization.msp_id, {MspRole::MEMBER});
  SetRolePolicy(group, kAdmins, organization.msp_id, {MspRole::ADMIN});
  SetValue(group, "MSP", MspValue(organization));
  SetValue(group, "Endpoints", Encode(Addresses(options.orderers)));
  return group;
}

common::ConfigGroup PeerOrganizationGroup(const Organization& organization, const ChannelOptions& options) {
  common::ConfigGroup group;
  group.set_mod_policy(kAdmins);
  SetRolePolicy(group, "Readers", organization.msp_id, {MspRole::ADMIN, MspRole::PEER, MspRole::CLIENT});
  SetRolePolicy(group, "Writers", organization.msp_id, {MspRole::ADMIN, MspRole::CLIENT});
  SetRolePolicy(group, kAdmins, organization.msp_id, {MspRole::ADMIN});
  SetRolePolicy(group, "Endorsement", organization.msp_id, {MspRole::PEER});
  SetValue(group, "MSP", MspValue(organization));
  const auto anchors = options.anchor_peers.find(organization.msp_id);
  if (anchors != options.anchor_peers.end()) SetValue(group, "AnchorPeers", AnchorPeersValue(anchors->second));
  return group;
}

std::string ConsensusType(const Network& network, const ChannelOptions& options) {
  etcdraft::ConfigMetadata metadata;
  const std::vector<Member>& orderers = network.orderer_organization().nodes;
  for (std::size_t i = 0; i < orderers.size() && i < options.orderers.size(); ++i) {
    etcdraft::Consenter& consenter = *metadata.add_consenters();
    consenter.set_host(options.orderers[i].host);
    consenter.set_port(options.orderers[i].port);
    consenter.set_client_tls_cert(orderers[i].tls_certificate);
    consenter.set_server_tls_cert(orderers[i].tls_certificate);
  }
  etcdraft::Options& raft = *metadata.mutable_options();
  raft.set_tick_interval("100ms");
  raft.set_election_tick(10);
  raft.set_heartbeat_tick(1);
  raft.set_max_inflight_blocks(5);
  raft.set_snapshot_interval_size(kSnapshotIntervalBytes);
  orderer::ConsensusType type;
  type.set_type("etcdraft");
  type.set_metadata(Encode(metadata));
  return Encode(type);
}

common::ConfigGroup OrdererGroup(const Network& network, const ChannelOptions& options) {
  common::ConfigGroup group;
  SetCommonPolicies(group);
  SetImplicitPolicy(group, "BlockValidation", common::ImplicitMetaPolicy::ANY, "Writers");
  SetValue(group, "ConsensusType", ConsensusType(network, options));
  SetValue(group, "BatchSize", BatchSizeValue(options.max_message_count));
  orderer::BatchTimeout timeout;
  timeout.set_timeout(options.batch_timeout);
  SetValue(group, "BatchTimeout", Encode(timeout));
  SetValue(group, "ChannelRestrictions", Encode(orderer::ChannelRestrictions()));
  SetCapability(group);
  (*group.mutable_groups())["OrdererOrg"] = OrdererOrganizationGroup(network.orderer_organization(), options);
  return group;
}

common::ConfigGroup ApplicationGroup(const Network& network, const ChannelOptions& options) {
  common::ConfigGroup group;
  SetCommonPolicies(group);
  SetImplicitPolicy(group, "Endorsement", common::ImplicitMetaPolicy::MAJORITY, "Endorsement");
  SetImplicitPolicy(group, "LifecycleEndorsement", common::ImplicitMetaPolicy::MAJORITY, "Endorsement");
  SetCapability(group);
  for (const Organization& organization : network.organizations()) {
    (*group.mutable_groups())[organization.msp_id] = PeerOrganizationGroup(organization, options);
  }
  return group;
}

}  // namespace

Endpoint OrdererEndpoint(std::uint16_t base_port, std::size_t orderer) {
  return {.port = static_cast<std::uint16_t>(base_port + kPortsPerNode * orderer)};
}

Endpoint PeerEndpoint(const Network& network, std::uint16_t base_port, std::size_t organization, std::size_t peer) {
  const NetworkConfig& config = network.config();
  return OrdererEndpoint(base_port, config.orderers + organization * config.peers + peer);
}

ChannelOptions LoopbackChannel(const Network& network, std::uint16_t base_port) {
  ChannelOptions options;
  for (std::size_t i = 0; i < network.config().orderers; ++i) {
    options.orderers.push_back(OrdererEndpoint(base_port, i));
  }
  for (std::size_t i = 0; i < network.organizations().size() && network.config().peers > 0; ++i) {
    options.anchor_peers[network.organizations()[i].msp_id] = {PeerEndpoint(network, base_port, i, 0)};
  }
  return options;
}

common::ConfigGroup ChannelGroup(const Network& network, const ChannelOptions& options) {
  common::ConfigGroup group;
  SetCommonPolicies(group);
  common::HashingAlgorithm hashing;
  hashing.set_name("SHA256");
  SetValue(group, "HashingAlgorithm", Encode(hashing));
  common::BlockDataHashingStructure structure;
  structure.set_width(0xffffffff);
  SetValue(group, "BlockDataHashingStructure", Encode(structure));
  SetCapability(group);
  (*group.mutable_groups())["Orderer"] = OrdererGroup(network, options);
  (*group.mutable_groups())["Application"] = ApplicationGroup(network, options);
  return group;
}

std::string BatchSizeValue(std::uint32_t max_message_count) {
  orderer::BatchSize size;
  size.set_max_message_count(max_message_count);
  size.set_absolute_max_bytes(kAbsoluteMaxBytes);
  size.set_preferred_max_bytes(kPreferredMaxBytes);
  return Encode(size);
}

std::string AnchorPeersValue(const std::vector<Endpoint>& anchor_peers) {
  protos::AnchorPeers anchors;
  for (const Endpoint& endpoint : anchor_peers) {
    protos::AnchorPeer& anchor = *anchors.add_anchor_peers();
    anchor.set_host(endpoint.host);
    anchor.set_port(endpoint.port);
  }
  return Encode(anchors);
}

std::string MspValue(const Organization& organization, const std::vector<std::string>& revocation_lists) {
  ::msp::FabricMSPConfig config;
  config.set_name(organization.msp_id);
  config.add_root_certs(organization.ca.certificate);
  config.add_tls_root_certs(organization.tls_ca.certificate);
  for (const std::string& list : revocation_lists) config.add_revocation_list(list);
  config.mutable_crypto_config()->set_signature_hash_family("SHA2");
  config.mutable_crypto_config()->set_identity_identifier_hash_function("SHA256");
  ::msp::FabricNodeOUs& units = *config.mutable_fabric_node_ous();
  units.set_enable(true);
  const auto set_unit = [&](::msp::FabricOUIdentifier& unit, const char* name) {
    unit.set_certificate(organization.ca.certificate);
    unit.set_organizational_unit_identifier(name);
  };
  set_unit(*units.mutable_client_ou_identifier(), "client");
  set_unit(*units.mutable_peer_ou_identifier(), "peer");
  set_unit(*units.mutable_admin_ou_identifier(), "admin");
  set_unit(*units.mutable_orderer_ou_identifier(), "orderer");
  ::msp::MSPConfig wrapper;
  wrapper.set_config(Encode(config));
  return Encode(wrapper);
}

}  // namespace grapevine::testnet

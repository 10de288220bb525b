#include "msp/channel_config.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "msp/block.h"
#include "msp/msp_config.pb.h"
#include "orderer/configuration.pb.h"
#include "peer/configuration.pb.h"

namespace grapevine::msp {

namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using ::common::ConfigGroup;
using ::common::ConfigValue;

constexpr char kMspKey[] = "MSP";
constexpr char kCapabilitiesKey[] = "Capabilities";
constexpr char kOrderersKey[] = "Orderers";
constexpr char kEndpointsKey[] = "Endpoints";
constexpr std::uint32_t kFabricMspType = 0;

// A value that a group may have, and whether its bytes decode as the message that belongs there.
struct KnownValue {
  const char* key;
  bool (*decodes)(const std::string&);
};

template <typename T>
bool Decodes(const std::string& bytes) {
  return T().ParseFromString(bytes);
}

constexpr KnownValue kChannelValues[] = {
    {"HashingAlgorithm", Decodes<::common::HashingAlgorithm>},
    {"BlockDataHashingStructure", Decodes<::common::BlockDataHashingStructure>},
    {"OrdererAddresses", Decodes<::common::OrdererAddresses>},
    {"Consortium", Decodes<::common::Consortium>},
    {kCapabilitiesKey, Decodes<::common::Capabilities>},
    {kOrderersKey, Decodes<::common::Orderers>},
};
constexpr KnownValue kOrdererValues[] = {
    {"ConsensusType", Decodes<::orderer::ConsensusType>},
    {"BatchSize", Decodes<::orderer::BatchSize>},
    {"BatchTimeout", Decodes<::orderer::BatchTimeout>},
    {"KafkaBrokers", Decodes<::orderer::KafkaBrokers>},
    {"ChannelRestrictions", Decodes<::orderer::ChannelRestrictions>},
    {kCapabilitiesKey, Decodes<::common::Capabilities>},
    {kOrderersKey, Decodes<::common::Orderers>},
};
constexpr KnownValue kOrdererOrganizationValues[] = {
    {kMspKey, Decodes<::msp::MSPConfig>},
    {kEndpointsKey, Decodes<::common::OrdererAddresses>},
};
constexpr KnownValue kApplicationValues[] = {
    {"ACLs", Decodes<::protos::ACLs>},
    {kCapabilitiesKey, Decodes<::common::Capabilities>},
};
constexpr KnownValue kApplicationOrganizationValues[] = {
    {kMspKey, Decodes<::msp::MSPConfig>},
    {"AnchorPeers", Decodes<::protos::AnchorPeers>},
};

// What this version can honour; whoever meets another name must stop using the channel (8.4).
const std::set<std::string> kKnownChannelCapabilities = {"V1_1", "V1_3", "V1_4_2", "V1_4_3", "V2_0", "V3_0"};
const std::set<std::string> kKnownApplicationCapabilities = {
    "V1_1", "V1_2", "V1_3", "V1_4_2", "V2_0", "V2_5", "V1_1_PVTDATA_EXPERIMENTAL", "V1_1_RESOURCETREE_EXPERIMENTAL"};

// Protocol buffers' maps have no order; errors and lists shall not depend on that.
template <typename Map>
auto Sorted(const Map& map) {
  std::map<std::string, const typename Map::mapped_type*> sorted;
  for (const auto& [key, value] : map) sorted.emplace(key, &value);
  return sorted;
}

Result<void> CheckValues(const std::string& path, const ConfigGroup& group, std::span<const KnownValue> known) {
  for (const auto& [key, value] : Sorted(group.values())) {
    const auto found = std::ranges::find_if(known, [&](const KnownValue& candidate) { return key == candidate.key; });
    if (found == known.end()) return Fail(ErrorCode::kInvalid, "{}: unknown value '{}'", path, key);
    if (!found->decodes(value->value())) return Fail(ErrorCode::kInvalid, "{}: value '{}' does not decode", path, key);
  }
  return {};
}

// The decoded value, or a default one if the group does not have it. CheckValues has seen that it decodes.
template <typename T>
T ValueOf(const ConfigGroup& group, const char* key) {
  T message;
  if (const auto found = group.values().find(key); found != group.values().end()) {
    message.ParseFromString(found->second.value());
  }
  return message;
}

std::set<std::string> CapabilitiesOf(const ConfigGroup& group) {
  std::set<std::string> names;
  const auto capabilities = ValueOf<::common::Capabilities>(group, kCapabilitiesKey);
  for (const auto& [name, unused] : capabilities.capabilities()) names.insert(name);
  return names;
}

Result<void> CheckCapabilities(const std::string& path, const std::set<std::string>& required,
                               const std::set<std::string>& known) {
  for (const std::string& name : required) {
    if (!known.contains(name)) return Fail(ErrorCode::kInvalid, "{}: capability '{}' is not known here", path, name);
  }
  return {};
}

// 4.2: the highest capability wins.
MspVersion VersionFor(const std::set<std::string>& capabilities) {
  if (capabilities.contains("V3_0")) return MspVersion::kV3_0;
  if (capabilities.contains("V1_4_3") || capabilities.contains("V2_0")) return MspVersion::kV1_4_3;
  if (capabilities.contains("V1_3") || capabilities.contains("V1_4_2")) return MspVersion::kV1_3;
  return capabilities.contains("V1_1") ? MspVersion::kV1_1 : MspVersion::kV1_0;
}

// V1_4_2 and later.
bool AllowsEndpointsOfOrganizations(const std::set<std::string>& capabilities) {
  return std::ranges::any_of(std::initializer_list<const char*>{"V1_4_2", "V1_4_3", "V2_0", "V3_0"},
                             [&](const char* name) { return capabilities.contains(name); });
}

PolicyGroup PoliciesOf(const ConfigGroup& group) {
  PolicyGroup policies;
  for (const auto& [name, config] : group.policies()) {
    policies.policies.emplace(name, PolicyGroup::Definition{config.policy().type(), config.policy().value()});
  }
  for (const auto& [name, child] : group.groups()) policies.groups.emplace(name, PoliciesOf(child));
  return policies;
}

}  // namespace

// Fills a ChannelConfig from the tree, in the order in which later parts need earlier ones.
class ChannelConfigBuilder {
 public:
  ChannelConfigBuilder(std::string channel_id, const ::common::Config& config) : root_(config.channel_group()) {
    config_->channel_id_ = std::move(channel_id);
    config_->sequence_ = config.sequence();
  }

  Result<ChannelConfigPtr> Build() {
    if (auto read = ReadChannel(); !read) return std::unexpected(read.error());
    if (const auto* group = Child("Application"); group != nullptr) {
      if (auto read = ReadApplication(*group); !read) return std::unexpected(read.error());
    }
    if (const auto* group = Child("Orderer"); group != nullptr) {
      if (auto read = ReadOrderer(*group); !read) return std::unexpected(read.error());
    }
    if (auto made = MakeMspManager(); !made) return std::unexpected(made.error());
    CollectTlsAuthorities();
    if (auto read = ReadOrdererAddresses(); !read) return std::unexpected(read.error());
    auto policies = PolicyTree::Create(PoliciesOf(root_), config_->msp_manager_);
    if (!policies) return std::unexpected(policies.error());
    config_->policies_ = std::move(*policies);
    return config_;
  }

 private:
  struct MspDefinition {
    std::string path;
    ::msp::MSPConfig config;
    ::msp::FabricMSPConfig fabric;
  };

  const ConfigGroup* Child(const char* name) const {
    const auto found = root_.groups().find(name);
    return found == root_.groups().end() ? nullptr : &found->second;
  }

  Result<void> ReadChannel() {
    for (const auto& [name, unused] : Sorted(root_.groups())) {
      if (name != "Application" && name != "Orderer" && name != "Consortiums") {
        return Fail(ErrorCode::kInvalid, "/Channel: unknown group '{}'", name);
      }
    }
    if (auto checked = CheckValues("/Channel", root_, kChannelValues); !checked) return checked;
    const std::string hash = ValueOf<::common::HashingAlgorithm>(root_, "HashingAlgorithm").name();
    if (hash != "SHA256" && hash != "SHA3_256") {
      return Fail(ErrorCode::kInvalid, "/Channel: hashing algorithm '{}'; expected SHA256 or SHA3_256", hash);
    }
    const auto structure = ValueOf<::common::BlockDataHashingStructure>(root_, "BlockDataHashingStructure");
    if (structure.width() != 0xffffffffU) {
      return Fail(ErrorCode::kInvalid, "/Channel: block data hashing width {}; expected 2^32 - 1", structure.width());
    }
    config_->channel_capabilities_ = CapabilitiesOf(root_);
    return CheckCapabilities("/Channel", config_->channel_capabilities_, kKnownChannelCapabilities);
  }

  Result<void> ReadApplication(const ConfigGroup& application) {
    const std::string path = "/Channel/Application";
    if (auto checked = CheckValues(path, application, kApplicationValues); !checked) return checked;
    config_->application_capabilities_ = CapabilitiesOf(application);
    if (auto checked = CheckCapabilities(path, config_->application_capabilities_, kKnownApplicationCapabilities);
        !checked) {
      return checked;
    }
    const auto acls = ValueOf<::protos::ACLs>(application, "ACLs");
    for (const auto& [resource, acl] : acls.acls()) config_->acls_.emplace(resource, acl.policy_ref());

    for (const auto& [name, group] : Sorted(application.groups())) {
      const auto msp_id = ReadOrganization(path + "/" + name, *group, kApplicationOrganizationValues);
      if (!msp_id) return std::unexpected(msp_id.error());
      ApplicationOrganization& organization = config_->application_organizations_[*msp_id];
      organization.msp_id = *msp_id;
      const auto anchors = ValueOf<::protos::AnchorPeers>(*group, "AnchorPeers");
      for (const ::protos::AnchorPeer& anchor : anchors.anchor_peers()) {
        if (anchor.host().empty() || anchor.port() <= 0 || anchor.port() > 0xffff) continue;
        organization.anchor_peers.push_back({anchor.host(), static_cast<std::uint16_t>(anchor.port())});
      }
    }
    return {};
  }

  Result<void> ReadOrderer(const ConfigGroup& orderer) {
    const std::string path = "/Channel/Orderer";
    if (auto checked = CheckValues(path, orderer, kOrdererValues); !checked) return checked;
    config_->consensus_type_ = ValueOf<::orderer::ConsensusType>(orderer, "ConsensusType").type();
    const auto orderers = ValueOf<::common::Orderers>(orderer, kOrderersKey);
    for (const ::common::Consenter& consenter : orderers.consenter_mapping()) {
      config_->consenters_.try_emplace(consenter.id(),
                                       Consenter{consenter.id(), consenter.msp_id(), consenter.identity()});
    }
    for (const auto& [name, group] : Sorted(orderer.groups())) {
      const std::string group_path = path + "/" + name;
      const auto msp_id = ReadOrganization(group_path, *group, kOrdererOrganizationValues);
      if (!msp_id) return std::unexpected(msp_id.error());
      const auto endpoints = ValueOf<::common::OrdererAddresses>(*group, kEndpointsKey);
      if (group->values().contains(kEndpointsKey) && !AllowsEndpointsOfOrganizations(config_->channel_capabilities_)) {
        return Fail(ErrorCode::kInvalid, "{}: value 'Endpoints' needs channel capability V1_4_2 or later", group_path);
      }
      config_->orderer_organizations_[name] = {
          *msp_id, {endpoints.addresses().begin(), endpoints.addresses().end()}, {}};
    }
    return {};
  }

  // Notes the organisation's MSP and returns its id.
  Result<std::string> ReadOrganization(const std::string& path, const ConfigGroup& group,
                                       std::span<const KnownValue> known) {
    if (!group.groups().empty()) return Fail(ErrorCode::kInvalid, "{}: an organisation cannot have groups", path);
    if (auto checked = CheckValues(path, group, known); !checked) return std::unexpected(checked.error());
    MspDefinition definition{path, ValueOf<::msp::MSPConfig>(group, kMspKey), {}};
    // The name has the same place in the configuration of an Idemix MSP.
    if (!definition.fabric.ParseFromString(definition.config.config())) {
      return Fail(ErrorCode::kInvalid, "{}: the definition of its MSP does not decode", path);
    }
    std::string msp_id = definition.fabric.name();
    if (msp_id.empty()) return Fail(ErrorCode::kInvalid, "{}: its MSP has no name", path);
    const auto [known_msp, added] = msps_.try_emplace(msp_id, std::move(definition));
    if (!added && (known_msp->second.config.type() != ValueOf<::msp::MSPConfig>(group, kMspKey).type() ||
                   known_msp->second.config.config() != ValueOf<::msp::MSPConfig>(group, kMspKey).config())) {
      return Fail(ErrorCode::kInvalid, "{} and {} define MSP '{}' differently", known_msp->second.path, path, msp_id);
    }
    return msp_id;
  }

  Result<void> MakeMspManager() {
    std::vector<MspPtr> msps;
    for (const auto& [msp_id, definition] : msps_) {
      // Peers have X.509 identities; members of an MSP of another type are unknown to gossip.
      if (definition.config.type() != kFabricMspType) continue;
      auto msp = Msp::Create(definition.fabric, VersionFor(config_->channel_capabilities_));
      if (!msp) return base::Wrap(msp.error(), "{}: MSP '{}'", definition.path, msp_id);
      msps.push_back(std::move(*msp));
    }
    auto manager = MspManager::Create(std::move(msps));
    if (!manager) return std::unexpected(manager.error());
    config_->msp_manager_ = std::move(*manager);
    return {};
  }

  std::vector<CertificatePtr> TlsAuthoritiesOf(const std::string& msp_id) const {
    const Msp* msp = config_->msp_manager_->Find(msp_id);
    if (msp == nullptr) return {};
    std::vector<CertificatePtr> authorities = msp->tls_roots();
    authorities.insert(authorities.end(), msp->tls_intermediates().begin(), msp->tls_intermediates().end());
    return authorities;
  }

  void CollectTlsAuthorities() {
    for (const auto& [msp_id, unused] : config_->application_organizations_) {
      const auto authorities = TlsAuthoritiesOf(msp_id);
      config_->application_tls_authorities_.insert(config_->application_tls_authorities_.end(), authorities.begin(),
                                                   authorities.end());
    }
    for (auto& [unused, organization] : config_->orderer_organizations_) {
      organization.tls_authorities = TlsAuthoritiesOf(organization.msp_id);
    }
  }

  Result<void> ReadOrdererAddresses() {
    const auto global = ValueOf<::common::OrdererAddresses>(root_, "OrdererAddresses");
    config_->orderer_addresses_.assign(global.addresses().begin(), global.addresses().end());
    if (!config_->has_bft_rules()) return {};
    if (!global.addresses().empty()) {
      return Fail(ErrorCode::kInvalid, "/Channel: with capability V3_0 'OrdererAddresses' must be empty");
    }
    for (const auto& [name, organization] : config_->orderer_organizations_) {
      if (!organization.addresses.empty()) continue;
      return Fail(ErrorCode::kInvalid, "/Channel/Orderer/{}: with capability V3_0 it must have 'Endpoints'", name);
    }
    return {};
  }

  const ConfigGroup& root_;
  std::shared_ptr<ChannelConfig> config_{new ChannelConfig};
  std::map<std::string, MspDefinition> msps_;  // by MSP id
};

Result<ChannelConfigPtr> ChannelConfig::FromBlock(base::ByteView serialized) {
  const auto block = ParseBlock(serialized);
  if (!block) return std::unexpected(block.error());
  if (!IsConfigBlock(*block)) {
    return Fail(ErrorCode::kInvalid, "block {} is not a configuration block", block->header.number);
  }
  const base::ByteView transaction = block->transactions.front();
  return FromEnvelope(InspectTransaction(transaction)->channel_id, *TransactionData(transaction));
}

Result<ChannelConfigPtr> ChannelConfig::FromEnvelope(std::string channel_id, base::ByteView config_envelope) {
  ::common::ConfigEnvelope envelope;
  if (!envelope.ParseFromArray(config_envelope.data(), static_cast<int>(config_envelope.size()))) {
    return Fail(ErrorCode::kInvalid, "channel '{}': not a common.ConfigEnvelope", channel_id);
  }
  if (!envelope.config().has_channel_group()) {
    return Fail(ErrorCode::kInvalid, "channel '{}': the configuration has no channel group", channel_id);
  }
  auto config = ChannelConfigBuilder(channel_id, envelope.config()).Build();
  if (!config) return base::Wrap(config.error(), "configuration of channel '{}'", channel_id);
  return config;
}

const Consenter* ChannelConfig::FindConsenter(std::uint32_t id) const {
  const auto found = consenters_.find(id);
  return found == consenters_.end() ? nullptr : &found->second;
}

}  // namespace grapevine::msp

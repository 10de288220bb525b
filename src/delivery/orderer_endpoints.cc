#include "delivery/orderer_endpoints.h"

#include <algorithm>
#include <string>

#include "msp/pem.h"

namespace grapevine::delivery {

namespace {

bool AnyOrganizationHasAddresses(const OrdererSources& sources) {
  return std::ranges::any_of(sources.organizations, [](const auto& entry) { return !entry.second.addresses.empty(); });
}

std::vector<std::string> AuthoritiesOfAll(const OrdererSources& sources) {
  std::vector<std::string> all;
  for (const auto& [name, organization] : sources.organizations) {
    all.insert(all.end(), organization.tls_authorities.begin(), organization.tls_authorities.end());
  }
  return all;
}

}  // namespace

OrdererSources MakeOrdererSources(const msp::ChannelConfig& config) {
  OrdererSources sources;
  sources.consensus_type = config.consensus_type();
  sources.addresses = config.orderer_addresses();
  for (const auto& [name, organization] : config.orderer_organizations()) {
    OrdererOrganization& source = sources.organizations[name];
    source.addresses = organization.addresses;
    for (const msp::CertificatePtr& authority : organization.tls_authorities) {
      source.tls_authorities.push_back(msp::EncodePem("CERTIFICATE", authority->der()));
    }
  }
  return sources;
}

std::vector<OrdererAddress> OrdererAddresses(const OrdererSources& sources,
                                             const std::vector<OrdererOverride>& overrides) {
  std::vector<OrdererAddress> addresses;
  const auto add = [&](const base::Endpoint& endpoint, const std::vector<std::string>& authorities) {
    const auto found = std::ranges::find(overrides, endpoint, &OrdererOverride::from);
    OrdererAddress address = found == overrides.end() ? OrdererAddress{endpoint, authorities} : found->to;
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(std::move(address));
  };
  for (const auto& [name, organization] : sources.organizations) {
    for (const base::Endpoint& endpoint : organization.addresses) add(endpoint, organization.tls_authorities);
  }
  if (!addresses.empty()) return addresses;
  const std::vector<std::string> authorities = AuthoritiesOfAll(sources);
  for (const base::Endpoint& endpoint : sources.addresses) add(endpoint, authorities);
  return addresses;
}

bool OrderersDiffer(const OrdererSources& before, const OrdererSources& after) {
  if (before.consensus_type != after.consensus_type || before.organizations != after.organizations) return true;
  return !AnyOrganizationHasAddresses(after) && before.addresses != after.addresses;
}

bool IsByzantine(const DeliverClientConfig& config, const OrdererSources& sources) {
  return sources.consensus_type == "BFT" && config.policy == DelivererPolicy::kCluster;
}

bool PassesBlocksOn(const DeliverClientConfig& config, const OrdererSources& sources) {
  return config.block_gossip_enabled && !IsByzantine(config, sources);
}

}  // namespace grapevine::delivery

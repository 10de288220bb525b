#include "node/config_address.h"

#include "node/config_value.h"

namespace grapevine::node {

bool WantsDetectedHost(const Configuration& configuration) {
  const base::Endpoint& address = configuration.address;
  return CheckEndpoint(address).has_value() && (configuration.address_auto_detect || IsUnspecified(address));
}

void UseDetectedHost(const std::string& host, Configuration& configuration) {
  const base::Endpoint written = configuration.address;
  const base::Endpoint detected = host + written.substr(written.rfind(':'));
  configuration.address = detected;
  // peer.listenAddress is left: a peer that listens on every interface goes on to do so.
  if (configuration.gossip.endpoint == written) configuration.gossip.endpoint = detected;
}

}  // namespace grapevine::node

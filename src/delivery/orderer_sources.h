// The ordering service of a channel as its configuration names it (specification 22, section 6).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/handle.h"
#include "base/result.h"
#include "base/transport.h"

namespace grapevine::delivery {

// An organisation of the ordering service.
struct OrdererOrganization {
  std::vector<base::Endpoint> addresses;
  std::vector<std::string> tls_authorities;  // PEM, root and intermediate CAs, in the configuration's order

  friend bool operator==(const OrdererOrganization&, const OrdererOrganization&) = default;
};

// What a channel configuration says. One value per applied configuration.
struct OrdererSources {
  std::vector<base::Endpoint> addresses;                     // of the channel; used if no organisation has any
  std::map<std::string, OrdererOrganization> organizations;  // by the name of its group
  std::string consensus_type;                                // "etcdraft", "BFT"; decides on the deliverer

  friend bool operator==(const OrdererSources&, const OrdererSources&) = default;
};

// Where to dial, and whom to trust there. No authorities: the system's roots (22, section 3).
struct OrdererAddress {
  base::Endpoint endpoint;
  std::vector<std::string> tls_authorities;  // PEM

  friend bool operator==(const OrdererAddress&, const OrdererAddress&) = default;
};

// An override of an address with its CA file read (peer.deliveryclient.addressOverrides).
struct OrdererOverride {
  base::Endpoint from;
  OrdererAddress to;

  friend bool operator==(const OrdererOverride&, const OrdererOverride&) = default;
};

// Dials orderers, each with its own trust. Real: runtime::OrdererDialer. Simulated: simulation::OrdererDialer.
class Dialer {
 public:
  virtual ~Dialer() = default;
  // As base::Transport::Dial, with the given authorities instead of the transport's trust.
  virtual base::Handle Dial(const OrdererAddress& address, base::Duration timeout,
                            std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) = 0;
  // DER of the client certificate that is shown to orderers; empty: none. Its hash goes into every request (section 3).
  virtual base::Bytes client_certificate() const = 0;
};

}  // namespace grapevine::delivery

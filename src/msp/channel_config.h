// A channel configuration, checked once and ready for use (specification 03, section 8).
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "msp/certificate.h"
#include "msp/msp_manager.h"
#include "msp/policy.h"

namespace grapevine::msp {

struct AnchorPeer {
  std::string host;
  std::uint16_t port = 0;

  friend auto operator<=>(const AnchorPeer&, const AnchorPeer&) = default;
};

// An organisation of /Channel/Application. Gossip knows it by its MSP id, not by the name of its group.
struct ApplicationOrganization {
  std::string msp_id;
  std::vector<AnchorPeer> anchor_peers;  // those with a host and a port

  friend bool operator==(const ApplicationOrganization&, const ApplicationOrganization&) = default;
};

// An organisation of /Channel/Orderer: where blocks can be fetched, and whom to trust there (8.4).
struct OrdererOrganization {
  std::string msp_id;
  std::vector<std::string> addresses;           // host:port
  std::vector<CertificatePtr> tls_authorities;  // root CAs, then intermediate ones
};

// A member of the ordering service that signs blocks by its number (BFT).
struct Consenter {
  std::uint32_t id = 0;
  std::string msp_id;
  std::string identity_pem;
};

// Immutable: any thread may use it, and all share it.
class ChannelConfig {
 public:
  // From a serialised common.Block with exactly one transaction, of type CONFIG. kInvalid, naming the group or value,
  // if the configuration must not be applied; a required capability that this version does not know is such a reason.
  static base::Result<std::shared_ptr<const ChannelConfig>> FromBlock(base::ByteView block);
  // From a serialised common.ConfigEnvelope.
  static base::Result<std::shared_ptr<const ChannelConfig>> FromEnvelope(std::string channel_id,
                                                                         base::ByteView config_envelope);

  const std::string& channel_id() const { return channel_id_; }
  // Whoever has a newer one ignores this one.
  std::uint64_t sequence() const { return sequence_; }

  // /Channel has capability V3_0.
  bool has_bft_rules() const { return channel_capabilities_.contains("V3_0"); }
  const std::set<std::string>& channel_capabilities() const { return channel_capabilities_; }
  const std::set<std::string>& application_capabilities() const { return application_capabilities_; }

  // By MSP id.
  const std::map<std::string, ApplicationOrganization>& application_organizations() const {
    return application_organizations_;
  }
  // TLS root and intermediate CAs of the application organisations: whom gossip trusts (02, 2.1).
  const std::vector<CertificatePtr>& application_tls_authorities() const { return application_tls_authorities_; }

  // By the name of the group.
  const std::map<std::string, OrdererOrganization>& orderer_organizations() const { return orderer_organizations_; }
  // host:port, of the channel as a whole: for use when no organisation has addresses.
  const std::vector<std::string>& orderer_addresses() const { return orderer_addresses_; }
  // "etcdraft", "BFT"; empty if the configuration has no orderer group.
  const std::string& consensus_type() const { return consensus_type_; }
  // Null if there is none with this number.
  const Consenter* FindConsenter(std::uint32_t id) const;

  // Resource name -> policy path or name, as configured.
  const std::map<std::string, std::string>& acls() const { return acls_; }

  const MspManager& msp_manager() const { return *msp_manager_; }
  const PolicyTree& policies() const { return *policies_; }

 private:
  friend class ChannelConfigBuilder;
  ChannelConfig() = default;

  std::string channel_id_;
  std::uint64_t sequence_ = 0;
  std::set<std::string> channel_capabilities_;
  std::set<std::string> application_capabilities_;
  std::map<std::string, ApplicationOrganization> application_organizations_;
  std::vector<CertificatePtr> application_tls_authorities_;
  std::map<std::string, OrdererOrganization> orderer_organizations_;
  std::vector<std::string> orderer_addresses_;
  std::string consensus_type_;
  std::map<std::uint32_t, Consenter> consenters_;
  std::map<std::string, std::string> acls_;
  MspManagerPtr msp_manager_;
  PolicyTreePtr policies_;
};
using ChannelConfigPtr = std::shared_ptr<const ChannelConfig>;

}  // namespace grapevine::msp

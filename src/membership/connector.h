// Contact with bootstrap and anchor peers, until it is made (specification 10.7; D-11). Internal to the room.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/environment.h"
#include "comm/comm.h"
#include "membership/config.h"

namespace grapevine::membership {

// What is wanted of one endpoint.
struct Contact {
  base::Endpoint endpoint;
  std::string organization;  // declared MSP id; empty: unknown
  bool must_be_own =
      false;  // whoever answers must be of the own organisation: bootstrap peers, and anchors declared as such

  friend auto operator<=>(const Contact&, const Contact&) = default;
};

// Identifies whoever answers at an endpoint by a probing handshake and asks it for its members; tries again for ever
// while the contact is wanted, after pauses that grow by half each time and vary by a fifth up or down. An endpoint
// wanted by several (bootstrap, several channels) is contacted once. One executor. Destroying it gives everything up.
class Connector {
 public:
  static constexpr std::size_t kMaxAttempts = 16;  // under way at a time; other endpoints wait for their turn
  // Between two attempts at one endpoint, whatever is configured: no failure makes a tight loop.
  static constexpr base::Duration kLeastPause = std::chrono::milliseconds(100);

  // Sends a membership request to the identified peer, and reports, as an event of its own, whether its response came.
  // Destroying the handle withdraws the report.
  using Introduce = std::function<base::Handle(const comm::ConnectionInfo& remote, const base::Endpoint& endpoint,
                                               std::move_only_function<void(bool answered)> done)>;

  Connector(base::Environment environment, comm::Comm& comm, const MembershipConfig& config,
            std::string own_organization, Introduce introduce);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // What `owner` ("bootstrap", or a channel's name) wants contacted from now on; what it no longer wants and no other
  // owner does is given up. An endpoint that is new for the owner, or declared otherwise than before, is contacted at
  // once, also if another owner's contact has been made before; one that the owner wanted already goes on as it was. Of
  // several contacts with one endpoint the least demanding counts.
  void Want(const std::string& owner, const std::vector<Contact>& contacts);
  // Whether somebody wants the endpoint, contacted or not: such members are never forgotten (10.6).
  bool IsWanted(const base::Endpoint& endpoint) const;
  // Endpoints with which some owner's contact has not been made yet.
  std::size_t under_way() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grapevine::membership

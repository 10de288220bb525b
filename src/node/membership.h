// Whom a node may exchange messages with: what dissemination asks of membership.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/transport.h"
#include "wire/pki_id.h"

namespace grapevine::node {

struct Member {
  base::Endpoint endpoint;
  wire::PkiId pki_id;
  std::string organization;  // MSP id
};

// The view of one node. One executor.
class Membership {
 public:
  virtual ~Membership() = default;
  // Every other member believed alive, in order of PKI-ID.
  virtual std::vector<Member> Members() const = 0;
};

// A view that is given and never changes.
class StaticMembership : public Membership {
 public:
  // Sorts `members`; without the node itself.
  explicit StaticMembership(std::vector<Member> members);
  std::vector<Member> Members() const override { return members_; }

 private:
  std::vector<Member> members_;
};

}  // namespace grapevine::node

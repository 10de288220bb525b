#include "node/membership.h"

#include <algorithm>

namespace grapevine::node {

StaticMembership::StaticMembership(std::vector<Member> members) : members_(std::move(members)) {
  std::ranges::sort(members_, {}, &Member::pki_id);
}

}  // namespace grapevine::node

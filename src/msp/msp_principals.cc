// Principals: the questions that policies ask about an identity (specification 03, section 4.6).
#include <algorithm>
#include <utility>

#include "msp/msp.h"
#include "msp/msp_principal.pb.h"
#include "msp/msp_state.h"
#include "msp/serialized_identity.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

// Combined principals nest; a configuration that nests deeper than this is not meant to be evaluated.
constexpr int kMaxNesting = 32;

// What Msp::CheckPrincipal needs at hand for one identity.
class PrincipalCheck {
 public:
  PrincipalCheck(const Msp& msp, const Msp::State& state, const Identity& identity)
      : msp_(msp), state_(state), identity_(identity) {}

  Result<void> Check(const ::common::MSPPrincipal& principal, int depth) const {
    switch (principal.principal_classification()) {
      case ::common::MSPPrincipal::ROLE:
        return CheckRole(principal.principal());
      case ::common::MSPPrincipal::ORGANIZATION_UNIT:
        return CheckOrganizationUnit(principal.principal());
      case ::common::MSPPrincipal::IDENTITY:
        return CheckIdentity(principal.principal());
      case ::common::MSPPrincipal::ANONYMITY:
        return CheckAnonymity(principal.principal());
      case ::common::MSPPrincipal::COMBINED:
        return CheckCombined(principal.principal(), depth);
      default:
        return Fail(ErrorCode::kDenied, "principal classification {} is unknown",
                    static_cast<int>(principal.principal_classification()));
    }
  }

 private:
  template <typename Message>
  static Result<Message> Parse(const std::string& bytes, const char* type) {
    Message message;
    if (!message.ParseFromString(bytes)) return Fail(ErrorCode::kDenied, "the principal is not a {}", type);
    return message;
  }

  Result<void> CheckMspId(const std::string& msp_id) const {
    if (msp_id == identity_.msp_id()) return {};
    return Fail(ErrorCode::kDenied, "the identity is of MSP {}, not of {}", identity_.msp_id(), msp_id);
  }

  Result<void> CheckRole(const std::string& bytes) const {
    const auto role = Parse<::common::MSPRole>(bytes, "MSPRole");
    if (!role) return std::unexpected(role.error());
    if (auto same = CheckMspId(role->msp_identifier()); !same) return same;
    switch (role->role()) {
      case ::common::MSPRole::MEMBER:
        return identity_.validation();
      case ::common::MSPRole::ADMIN:
        if (state_.IsAdministrator(*identity_.certificate())) return {};
        return state_.CheckNodeRole(identity_, state_.admin_ou, "admin");
      case ::common::MSPRole::CLIENT:
        return state_.CheckNodeRole(identity_, state_.client_ou, "client");
      case ::common::MSPRole::PEER:
        return state_.CheckNodeRole(identity_, state_.peer_ou, "peer");
      case ::common::MSPRole::ORDERER:
        return state_.CheckNodeRole(identity_, state_.orderer_ou, "orderer");
      default:
        return Fail(ErrorCode::kDenied, "role {} is unknown", static_cast<int>(role->role()));
    }
  }

  Result<void> CheckOrganizationUnit(const std::string& bytes) const {
    const auto unit = Parse<::common::OrganizationUnit>(bytes, "OrganizationUnit");
    if (!unit) return std::unexpected(unit.error());
    if (auto same = CheckMspId(unit->msp_identifier()); !same) return same;
    if (!identity_.validation()) return identity_.validation();
    const OrganizationalUnit wanted{unit->organizational_unit_identifier(), unit->certifiers_identifier()};
    if (std::ranges::find(identity_.organizational_units(), wanted) != identity_.organizational_units().end())
      return {};
    return Fail(ErrorCode::kDenied, "the identity has not the OU '{}' by the certifiers wanted", wanted.name);
  }

  Result<void> CheckIdentity(const std::string& bytes) const {
    const auto serialized = ParseSerializedIdentity(bytes);
    if (!serialized) return std::unexpected(serialized.error());
    if (auto same = CheckMspId(serialized->msp_id); !same) return same;
    const auto wanted = msp_.Deserialize(serialized->id_bytes);
    if (!wanted) return std::unexpected(wanted.error());
    if ((*wanted)->certificate()->der() == identity_.certificate()->der()) return identity_.validation();
    return Fail(ErrorCode::kDenied, "the identity is not the one wanted");
  }

  Result<void> CheckAnonymity(const std::string& bytes) const {
    if (auto known = CheckVersion(); !known) return known;
    const auto anonymity = Parse<::common::MSPIdentityAnonymity>(bytes, "MSPIdentityAnonymity");
    if (!anonymity) return std::unexpected(anonymity.error());
    if (anonymity->anonymity_type() == ::common::MSPIdentityAnonymity::NOMINAL) return {};
    return Fail(ErrorCode::kDenied, "X.509 identities are not anonymous");
  }

  Result<void> CheckCombined(const std::string& bytes, int depth) const {
    if (auto known = CheckVersion(); !known) return known;
    const auto combined = Parse<::common::CombinedPrincipal>(bytes, "CombinedPrincipal");
    if (!combined) return std::unexpected(combined.error());
    if (combined->principals().empty()) return Fail(ErrorCode::kDenied, "the combined principal is empty");
    if (depth >= kMaxNesting) return Fail(ErrorCode::kDenied, "principals nest deeper than {}", kMaxNesting);
    for (const ::common::MSPPrincipal& principal : combined->principals()) {
      if (auto satisfied = Check(principal, depth + 1); !satisfied) return satisfied;
    }
    return {};
  }

  Result<void> CheckVersion() const {
    if (state_.version >= MspVersion::kV1_3) return {};
    return Fail(ErrorCode::kDenied, "combined and anonymity principals need channel capability V1_3");
  }

  const Msp& msp_;
  const Msp::State& state_;
  const Identity& identity_;
};

}  // namespace

Result<void> Msp::CheckPrincipal(const Identity& identity, const ::common::MSPPrincipal& principal) const {
  return PrincipalCheck(*this, *state_, identity).Check(principal, 0);
}

}  // namespace grapevine::msp

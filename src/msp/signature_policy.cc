// Signature policies (specification 03, section 7.3).
#include <utility>

#include "common/policies.pb.h"
#include "msp/policy.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

// Rules refer to existing principals, and every rule says something.
Result<void> CheckRule(const ::common::SignaturePolicy& rule, int principals) {
  switch (rule.Type_case()) {
    case ::common::SignaturePolicy::kSignedBy:
      if (rule.signed_by() >= 0 && rule.signed_by() < principals) return {};
      return Fail(ErrorCode::kInvalid, "signed_by {}: expected an index below {}, the number of identities",
                  rule.signed_by(), principals);
    case ::common::SignaturePolicy::kNOutOf:
      for (const ::common::SignaturePolicy& sub_rule : rule.n_out_of().rules()) {
        if (auto good = CheckRule(sub_rule, principals); !good) return good;
      }
      return {};
    default:
      return Fail(ErrorCode::kInvalid, "a rule is missing; expected signed_by or n_out_of");
  }
}

class SignaturePolicy : public Policy {
 public:
  SignaturePolicy(::common::SignaturePolicyEnvelope envelope, MspManagerPtr manager)
      : envelope_(std::move(envelope)), manager_(std::move(manager)) {}

  Result<void> Evaluate(std::span<const SignedData> signatures) const override {
    return EvaluateSigners(AcceptedSigners(*manager_, signatures));
  }

  Result<void> EvaluateSigners(std::span<const IdentityPtr> signers) const override {
    Used used(signers.size(), false);
    if (IsSatisfied(envelope_.rule(), signers, used)) return {};
    return Fail(ErrorCode::kDenied, "the {} valid signatures do not satisfy the policy", signers.size());
  }

 private:
  // Which signers a rule has taken already: each counts once.
  using Used = std::vector<bool>;

  // Greedy, in order, without going back. On success `used` has what the rule took, otherwise it is unchanged.
  bool IsSatisfied(const ::common::SignaturePolicy& rule, std::span<const IdentityPtr> signers, Used& used) const {
    if (rule.has_n_out_of()) {
      Used after = used;
      int satisfied = 0;
      for (const ::common::SignaturePolicy& sub_rule : rule.n_out_of().rules()) {
        if (IsSatisfied(sub_rule, signers, after)) ++satisfied;
      }
      if (satisfied < rule.n_out_of().n()) return false;
      used = std::move(after);
      return true;
    }
    const ::common::MSPPrincipal& principal = envelope_.identities(rule.signed_by());
    for (std::size_t i = 0; i < signers.size(); ++i) {
      if (used[i] || !manager_->CheckPrincipal(*signers[i], principal)) continue;
      used[i] = true;
      return true;
    }
    return false;
  }

  ::common::SignaturePolicyEnvelope envelope_;
  MspManagerPtr manager_;
};

}  // namespace

Result<PolicyPtr> MakeSignaturePolicy(base::ByteView envelope, MspManagerPtr manager) {
  ::common::SignaturePolicyEnvelope parsed;
  if (!parsed.ParseFromArray(envelope.data(), static_cast<int>(envelope.size()))) {
    return Fail(ErrorCode::kInvalid, "the policy is not a common.SignaturePolicyEnvelope");
  }
  if (parsed.version() != 0) {
    return Fail(ErrorCode::kInvalid, "signature policy of version {}; expected 0", parsed.version());
  }
  if (auto good = CheckRule(parsed.rule(), parsed.identities_size()); !good) return std::unexpected(good.error());
  return std::make_shared<const SignaturePolicy>(std::move(parsed), std::move(manager));
}

}  // namespace grapevine::msp

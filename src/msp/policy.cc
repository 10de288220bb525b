#include "msp/policy.h"

#include <algorithm>
#include <set>
#include <utility>

namespace grapevine::msp {
namespace {

class RejectingPolicy : public Policy {
 public:
  explicit RejectingPolicy(std::string path) : path_(std::move(path)) {}

  base::Result<void> Evaluate(std::span<const SignedData>) const override { return EvaluateSigners({}); }
  base::Result<void> EvaluateSigners(std::span<const IdentityPtr>) const override {
    return base::Fail(base::ErrorCode::kDenied, "there is no policy {}", path_);
  }

 private:
  std::string path_;
};

class ImplicitMetaPolicy : public Policy {
 public:
  ImplicitMetaPolicy(std::size_t threshold, std::vector<PolicyPtr> sub_policies, MspManagerPtr manager)
      : threshold_(threshold), sub_policies_(std::move(sub_policies)), manager_(std::move(manager)) {}

  base::Result<void> Evaluate(std::span<const SignedData> signatures) const override {
    return EvaluateSigners(AcceptedSigners(*manager_, signatures));
  }
  base::Result<void> EvaluateSigners(std::span<const IdentityPtr> signers) const override {
    const auto satisfied = static_cast<std::size_t>(std::ranges::count_if(
        sub_policies_, [&](const PolicyPtr& policy) { return policy->EvaluateSigners(signers).has_value(); }));
    if (satisfied >= threshold_) return {};
    return base::Fail(base::ErrorCode::kDenied, "{} of {} sub-policies are satisfied, {} are needed", satisfied,
                      sub_policies_.size(), threshold_);
  }

 private:
  std::size_t threshold_;
  std::vector<PolicyPtr> sub_policies_;
  MspManagerPtr manager_;
};

std::size_t Threshold(ImplicitMetaRule rule, std::size_t count) {
  if (count == 0) return 0;  // without child groups every rule is satisfied
  switch (rule) {
    case ImplicitMetaRule::kAny:
      return 1;
    case ImplicitMetaRule::kAll:
      return count;
    case ImplicitMetaRule::kMajority:
      break;
  }
  return count / 2 + 1;
}

}  // namespace

std::vector<IdentityPtr> AcceptedSigners(const MspManager& manager, std::span<const SignedData> signatures) {
  return AcceptedSigners([&](const base::Bytes& identity) { return manager.Deserialize(identity); }, signatures);
}

std::vector<IdentityPtr> AcceptedSigners(const DeserializeIdentity& deserialize,
                                         std::span<const SignedData> signatures) {
  std::vector<IdentityPtr> accepted;
  std::set<std::pair<std::string, std::string>> seen;
  for (const SignedData& signature : signatures) {
    const auto identity = deserialize(signature.identity);
    if (!identity || seen.contains({(*identity)->msp_id(), (*identity)->identifier()})) continue;
    if (!(*identity)->Verify(signature.data, signature.signature)) continue;
    seen.emplace((*identity)->msp_id(), (*identity)->identifier());
    accepted.push_back(*identity);
  }
  return accepted;
}

PolicyPtr MakeRejectingPolicy(std::string path) { return std::make_shared<const RejectingPolicy>(std::move(path)); }

PolicyPtr MakeImplicitMetaPolicy(ImplicitMetaRule rule, std::vector<PolicyPtr> sub_policies, MspManagerPtr manager) {
  const std::size_t threshold = Threshold(rule, sub_policies.size());
  return std::make_shared<const ImplicitMetaPolicy>(threshold, std::move(sub_policies), std::move(manager));
}

}  // namespace grapevine::msp

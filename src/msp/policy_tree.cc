// The policies of a channel configuration by path (specification 03, section 7.2).
#include <optional>
#include <utility>

#include "common/policies.pb.h"
#include "msp/policy.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

std::optional<ImplicitMetaRule> RuleOf(const ::common::ImplicitMetaPolicy& policy) {
  switch (policy.rule()) {
    case ::common::ImplicitMetaPolicy::ANY:
      return ImplicitMetaRule::kAny;
    case ::common::ImplicitMetaPolicy::ALL:
      return ImplicitMetaRule::kAll;
    case ::common::ImplicitMetaPolicy::MAJORITY:
      return ImplicitMetaRule::kMajority;
    default:
      return std::nullopt;
  }
}

// Children first: a group's implicit policies consist of theirs.
class Builder {
 public:
  explicit Builder(MspManagerPtr manager) : manager_(std::move(manager)) {}

  Result<void> Add(const std::string& path, const PolicyGroup& group) {
    for (const auto& [name, child] : group.groups) {
      if (auto added = Add(path + "/" + name, child); !added) return added;
    }
    for (const auto& [name, definition] : group.policies) {
      auto policy = Make(path, group, definition);
      if (!policy) return base::Wrap(policy.error(), "policy {}/{}", path, name);
      policies_.emplace(path + "/" + name, std::move(*policy));
    }
    return {};
  }

  std::map<std::string, PolicyPtr> Take() { return std::move(policies_); }

 private:
  Result<PolicyPtr> Make(const std::string& path, const PolicyGroup& group, const PolicyGroup::Definition& definition) {
    switch (definition.type) {
      case ::common::Policy::SIGNATURE:
        return MakeSignaturePolicy(definition.value, manager_);
      case ::common::Policy::IMPLICIT_META:
        return MakeImplicit(path, group, definition.value);
      default:
        return Fail(ErrorCode::kInvalid, "type {}; expected SIGNATURE (1) or IMPLICIT_META (3)", definition.type);
    }
  }

  Result<PolicyPtr> MakeImplicit(const std::string& path, const PolicyGroup& group, const std::string& value) {
    ::common::ImplicitMetaPolicy implicit;
    if (!implicit.ParseFromString(value)) return Fail(ErrorCode::kInvalid, "it is not a common.ImplicitMetaPolicy");
    const auto rule = RuleOf(implicit);
    if (!rule) return Fail(ErrorCode::kInvalid, "rule {}; expected ANY, ALL or MAJORITY", int{implicit.rule()});
    std::vector<PolicyPtr> sub_policies;
    for (const auto& [name, child] : group.groups) {
      const std::string sub_path = path + "/" + name + "/" + implicit.sub_policy();
      const auto it = policies_.find(sub_path);
      sub_policies.push_back(it == policies_.end() ? MakeRejectingPolicy(sub_path) : it->second);
    }
    return MakeImplicitMetaPolicy(*rule, std::move(sub_policies), manager_);
  }

  MspManagerPtr manager_;
  std::map<std::string, PolicyPtr> policies_;
};

}  // namespace

Result<std::shared_ptr<const PolicyTree>> PolicyTree::Create(const PolicyGroup& channel, MspManagerPtr manager) {
  Builder builder(manager);
  if (auto added = builder.Add("/Channel", channel); !added) return std::unexpected(added.error());
  return std::shared_ptr<const PolicyTree>(new PolicyTree(builder.Take(), std::move(manager)));
}

PolicyPtr PolicyTree::Get(const std::string& path) const {
  const auto it = policies_.find(path);
  return it == policies_.end() ? MakeRejectingPolicy(path) : it->second;
}

}  // namespace grapevine::msp

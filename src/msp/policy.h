// Policies over signatures (specification 03, section 7).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "msp/msp_manager.h"

namespace grapevine::msp {

struct SignedData {
  base::Bytes data;
  base::Bytes identity;  // serialised msp.SerializedIdentity
  base::Bytes signature;
};

// Who really signed: identities that the manager knows, each once, in order, whose signature is right (7.3, SIGNATURE
// step 1). Validity is not looked at: principals do that. The same for every policy of a channel.
std::vector<IdentityPtr> AcceptedSigners(const MspManager& manager, std::span<const SignedData> signatures);
// The same with another way to deserialise with that manager, one that remembers.
using DeserializeIdentity = std::function<base::Result<IdentityPtr>(const base::Bytes& identity)>;
std::vector<IdentityPtr> AcceptedSigners(const DeserializeIdentity& deserialize,
                                         std::span<const SignedData> signatures);

// Immutable: any thread may evaluate it.
class Policy {
 public:
  virtual ~Policy() = default;
  // kDenied with the reason if the signatures do not satisfy the policy.
  virtual base::Result<void> Evaluate(std::span<const SignedData> signatures) const = 0;
  // The same for signers that AcceptedSigners has found with the policy's own manager. Cheap.
  virtual base::Result<void> EvaluateSigners(std::span<const IdentityPtr> signers) const = 0;
};
using PolicyPtr = std::shared_ptr<const Policy>;

// `envelope` is a serialised common.SignaturePolicyEnvelope. kInvalid for a version other than 0, a missing rule or an
// index out of range.
base::Result<PolicyPtr> MakeSignaturePolicy(base::ByteView envelope, MspManagerPtr manager);

enum class ImplicitMetaRule { kAny, kAll, kMajority };
// `sub_policies`: the policy of that name of each direct child group, MakeRejectingPolicy() where a child lacks it.
PolicyPtr MakeImplicitMetaPolicy(ImplicitMetaRule rule, std::vector<PolicyPtr> sub_policies, MspManagerPtr manager);

// Denies everything: what stands for a policy that does not exist. `path` is for the message.
PolicyPtr MakeRejectingPolicy(std::string path);

// The policies of a configuration group, as plain data: what a common.ConfigGroup holds.
struct PolicyGroup {
  struct Definition {
    int type = 0;       // common.Policy.PolicyType
    std::string value;  // serialised common.SignaturePolicyEnvelope or common.ImplicitMetaPolicy
  };
  std::map<std::string, Definition> policies;
  std::map<std::string, PolicyGroup> groups;
};

// All policies of a channel configuration by path, as "/Channel/Application/Readers" (7.2). Immutable.
class PolicyTree {
 public:
  // `channel` is the root group. kInvalid, naming the path, if any policy has an unknown type or a malformed body.
  static base::Result<std::shared_ptr<const PolicyTree>> Create(const PolicyGroup& channel, MspManagerPtr manager);

  // Never null: a path without a policy gives one that denies everything.
  PolicyPtr Get(const std::string& path) const;
  const MspManager& manager() const { return *manager_; }

 private:
  PolicyTree(std::map<std::string, PolicyPtr> policies, MspManagerPtr manager)
      : policies_(std::move(policies)), manager_(std::move(manager)) {}

  std::map<std::string, PolicyPtr> policies_;
  MspManagerPtr manager_;
};
using PolicyTreePtr = std::shared_ptr<const PolicyTree>;

}  // namespace grapevine::msp

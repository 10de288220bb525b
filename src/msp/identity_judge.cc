#include "msp/identity_judge.h"

#include <utility>

#include "msp/serialized_identity.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

Result<IdentityPtr> IfValid(IdentityPtr identity) {
  if (!identity->validation()) return std::unexpected(identity->validation().error());
  return identity;
}

}  // namespace

IdentityVerdict JudgeIdentity(const Deserializers& deserializers, base::ByteView bytes) {
  const auto serialized = ParseSerializedIdentity(bytes);
  if (!serialized) return {"", std::unexpected(serialized.error()), ""};

  const Result<void> well_formed = CheckWellFormed(serialized->id_bytes);
  std::string reason = fmt::format("no channel knows MSP '{}'", serialized->msp_id);
  if (serialized->msp_id == deserializers.local->id()) {
    auto identity = deserializers.local->Deserialize(serialized->id_bytes);
    // The local MSP's word is final, also against the channels.
    if (identity && !well_formed) return {serialized->msp_id, std::unexpected(well_formed.error()), ""};
    if (identity) return {serialized->msp_id, IfValid(std::move(*identity)), ""};
    reason = identity.error().message;
  }
  std::string organization;
  for (const auto& [name, config] : deserializers.channels) {
    const Msp* msp = config->msp_manager().Find(serialized->msp_id);
    if (msp == nullptr) continue;
    auto identity = msp->Deserialize(serialized->id_bytes);
    if (!identity) {
      reason = identity.error().message;
      continue;
    }
    organization = serialized->msp_id;
    if (!well_formed) return {organization, std::unexpected(well_formed.error()), ""};
    auto valid = IfValid(std::move(*identity));
    if (valid) return {organization, std::move(valid), name};
    reason = valid.error().message;
  }
  return {organization, Fail(ErrorCode::kDenied, "no MSP can validate the identity: {}", reason), ""};
}

}  // namespace grapevine::msp

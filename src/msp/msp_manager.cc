#include "msp/msp_manager.h"

#include <utility>

#include "msp/serialized_identity.h"

namespace grapevine::msp {

using base::ErrorCode;
using base::Fail;
using base::Result;

Result<std::shared_ptr<const MspManager>> MspManager::Create(std::vector<MspPtr> msps) {
  std::map<std::string, MspPtr> by_id;
  for (MspPtr& msp : msps) {
    const std::string id = msp->id();
    if (!by_id.emplace(id, std::move(msp)).second) {
      return Fail(ErrorCode::kInvalid, "MSP {} is defined twice; there must be one definition per MSP id", id);
    }
  }
  return std::shared_ptr<const MspManager>(new MspManager(std::move(by_id)));
}

Result<IdentityPtr> MspManager::Deserialize(base::ByteView serialized) const {
  const auto identity = ParseSerializedIdentity(serialized);
  if (!identity) return std::unexpected(identity.error());
  const Msp* msp = Find(identity->msp_id);
  if (msp == nullptr) return Fail(ErrorCode::kNotFound, "MSP '{}' is not defined on the channel", identity->msp_id);
  return msp->Deserialize(identity->id_bytes);
}

const Msp* MspManager::Find(const std::string& msp_id) const {
  const auto it = msps_.find(msp_id);
  return it == msps_.end() ? nullptr : it->second.get();
}

Result<void> MspManager::CheckPrincipal(const Identity& identity, const ::common::MSPPrincipal& principal) const {
  const Msp* msp = Find(identity.msp_id());
  if (msp == nullptr) return Fail(ErrorCode::kNotFound, "MSP '{}' is not defined on the channel", identity.msp_id());
  return msp->CheckPrincipal(identity, principal);
}

}  // namespace grapevine::msp

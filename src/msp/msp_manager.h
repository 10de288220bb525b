// The MSPs of one channel configuration, one per MSP id (specification 03, section 8.4).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "msp/msp.h"

namespace grapevine::msp {

// Immutable: any thread may use it.
class MspManager {
 public:
  // kInvalid if two MSPs have the same id: whoever builds the list merges equal definitions.
  static base::Result<std::shared_ptr<const MspManager>> Create(std::vector<MspPtr> msps);

  // `serialized` is a msp.SerializedIdentity. kNotFound if its MSP id is not one of the channel's.
  base::Result<IdentityPtr> Deserialize(base::ByteView serialized) const;
  // Null if the channel has no such MSP.
  const Msp* Find(const std::string& msp_id) const;
  // 4.6, asked of the MSP of `identity`.
  base::Result<void> CheckPrincipal(const Identity& identity, const ::common::MSPPrincipal& principal) const;
  // In order of MSP id.
  const std::map<std::string, MspPtr>& msps() const { return msps_; }

 private:
  explicit MspManager(std::map<std::string, MspPtr> msps) : msps_(std::move(msps)) {}

  std::map<std::string, MspPtr> msps_;
};
using MspManagerPtr = std::shared_ptr<const MspManager>;

}  // namespace grapevine::msp

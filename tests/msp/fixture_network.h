// The recorded network's channel configurations and MSP folders, as the code under test sees them.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "msp/channel_config.h"
#include "msp/msp_folder.h"
#include "msp/msp_manager.h"
#include "msp/policy.h"

namespace grapevine::msp {

// Errors of the fixtures throw: they are part of the repository.
struct FixtureChannel {
  ChannelConfigPtr config;
  // Parts of `config`.
  MspManagerPtr manager;
  PolicyTreePtr policies;
};

// `config` is "genesis" (before the revocation of peer7.org1) or "latest" (after it).
const FixtureChannel& FixtureChannelOf(std::string_view config);

// The files of a folder below "crypto/", as "peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp".
MspFolder ReadFixtureMspFolder(std::string_view name);
LocalMsp LoadFixturePeer(std::string_view organization, std::string_view msp_id);

// identities/index.json: Fabric's verdict on each recorded identity.
const nlohmann::json& IdentityIndex();

// A moment shortly after the verdicts were recorded (2026-11-22 15:00 UTC).
base::WallTime FixtureTime();

// The value, or an exception with the error's message.
template <typename T>
T Value(base::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace grapevine::msp

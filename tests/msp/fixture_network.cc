#include "msp/fixture_network.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "support/fixtures.h"

namespace grapevine::msp {
namespace {

FixtureChannel ReadChannel(std::string_view file) {
  FixtureChannel channel;
  channel.config = Value(ChannelConfig::FromBlock(testing::ReadFixture(file)));
  channel.manager = MspManagerPtr(channel.config, &channel.config->msp_manager());
  channel.policies = PolicyTreePtr(channel.config, &channel.config->policies());
  return channel;
}

}  // namespace

const FixtureChannel& FixtureChannelOf(std::string_view config) {
  static const FixtureChannel kGenesis = ReadChannel("mychannel.genesis.block");
  static const FixtureChannel kLatest = ReadChannel("mychannel.latest-config.block");
  if (config == "genesis") return kGenesis;
  if (config == "latest") return kLatest;
  throw std::runtime_error("no such configuration: " + std::string(config));
}

MspFolder ReadFixtureMspFolder(std::string_view name) {
  namespace fs = std::filesystem;
  const fs::path root = testing::FixturePath("crypto/" + std::string(name));
  MspFolder folder;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const fs::path subfolder = fs::relative(entry.path().parent_path(), root);
    folder[subfolder == "." ? "" : subfolder.string()][entry.path().filename()] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
  return folder;
}

LocalMsp LoadFixturePeer(std::string_view organization, std::string_view msp_id) {
  const std::string domain = std::string(organization) + ".example.com";
  const MspFolder folder = ReadFixtureMspFolder("peerOrganizations/" + domain + "/peers/peer0." + domain + "/msp");
  return Value(LoadLocalMsp(folder, std::string(msp_id), MspVersion::kV1_4_3, FixtureTime()));
}

const nlohmann::json& IdentityIndex() {
  static const nlohmann::json kIndex = testing::ReadFixtureJson("identities/index.json");
  return kIndex;
}

base::WallTime FixtureTime() {
  using namespace std::chrono;
  return sys_days(2026y / 11 / 22) + 15h;
}

}  // namespace grapevine::msp

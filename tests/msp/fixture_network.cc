#include "msp/fixture_network.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "msp/msp_config.pb.h"
#include "support/fixtures.h"

namespace grapevine::msp {
namespace {

template <typename Message>
Message Parse(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) throw std::runtime_error("fixture does not parse: " + message.GetTypeName());
  return message;
}

void CollectMsps(const ::common::ConfigGroup& group, std::map<std::string, MspPtr>& msps) {
  for (const auto& [name, child] : group.groups()) CollectMsps(child, msps);
  const auto value = group.values().find("MSP");
  if (value == group.values().end()) return;
  const auto outer = Parse<::msp::MSPConfig>(value->second.value());
  const auto config = Parse<::msp::FabricMSPConfig>(outer.config());
  msps[config.name()] = Value(Msp::Create(config, MspVersion::kV1_4_3));
}

PolicyGroup ToPolicyGroup(const ::common::ConfigGroup& group) {
  PolicyGroup result;
  for (const auto& [name, child] : group.groups()) result.groups[name] = ToPolicyGroup(child);
  for (const auto& [name, policy] : group.policies()) {
    result.policies[name] = {policy.policy().type(), policy.policy().value()};
  }
  return result;
}

FixtureChannel ReadChannel(std::string_view file) {
  const auto block = Parse<::common::Block>(testing::ReadFixture(file));
  const auto envelope = Parse<::common::Envelope>(block.data().data(0));
  const auto payload = Parse<::common::Payload>(envelope.payload());
  const auto config = Parse<::common::ConfigEnvelope>(payload.data());
  std::map<std::string, MspPtr> msps;
  CollectMsps(config.config().channel_group(), msps);
  std::vector<MspPtr> list;
  for (auto& [id, msp] : msps) list.push_back(std::move(msp));
  FixtureChannel channel;
  channel.manager = Value(MspManager::Create(std::move(list)));
  channel.policies = Value(PolicyTree::Create(ToPolicyGroup(config.config().channel_group()), channel.manager));
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

base::WallTime FixtureTime() {
  using namespace std::chrono;
  return sys_days(2026y / 11 / 22) + 15h;
}

}  // namespace grapevine::msp

#include "runtime/configuration_file.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "node/config_address.h"
#include "node/config_source.h"
#include "runtime/read_file.h"

namespace grapevine::runtime {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr const char* kFileName = "core.yaml";
constexpr const char* kSystemFolder = "/etc/hyperledger/fabric";

base::Result<std::string> FindFile(const ProcessEnvironment& environment) {
  std::vector<std::string> folders;
  if (const auto named = environment.find("FABRIC_CFG_PATH"); named != environment.end() && !named->second.empty()) {
    folders.push_back(named->second);
  } else {
    folders = {".", kSystemFolder};
  }
  for (const std::string& folder : folders) {
    const fs::path path = fs::path(folder) / kFileName;
    std::error_code error;
    if (fs::exists(path, error)) return path.string();
  }
  return base::Fail(ErrorCode::kNotFound, "there is no {} in '{}'; name the file with --config, or its folder with {}",
                    kFileName, fmt::join(folders, "' or '"), "FABRIC_CFG_PATH");
}

// The first IPv4 address of an interface that is no loopback one, as Fabric takes it.
std::optional<std::string> DetectHost() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    if ((entry->ifa_flags & IFF_LOOPBACK) != 0) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
    if (inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr) return std::string(text.data());
  }
  return std::nullopt;
}

void DetectAddress(node::ConfigReading& reading) {
  node::Configuration& configuration = reading.configuration;
  if (!node::WantsDetectedHost(configuration)) return;
  if (const auto host = DetectHost()) {
    node::UseDetectedHost(*host, configuration);
  } else {
    reading.findings.push_back({node::Severity::kWarning, "peer.address", configuration.address,
                                "stands for an address of this machine, which has none but loopback ones",
                                "set it to the host name by which peers of the own organisation reach this one"});
  }
}

}  // namespace

ProcessEnvironment ReadProcessEnvironment() {
  ProcessEnvironment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text(*entry);
    if (const std::size_t equals = text.find('='); equals != std::string::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

base::Result<LoadedConfiguration> LoadConfiguration(const std::string& path, const ProcessEnvironment& environment) {
  LoadedConfiguration loaded{.path = path, .reading = {}};
  std::error_code error;
  if (path.empty()) {
    auto found = FindFile(environment);
    if (!found) return std::unexpected(found.error());
    loaded.path = std::move(*found);
  } else if (fs::is_directory(path, error)) {
    loaded.path = (fs::path(path) / kFileName).string();
  }
  const auto text = ReadFile(loaded.path, "the configuration");
  if (!text) return std::unexpected(text.error());
  auto values = node::ReadCoreYaml(*text);
  if (!values) return base::Wrap(values.error(), "'{}'", loaded.path);
  node::OverrideFromEnvironment(environment, *values);
  loaded.reading = node::ReadConfiguration(*values);
  const fs::path folder = fs::absolute(loaded.path, error).parent_path();
  node::ResolvePaths(folder.string(), loaded.reading.configuration);
  DetectAddress(loaded.reading);
  return loaded;
}

}  // namespace grapevine::runtime

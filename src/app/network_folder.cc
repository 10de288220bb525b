#include "app/network_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "runtime/read_file.h"

namespace grapevine::app {

namespace fs = std::filesystem;
using base::ErrorCode;

namespace {

base::Result<PeerFiles> ReadPeer(const fs::path& folder, std::string name) {
  PeerFiles peer{.name = std::move(name), .folder = folder.string(), .msp = {}, .tls_certificate = {}, .tls_key = {}};
  auto content = runtime::ReadMspFolder((folder / "msp").string());
  if (!content) return std::unexpected(content.error());
  peer.msp = std::move(*content);
  auto certificate = runtime::ReadFile((folder / "tls" / "server.crt").string(), "the TLS certificate");
  if (!certificate) return std::unexpected(certificate.error());
  peer.tls_certificate = std::move(*certificate);
  auto key = runtime::ReadFile((folder / "tls" / "server.key").string(), "the TLS key");
  if (!key) return std::unexpected(key.error());
  peer.tls_key = std::move(*key);
  return peer;
}

// Folders whose name begins with `prefix`, in order of name.
std::vector<fs::path> FoldersLike(const fs::path& parent, const std::string& prefix) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().starts_with(prefix)) folders.push_back(entry->path());
  }
  std::ranges::sort(folders);
  return folders;
}

}  // namespace

base::Result<std::vector<PeerFiles>> ReadPeers(const std::string& network, std::size_t organization,
                                               std::size_t count) {
  const fs::path organizations = fs::path(network) / "crypto" / "peerOrganizations";
  const auto matching = FoldersLike(organizations, fmt::format("org{}.", organization));
  if (matching.empty()) {
    return base::Fail(ErrorCode::kNotFound,
                      "organisation {} is not in '{}': there is no folder org{}.*; make a larger "
                      "network with grapevine testnet and name it with --network",
                      organization, organizations.string(), organization);
  }
  std::vector<PeerFiles> peers;
  for (std::size_t i = 0; i < count; ++i) {
    const auto folders = FoldersLike(matching.front() / "peers", fmt::format("peer{}.", i));
    if (folders.empty()) {
      return base::Fail(
          ErrorCode::kNotFound,
          "'{}' has {} peers, {} are wanted; make a larger network with grapevine testnet and name it with "
          "--network",
          matching.front().string(), i, count);
    }
    auto peer = ReadPeer(folders.front(), fmt::format("peer{}.org{}", i, organization));
    if (!peer) return std::unexpected(peer.error());
    peers.push_back(std::move(*peer));
  }
  return peers;
}

base::Result<OrdererFiles> ReadOrderer(const std::string& network) {
  const fs::path organizations = fs::path(network) / "crypto" / "ordererOrganizations";
  for (const auto& organization : FoldersLike(organizations, "")) {
    for (const auto& folder : FoldersLike(organization / "orderers", "")) {
      auto certificate = runtime::ReadFile((folder / "tls" / "server.crt").string(), "the orderer's TLS certificate");
      if (!certificate) return std::unexpected(certificate.error());
      auto key = runtime::ReadFile((folder / "tls" / "server.key").string(), "the orderer's TLS key");
      if (!key) return std::unexpected(key.error());
      return OrdererFiles{
          .folder = folder.string(), .tls_certificate = std::move(*certificate), .tls_key = std::move(*key)};
    }
  }
  return base::Fail(ErrorCode::kNotFound, "no orderer in '{}': there is no folder */orderers/*",
                    organizations.string());
}

}  // namespace grapevine::app

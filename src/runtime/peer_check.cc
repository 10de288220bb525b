#include "runtime/peer_check.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "msp/certificate.h"
#include "node/config_check.h"
#include "node/config_value.h"
#include "rpc/socket.h"
#include "runtime/peer_files.h"

namespace grapevine::runtime {
namespace {

namespace fs = std::filesystem;
using node::ConfigFindings;
using node::Configuration;
using node::Severity;

constexpr std::string_view kMspFolder = "peer.mspConfigPath";
// The newest rules: an identity that they refuse is refused by newer channels too (03, 4.2).
constexpr msp::MspVersion kLocalMspVersion = msp::MspVersion::kV1_4_3;

std::string FormatDate(base::WallTime time) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(seconds));
}

std::string HostOf(const base::Endpoint& endpoint) {
  std::string host = endpoint.substr(0, endpoint.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

// Whether whoever dials `host` accepts the certificate as that host's.
bool Covers(const msp::Certificate& certificate, const std::string& host) {
  return X509_check_host(certificate.x509(), host.data(), host.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) ==
             1 ||
         X509_check_ip_asc(certificate.x509(), host.c_str(), 0) == 1;
}

class Checker {
 public:
  Checker(const Configuration& configuration, base::WallTime now) : configuration_(configuration), now_(now) {}

  ConfigFindings Run() {
    findings_ = node::Check(configuration_);
    PeerFilesReading reading = ReadPeerFiles(configuration_);
    findings_.insert(findings_.end(), reading.findings.begin(), reading.findings.end());
    CheckIdentity(reading.files.msp);
    CheckTls(reading.files);
    CheckKeyPermissions(reading.files.msp);
    CheckListening("peer.listenAddress", configuration_.listen_address, true);
    CheckListening("operations.listenAddress", configuration_.operations.listen_address, false);
    CheckDataFolder();
    CheckAdminSocket();
    SortBySeverity(findings_);
    return std::move(findings_);
  }

 private:
  void CheckIdentity(const msp::MspFolder& folder) {
    if (folder.empty() || configuration_.organization.empty()) return;
    const auto local = msp::LoadLocalMsp(folder, configuration_.organization, kLocalMspVersion, now_);
    if (!local) {
      return Error(
          kMspFolder, configuration_.msp_folder, local.error().message,
          "it must be the folder with the certificate, key and CAs of a member of " + configuration_.organization);
    }
    for (const std::string& warning : local->warnings) {
      Warn(kMspFolder, configuration_.msp_folder, warning, "correct or remove the file");
    }
    CheckExpiry(kMspFolder, configuration_.msp_folder + "/signcerts", *local->identity->certificate());
  }

  void CheckTls(const PeerFiles& files) {
    const node::TlsConfig& tls = configuration_.tls;
    CheckTlsExpiry("peer.tls.cert.file", tls.cert_file, files.tls.server);
    CheckTlsNames(files.tls.server);
    if (files.tls.client != files.tls.server) {
      CheckTlsExpiry("peer.tls.clientCert.file", tls.client_cert_file, files.tls.client);
    }
    CheckTlsExpiry("operations.tls.cert.file", configuration_.operations.tls.cert_file, files.operations_tls.server);
    for (const std::string& pem : files.tls.authorities) {
      if (const auto authority = msp::Certificate::FromPem(pem)) {
        CheckExpiry("peer.tls.rootcert.file", tls.root_cert_file, **authority);
      }
    }
  }

  // Others refuse a certificate that names other hosts than the one that they dialled.
  void CheckTlsNames(const std::shared_ptr<const rpc::TlsIdentity>& identity) {
    if (identity == nullptr) return;
    const auto certificate = msp::Certificate::FromDer(identity->certificate());
    if (!certificate) return;
    const auto check = [&](std::string_view key, const base::Endpoint& endpoint) {
      if (endpoint.empty() || node::IsUnspecified(endpoint) || Covers(**certificate, HostOf(endpoint))) return;
      Warn(key, endpoint, "the certificate in peer.tls.cert.file is not for this host, so others refuse the connection",
           "have one issued that names it, or set it to a host that the certificate names");
    };
    check("peer.gossip.endpoint", configuration_.gossip.endpoint);
    check("peer.gossip.externalEndpoint", configuration_.gossip.external_endpoint);
  }

  void CheckTlsExpiry(std::string_view key, const std::string& path,
                      const std::shared_ptr<const rpc::TlsIdentity>& identity) {
    if (identity == nullptr) return;
    if (const auto certificate = msp::Certificate::FromDer(identity->certificate())) {
      CheckExpiry(key, path, **certificate);
    }
  }

  void CheckExpiry(std::string_view key, const std::string& path, const msp::Certificate& certificate) {
    if (now_ > certificate.not_after()) {
      Error(key, path, "the certificate expired on " + FormatDate(certificate.not_after()), "have it renewed");
    } else if (now_ < certificate.not_before()) {
      Error(key, path, "the certificate is not valid before " + FormatDate(certificate.not_before()),
            "set the machine's clock, or have it issued anew");
    } else if (certificate.not_after() - now_ < kCertificateNotice) {
      Warn(key, path, "the certificate expires on " + FormatDate(certificate.not_after()), "have it renewed");
    }
  }

  void CheckKeyPermissions(const msp::MspFolder& folder) {
    if (configuration_.tls.enabled) {
      CheckKeyPermission("peer.tls.key.file", configuration_.tls.key_file);
      CheckKeyPermission("peer.tls.clientKey.file", configuration_.tls.client_key_file);
    }
    if (configuration_.operations.tls.enabled) {
      CheckKeyPermission("operations.tls.key.file", configuration_.operations.tls.key_file);
    }
    const bool elsewhere = !configuration_.key_store_folder.empty();
    const fs::path key_store =
        elsewhere ? fs::path(configuration_.key_store_folder) : fs::path(configuration_.msp_folder) / "keystore";
    if (const auto keys = folder.find("keystore"); keys != folder.end()) {
      for (const auto& [name, content] : keys->second) {
        CheckKeyPermission(elsewhere ? "peer.BCCSP.SW.FileKeyStore.KeyStore" : kMspFolder, (key_store / name).string());
      }
    }
  }

  void CheckKeyPermission(std::string_view key, const std::string& path) {
    struct stat state{};
    if (path.empty() || stat(path.c_str(), &state) != 0 || (state.st_mode & (S_IROTH | S_IWOTH)) == 0) return;
    Warn(key, path,
         fmt::format("every user of the machine can read or write the private key (mode {:04o})",
                     static_cast<unsigned>(state.st_mode) & 07777U),
         "chmod 600");
  }

  void CheckListening(std::string_view key, const base::Endpoint& address, bool required) {
    if (address.empty()) {
      if (required) Error(key, address, "the peer listens nowhere", "set it or peer.address to host:port");
      return;
    }
    const auto socket = rpc::Listen(address);
    if (socket) return;
    if (socket.error().code == base::ErrorCode::kUnavailable) {
      Warn(key, address, socket.error().message, "stop that one, or choose another port");
    } else {
      Error(key, address, socket.error().message, "set it to an address of this machine, as 0.0.0.0:7051");
    }
  }

  void CheckDataFolder() {
    constexpr std::string_view kKey = "peer.fileSystemPath";
    const std::string& folder = configuration_.data_folder;
    if (folder.empty()) return Error(kKey, folder, "there is no place for ledgers", "set it to a folder");
    // What does not exist is made below the first folder that does.
    fs::path existing = fs::path(folder);
    std::error_code error;
    while (!fs::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
    if (existing.empty()) existing = ".";
    if (!fs::is_directory(existing, error)) {
      return Error(kKey, folder, fmt::format("'{}' is no folder", existing.string()), "set it to a folder");
    }
    if (access(existing.c_str(), R_OK | W_OK | X_OK) != 0) {
      Error(kKey, folder, fmt::format("'{}' cannot be written: {}", existing.string(), std::strerror(errno)),
            "give the user of this process the folder, or choose another one");
    }
  }

  void CheckAdminSocket() {
    constexpr std::size_t kMaxLength = sizeof(sockaddr_un::sun_path) - 1;
    if (configuration_.admin_socket.size() <= kMaxLength) return;
    Error("grapevine.admin.socket", configuration_.admin_socket,
          fmt::format("is longer than the {} characters that the system allows for a socket", kMaxLength),
          "set it to a shorter path, as /run/grapevine/admin.sock");
  }

  void Error(std::string_view key, const std::string& value, std::string rule, std::string remedy) {
    findings_.push_back({Severity::kError, std::string(key), value, std::move(rule), std::move(remedy)});
  }
  void Warn(std::string_view key, const std::string& value, std::string rule, std::string remedy) {
    findings_.push_back({Severity::kWarning, std::string(key), value, std::move(rule), std::move(remedy)});
  }

  const Configuration& configuration_;
  const base::WallTime now_;
  ConfigFindings findings_;
};

}  // namespace

// Not std::stable_sort, whose library code clang refuses as deprecated.
void SortBySeverity(ConfigFindings& findings) {
  ConfigFindings sorted;
  for (const auto severity : {node::Severity::kError, node::Severity::kWarning, node::Severity::kNote}) {
    std::ranges::copy_if(findings, std::back_inserter(sorted),
                         [&](const auto& finding) { return finding.severity == severity; });
  }
  findings = std::move(sorted);
}

ConfigFindings CheckPeer(const Configuration& configuration, base::WallTime now) {
  return Checker(configuration, now).Run();
}

}  // namespace grapevine::runtime

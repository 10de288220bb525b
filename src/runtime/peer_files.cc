#include "runtime/peer_files.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/read_file.h"

namespace grapevine::runtime {
namespace {

using base::ErrorCode;
using node::ConfigFinding;
using node::Configuration;
using node::Severity;

struct PairKeys {
  std::string_view certificate;
  std::string_view key;
};
constexpr PairKeys kServerPair{"peer.tls.cert.file", "peer.tls.key.file"};
constexpr PairKeys kClientPair{"peer.tls.clientCert.file", "peer.tls.clientKey.file"};
constexpr PairKeys kOperationsPair{"operations.tls.cert.file", "operations.tls.key.file"};
constexpr std::string_view kOverrides = "peer.deliveryclient.addressOverrides";

class Reader {
 public:
  explicit Reader(const Configuration& configuration) : configuration_(configuration) {}

  PeerFilesReading Run() {
    ReadMsp();
    ReadTls();
    ReadOperationsTls();
    ReadOverrides();
    return std::move(reading_);
  }

 private:
  void ReadMsp() {
    if (configuration_.organization.empty()) {
      Error("peer.localMspId", "", "the peer belongs to no organisation", "set it to the organisation's MSP id");
    }
    constexpr std::string_view kFolder = "peer.mspConfigPath";
    const std::string& path = configuration_.msp_folder;
    if (path.empty()) {
      return Error(kFolder, path, "the peer has no identity", "set it to the folder with signcerts, keystore, cacerts");
    }
    auto folder = ReadMspFolder(path);
    if (!folder) {
      return Error(kFolder, path, folder.error().message, "it must be the folder with signcerts, keystore, cacerts");
    }
    reading_.files.msp = std::move(*folder);
    ReadKeyStore();
  }

  // Keys elsewhere take the place of keystore.
  void ReadKeyStore() {
    const std::string& path = configuration_.key_store_folder;
    if (path.empty()) return;
    auto folder = ReadMspFolder(path);
    if (!folder) {
      return Error("peer.BCCSP.SW.FileKeyStore.KeyStore", path, folder.error().message,
                   "it must be the folder with the private key");
    }
    reading_.files.msp["keystore"] = std::move((*folder)[""]);
  }

  void ReadTls() {
    const node::TlsConfig& tls = configuration_.tls;
    if (!tls.enabled) {
      return Warn("peer.tls.enabled", "false", "everybody on the way can read and change what peers send each other",
                  "set it to true if the network's other peers do");
    }
    TlsMaterial& material = reading_.files.tls;
    material.server = ReadPair(kServerPair, tls.cert_file, tls.key_file);
    material.client = material.server;
    if (!tls.client_cert_file.empty() || !tls.client_key_file.empty()) {
      material.client = ReadPair(kClientPair, tls.client_cert_file, tls.client_key_file);
    }
    if (!tls.root_cert_file.empty()) {
      ReadAuthorities("peer.tls.rootcert.file", tls.root_cert_file, material.authorities);
    }
    // As in Fabric, whose sample file names one that most networks do not have.
    if (!tls.client_auth_required) return;
    for (const std::string& path : tls.client_root_ca_files) {
      ReadAuthorities("peer.tls.clientRootCAs.files", path, material.client_authorities);
    }
  }

  void ReadOperationsTls() {
    const node::TlsConfig& tls = configuration_.operations.tls;
    if (!tls.enabled || configuration_.operations.listen_address.empty()) return;
    TlsMaterial& material = reading_.files.operations_tls;
    material.server = ReadPair(kOperationsPair, tls.cert_file, tls.key_file);
    for (const std::string& path : tls.client_root_ca_files) {
      ReadAuthorities("operations.tls.clientRootCAs.files", path, material.client_authorities);
    }
    if (tls.client_auth_required && tls.client_root_ca_files.empty()) {
      Error("operations.tls.clientRootCAs.files", "",
            "no client is ever let in, since every one must have a certificate",
            "name the files with the CAs of clients, or set operations.tls.clientAuthRequired to false");
    }
  }

  // 22.6: an entry whose authorities cannot be read is skipped. One that names no file trusts the system's roots, as an
  // organisation without TLS CAs does.
  void ReadOverrides() {
    for (const node::AddressOverride& entry : configuration_.deliver.address_overrides) {
      if (entry.ca_certs_file.empty()) {
        reading_.files.overrides.push_back({entry.from, {entry.to, {}}});
        continue;
      }
      std::string problem;
      const auto text = ReadFile(entry.ca_certs_file, "caCertsFile");
      if (!text) {
        problem = text.error().message;
      } else if (const auto trust = rpc::TlsTrust::FromPem({*text}); !trust) {
        problem = "caCertsFile '" + entry.ca_certs_file + "': " + trust.error().message;
      }
      if (problem.empty()) {
        reading_.files.overrides.push_back({entry.from, {entry.to, {*text}}});
      } else {
        Warn(kOverrides, entry.from, problem + ", so the entry is skipped", "it must be a PEM file with certificates");
      }
    }
  }

  // Null after a finding.
  std::shared_ptr<const rpc::TlsIdentity> ReadPair(PairKeys keys, const std::string& certificate_path,
                                                   const std::string& key_path) {
    const auto certificate = ReadNamed(keys.certificate, certificate_path, "the certificate", "a PEM certificate");
    const auto key = ReadNamed(keys.key, key_path, "the private key", "the PEM private key of the certificate");
    if (!certificate || !key) return nullptr;
    auto identity = rpc::TlsIdentity::FromPem(*certificate, *key);
    if (!identity) {
      Error(keys.certificate, certificate_path,
            "with " + std::string(keys.key) + " = " + key_path + ": " + identity.error().message,
            "the two must be a PEM certificate and its private key");
      return nullptr;
    }
    return *identity;
  }

  void ReadAuthorities(std::string_view key, const std::string& path, std::vector<std::string>& into) {
    const auto text = ReadNamed(key, path, "the certificates", "a PEM file with CA certificates");
    if (!text) return;
    if (const auto trust = rpc::TlsTrust::FromPem({*text}); !trust) {
      return Error(key, path, trust.error().message, "it must be a PEM file with CA certificates");
    }
    into.push_back(*text);
  }

  std::optional<std::string> ReadNamed(std::string_view key, const std::string& path, const std::string& purpose,
                                       const std::string& wanted) {
    if (path.empty()) {
      Error(key, path, "TLS is on, and so " + purpose + " is needed", "name the file");
      return std::nullopt;
    }
    auto text = ReadFile(path, purpose);
    if (text) return std::move(*text);
    Error(key, path, text.error().message, "it must be " + wanted);
    return std::nullopt;
  }

  void Error(std::string_view key, const std::string& value, std::string rule, std::string remedy) {
    reading_.findings.push_back({Severity::kError, std::string(key), value, std::move(rule), std::move(remedy)});
  }
  void Warn(std::string_view key, const std::string& value, std::string rule, std::string remedy) {
    ConfigFinding finding{Severity::kWarning, std::string(key), value, std::move(rule), std::move(remedy)};
    reading_.files.warnings.push_back(finding);
    reading_.findings.push_back(std::move(finding));
  }

  const Configuration& configuration_;
  PeerFilesReading reading_;
};

}  // namespace

PeerFilesReading ReadPeerFiles(const Configuration& configuration) { return Reader(configuration).Run(); }

base::Result<PeerFiles> LoadPeerFiles(const Configuration& configuration) {
  PeerFilesReading reading = ReadPeerFiles(configuration);
  const auto error = std::ranges::find(reading.findings, Severity::kError, &ConfigFinding::severity);
  if (error != reading.findings.end()) return base::Fail(ErrorCode::kInvalid, "{}", ToString(*error));
  return std::move(reading.files);
}

std::vector<std::string> WatchedPaths(const Configuration& configuration) {
  std::vector<std::string> paths;
  const auto add = [&](const std::string& path) {
    if (!path.empty()) paths.push_back(path);
  };
  const auto add_tls = [&](const node::TlsConfig& tls) {
    if (!tls.enabled) return;
    for (const std::string* path :
         {&tls.cert_file, &tls.key_file, &tls.client_cert_file, &tls.client_key_file, &tls.root_cert_file}) {
      add(*path);
    }
    std::ranges::for_each(tls.client_root_ca_files, add);
  };
  add(configuration.msp_folder);
  add(configuration.key_store_folder);
  add_tls(configuration.tls);
  add_tls(configuration.operations.tls);
  for (const node::AddressOverride& entry : configuration.deliver.address_overrides) add(entry.ca_certs_file);
  return paths;
}

}  // namespace grapevine::runtime

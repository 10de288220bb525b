#include "msp/msp_folder.h"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <utility>

#include "msp/msp_config.pb.h"
#include "msp/pem.h"
#include "msp/serialized_identity.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::size_t kMaxKeyFileSize = 64 * 1024;
constexpr const char* kConfigFile = "config.yaml";

const std::map<std::string, std::string>& FilesOf(const MspFolder& folder, const std::string& name) {
  static const std::map<std::string, std::string> kNone;
  const auto it = folder.find(name);
  return it == folder.end() ? kNone : it->second;
}

// `path` is relative to the folder, as config.yaml has it.
const std::string* FindFile(const MspFolder& folder, std::string path) {
  if (path.starts_with("./")) path.erase(0, 2);
  const std::size_t slash = path.rfind('/');
  const auto& files = FilesOf(folder, slash == std::string::npos ? "" : path.substr(0, slash));
  const auto it = files.find(slash == std::string::npos ? path : path.substr(slash + 1));
  return it == files.end() ? nullptr : &it->second;
}

class FolderReader {
 public:
  FolderReader(const MspFolder& folder, const std::string& msp_id) : folder_(folder) { config_.set_name(msp_id); }

  Result<::msp::FabricMSPConfig> Read() {
    CopyPem("cacerts", *config_.mutable_root_certs());
    if (config_.root_certs().empty()) {
      return Fail(ErrorCode::kInvalid, "cacerts: there is no PEM file; expected the organisation's root certificate");
    }
    CopyPem("intermediatecerts", *config_.mutable_intermediate_certs());
    CopyPem("admincerts", *config_.mutable_admins());
    CopyPem("crls", *config_.mutable_revocation_list());
    CopyPem("tlscacerts", *config_.mutable_tls_root_certs());
    if (!config_.tls_root_certs().empty()) CopyPem("tlsintermediatecerts", *config_.mutable_tls_intermediate_certs());
    if (auto done = ReadConfigFile(); !done) return std::unexpected(done.error());
    return config_;
  }

  std::vector<std::string>& warnings() { return warnings_; }

 private:
  template <typename Field>
  void CopyPem(const std::string& subfolder, Field& field) {
    for (const auto& [name, content] : FilesOf(folder_, subfolder)) {
      if (DecodePem(content)) {
        field.Add(std::string(content));
      } else {
        warnings_.push_back(fmt::format("{}/{}: skipped, it is not PEM", subfolder, name));
      }
    }
  }

  Result<void> ReadConfigFile() {
    const std::string* text = FindFile(folder_, kConfigFile);
    if (text == nullptr) return {};
    try {
      const YAML::Node root = YAML::Load(*text);
      for (const YAML::Node& entry : root["OrganizationalUnitIdentifiers"]) {
        if (auto read = ReadOrganizationalUnit(entry); !read) return read;
      }
      if (const YAML::Node node_ous = root["NodeOUs"]; node_ous && node_ous["Enable"].as<bool>(false)) {
        ::msp::FabricNodeOUs& target = *config_.mutable_fabric_node_ous();
        target.set_enable(true);
        ReadNodeOu(node_ous, "ClientOUIdentifier", *target.mutable_client_ou_identifier());
        ReadNodeOu(node_ous, "PeerOUIdentifier", *target.mutable_peer_ou_identifier());
        ReadNodeOu(node_ous, "AdminOUIdentifier", *target.mutable_admin_ou_identifier());
        ReadNodeOu(node_ous, "OrdererOUIdentifier", *target.mutable_orderer_ou_identifier());
      }
    } catch (const YAML::Exception& error) {
      return Fail(ErrorCode::kInvalid, "{}: {}", kConfigFile, error.what());
    }
    return {};
  }

  Result<void> ReadOrganizationalUnit(const YAML::Node& entry) {
    const auto path = entry["Certificate"].as<std::string>("");
    const std::string* certificate = FindFile(folder_, path);
    if (certificate == nullptr) {
      return Fail(ErrorCode::kInvalid, "{}: OrganizationalUnitIdentifiers: there is no file '{}' in the MSP folder",
                  kConfigFile, path);
    }
    ::msp::FabricOUIdentifier& unit = *config_.add_organizational_unit_identifiers();
    unit.set_certificate(*certificate);
    unit.set_organizational_unit_identifier(entry["OrganizationalUnitIdentifier"].as<std::string>(""));
    return {};
  }

  void ReadNodeOu(const YAML::Node& node_ous, const char* name, ::msp::FabricOUIdentifier& target) {
    const YAML::Node entry = node_ous[name];
    if (!entry) return;
    target.set_organizational_unit_identifier(entry["OrganizationalUnitIdentifier"].as<std::string>(""));
    const auto path = entry["Certificate"].as<std::string>("");
    if (path.empty()) return;
    if (const std::string* certificate = FindFile(folder_, path); certificate != nullptr) {
      target.set_certificate(*certificate);
    } else {
      warnings_.push_back(fmt::format("{}: NodeOUs.{}.Certificate: ignored, there is no file '{}' in the MSP folder",
                                      kConfigFile, name, path));
    }
  }

  const MspFolder& folder_;
  ::msp::FabricMSPConfig config_;
  std::vector<std::string> warnings_;
};

// The file named after the key, else the first that holds it.
Result<crypto::PrivateKey> FindPrivateKey(const MspFolder& folder, const crypto::PublicKey& public_key) {
  const std::string ski = public_key.ski().ToHex();
  const auto& files = FilesOf(folder, "keystore");
  for (const auto& [name, content] : files) {
    if (!name.starts_with(ski) || !name.ends_with("sk")) continue;
    auto key = crypto::PrivateKey::FromPem(content);
    if (!key) return base::Wrap(key.error(), "keystore/{}", name);
    if (key->public_key() == public_key) return key;
  }
  for (const auto& [name, content] : files) {
    if (content.size() > kMaxKeyFileSize) continue;
    auto key = crypto::PrivateKey::FromPem(content);
    if (key && key->public_key() == public_key) return key;
  }
  return Fail(ErrorCode::kInvalid,
              "keystore: none of {} files holds the private key of the certificate in signcerts "
              "(SKI {})",
              files.size(), ski);
}

}  // namespace

Result<LoadedMsp> LoadMsp(const MspFolder& folder, const std::string& msp_id, MspVersion version) {
  FolderReader reader(folder, msp_id);
  const auto config = reader.Read();
  if (!config) return std::unexpected(config.error());
  auto msp = Msp::Create(*config, version);
  if (!msp) return std::unexpected(msp.error());
  return LoadedMsp{std::move(*msp), std::move(reader.warnings())};
}

Result<LocalMsp> LoadLocalMsp(const MspFolder& folder, const std::string& msp_id, MspVersion version,
                              base::WallTime now) {
  auto loaded = LoadMsp(folder, msp_id, version);
  if (!loaded) return std::unexpected(loaded.error());
  const auto& certificates = FilesOf(folder, "signcerts");
  auto own = certificates.begin();
  while (own != certificates.end() && !DecodePem(own->second)) ++own;
  if (own == certificates.end()) {
    return Fail(ErrorCode::kInvalid, "signcerts: there is no PEM file; expected the node's own certificate");
  }
  auto identity = loaded->msp->Deserialize(own->second);
  if (!identity) return base::Wrap(identity.error(), "signcerts/{}", own->first);
  if (const auto& valid = (*identity)->validation(); !valid) {
    return base::Wrap(valid.error(), "signcerts/{}", own->first);
  }
  const Certificate& certificate = *(*identity)->certificate();
  if (certificate.not_after() <= now) {
    return Fail(ErrorCode::kDenied, "signcerts/{}: the certificate '{}' has expired; it must be renewed", own->first,
                certificate.subject_text());
  }
  auto key = FindPrivateKey(folder, certificate.public_key());
  if (!key) return std::unexpected(key.error());
  base::Bytes serialized(SerializeIdentity(msp_id, EncodePem("CERTIFICATE", certificate.der())));
  return LocalMsp{std::move(loaded->msp), std::move(*identity), std::move(serialized), std::move(*key),
                  std::move(loaded->warnings)};
}

}  // namespace grapevine::msp

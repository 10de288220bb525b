// An MSP described by a folder of files, as peers have one for their own organisation (specification 03, section 4.1).
// This room reads no files: the runtime hands their content over.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "msp/msp.h"

namespace grapevine::msp {

// Subfolder -> file name -> content. Files of the folder itself, such as config.yaml, stand under "". Subfolders are
// cacerts, intermediatecerts, admincerts, signcerts, keystore, tlscacerts, tlsintermediatecerts, crls and any other
// that config.yaml refers to. A key store elsewhere (peer.BCCSP.SW.FileKeyStore.KeyStore) takes the place of
// "keystore".
using MspFolder = std::map<std::string, std::map<std::string, std::string>>;

struct LoadedMsp {
  MspPtr msp;
  std::vector<std::string> warnings;  // files that were skipped, and why
};

// The MSP without a signer, as an organisation's administrator publishes it. Errors name the file.
base::Result<LoadedMsp> LoadMsp(const MspFolder& folder, const std::string& msp_id, MspVersion version);

// The MSP of a node with its own identity. Immutable; any thread.
struct LocalMsp {
  MspPtr msp;
  IdentityPtr identity;
  base::Bytes serialized_identity;  // 1.1: what others know the node by
  crypto::PrivateKey key;
  std::vector<std::string> warnings;
};

// kInvalid if anything required is missing, if the certificate in signcerts is not valid in the MSP, has no key in
// keystore or has expired at `now`.
base::Result<LocalMsp> LoadLocalMsp(const MspFolder& folder, const std::string& msp_id, MspVersion version,
                                    base::WallTime now);

}  // namespace grapevine::msp

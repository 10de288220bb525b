// The files of a recorded Fabric peer in a temporary folder, for tests that change them.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace grapevine::test {

// Holds msp/, tls/ (server.crt, server.key, ca.crt) of peer0 of Org1MSP, private keys with mode 0600. Removed at the
// end. The certificates are valid from 2026-11-22 to 2036-11-19.
class PeerFolder {
 public:
  PeerFolder() {
    namespace fs = std::filesystem;
    std::string name = ::testing::TempDir() + "peer_folder_XXXXXX";
    path_ = mkdtemp(name.data());
    fs::copy(fs::path(GRAPEVINE_TEST_DATA) / "fabric-2.5.5/crypto/peerOrganizations/org1.example.com/peers" /
                 "peer0.org1.example.com",
             path_, fs::copy_options::recursive);
    for (const char* key : {"tls/server.key", "msp/keystore/priv_sk"}) {
      fs::permissions(path_ / key, fs::perms::owner_read | fs::perms::owner_write);
    }
  }
  ~PeerFolder() { std::filesystem::remove_all(path_); }
  PeerFolder(const PeerFolder&) = delete;
  PeerFolder& operator=(const PeerFolder&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }

 private:
  std::filesystem::path path_;
};

}  // namespace grapevine::test

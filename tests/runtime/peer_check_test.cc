// A peer's configuration is checked against its files and its machine, without starting it.
#include "runtime/peer_check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "support/listener.h"
#include "support/peer_folder.h"

namespace grapevine::runtime {
namespace {

using namespace std::chrono_literals;
using test::FreePort;
using test::Listener;
using test::PeerFolder;

constexpr base::WallTime kIssued = std::chrono::sys_days{2026y / 11 / 22} + 14h + 14min;
constexpr base::WallTime kExpiry = std::chrono::sys_days{2036y / 11 / 19} + 14h + 14min;
constexpr base::WallTime kNow = kIssued + 24h;

class PeerCheckTest : public ::testing::Test {
 protected:
  // Nothing is to be said about it.
  node::Configuration Good() const {
    node::Configuration c;
    c.organization = "Org1MSP";
    c.address = "peer0.org1.example.com:7051";
    c.listen_address = fmt::format("127.0.0.1:{}", FreePort());
    c.msp_folder = folder_ / "msp";
    c.data_folder = folder_ / "data/below";
    c.admin_socket = "/run/admin.sock";
    c.tls.enabled = true;
    c.tls.cert_file = folder_ / "tls/server.crt";
    c.tls.key_file = folder_ / "tls/server.key";
    c.tls.root_cert_file = folder_ / "tls/ca.crt";
    c.gossip.endpoint = c.address;
    c.election.org_leader = true;
    c.private_data.push_ack_timeout = 3s;
    c.private_data.pull_retry_threshold = 60s;
    return c;
  }

  static std::vector<std::string> Check(const node::Configuration& configuration, base::WallTime now = kNow) {
    std::vector<std::string> lines;
    for (const node::ConfigFinding& finding : CheckPeer(configuration, now)) {
      lines.push_back(std::string(ToString(finding.severity)) + ": " + ToString(finding));
    }
    return lines;
  }
  std::vector<std::string> CheckWith(const std::function<void(node::Configuration&)>& change) const {
    node::Configuration configuration = Good();
    change(configuration);
    return Check(configuration);
  }

  PeerFolder folder_;
};

using Lines = std::vector<std::string>;

TEST_F(PeerCheckTest, AGoodPeerHasNoFindings) { EXPECT_EQ(Check(Good()), Lines()); }

TEST_F(PeerCheckTest, CertificatesThatExpireSoonAreWarnedAbout) {
  EXPECT_EQ(Check(Good(), kExpiry - 30 * 24h), Lines());
  const auto lines = Check(Good(), kExpiry - 30 * 24h + 1s);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.front(), "warning: peer.mspConfigPath = " + folder_ / "msp/signcerts" +
                               ": the certificate expires on 2036-11-19 14:14 UTC; have it renewed");
  EXPECT_NE(std::ranges::find(lines, "warning: peer.tls.cert.file = " + folder_ / "tls/server.crt" +
                                         ": the certificate expires on 2036-11-19 14:14 UTC; have it renewed"),
            lines.end());
}

TEST_F(PeerCheckTest, ExpiredCertificatesAreErrors) {
  const auto lines = Check(Good(), kExpiry + 1s);
  EXPECT_NE(std::ranges::find(lines, "error: peer.tls.cert.file = " + folder_ / "tls/server.crt" +
                                         ": the certificate expired on 2036-11-19 14:14 UTC; have it renewed"),
            lines.end());
  EXPECT_TRUE(lines.front().starts_with("error: peer.mspConfigPath = " + folder_ / "msp" + ": ")) << lines.front();
  const auto early = Check(Good(), kIssued - 1s);
  EXPECT_NE(std::ranges::find(early, "error: peer.tls.cert.file = " + folder_ / "tls/server.crt" +
                                         ": the certificate is not valid before 2026-11-22 14:14 UTC; set the "
                                         "machine's clock, or have it issued anew"),
            early.end());
}

TEST_F(PeerCheckTest, TheKeyInTheMspBelongsToItsCertificate) {
  std::filesystem::copy(folder_ / "tls/server.key", folder_ / "msp/keystore/priv_sk",
                        std::filesystem::copy_options::overwrite_existing);
  const auto lines = Check(Good());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("error: peer.mspConfigPath = " + folder_ / "msp" + ": ")) << lines[0];
  EXPECT_TRUE(lines[0].ends_with("; it must be the folder with the certificate, key and CAs of a member of Org1MSP"))
      << lines[0];
}

TEST_F(PeerCheckTest, PrivateKeysAreForTheirOwnerOnly) {
  namespace fs = std::filesystem;
  fs::permissions(folder_ / "tls/server.key", fs::perms{0644});
  fs::permissions(folder_ / "msp/keystore/priv_sk", fs::perms{0604});
  EXPECT_EQ(Check(Good()),
            (Lines{"warning: peer.tls.key.file = " + folder_ / "tls/server.key" +
                       ": every user of the machine can read or write the private key (mode 0644); chmod 600",
                   "warning: peer.mspConfigPath = " + folder_ / "msp/keystore/priv_sk" +
                       ": every user of the machine can read or write the private key (mode 0604); chmod 600"}));
}

TEST_F(PeerCheckTest, AddressesCanBeListenedOn) {
  const Listener other;
  const std::string taken = fmt::format("127.0.0.1:{}", other.port());
  EXPECT_EQ(CheckWith([&](auto& c) { c.listen_address = taken; }),
            Lines{"warning: peer.listenAddress = " + taken + ": listen address '" + taken +
                  "' is in use by another program; stop that one, or choose another port"});
  EXPECT_EQ(CheckWith([&](auto& c) { c.operations.listen_address = taken; }).size(), 1u);
  EXPECT_EQ(CheckWith([](auto& c) { c.listen_address = "192.0.2.1:7051"; }),
            Lines{"error: peer.listenAddress = 192.0.2.1:7051: listen on '192.0.2.1:7051': Cannot assign requested "
                  "address; set it to an address of this machine, as 0.0.0.0:7051"});
  const auto malformed = CheckWith([](auto& c) { c.listen_address = "7051"; });
  ASSERT_EQ(malformed.size(), 1u);
  EXPECT_TRUE(malformed[0].starts_with("error: peer.listenAddress = 7051: ")) << malformed[0];
  EXPECT_EQ(CheckWith([](auto& c) { c.listen_address = ""; }),
            Lines{"error: peer.listenAddress is not set: the peer listens nowhere; set it or peer.address to "
                  "host:port"});
  EXPECT_EQ(CheckWith([](auto& c) { c.listen_address = fmt::format("[::1]:{}", FreePort()); }), Lines());
}

TEST_F(PeerCheckTest, TheTlsCertificateNamesTheHostsThatOthersDial) {
  for (const std::string host : {"peer0", "localhost", "127.0.0.1"}) {
    EXPECT_EQ(CheckWith([&](auto& c) { c.gossip.external_endpoint = host + ":7051"; }), Lines()) << host;
  }
  const std::string rule =
      ": the certificate in peer.tls.cert.file is not for this host, so others refuse the connection; have one issued "
      "that names it, or set it to a host that the certificate names";
  EXPECT_EQ(CheckWith([](auto& c) { c.gossip.endpoint = "peer1.org1.example.com:7051"; }),
            Lines{"warning: peer.gossip.endpoint = peer1.org1.example.com:7051" + rule});
  EXPECT_EQ(CheckWith([](auto& c) { c.gossip.external_endpoint = "[::1]:7051"; }),
            Lines{"warning: peer.gossip.externalEndpoint = [::1]:7051" + rule});
  EXPECT_EQ(CheckWith([](auto& c) {
              c.gossip.endpoint = "peer1.org1.example.com:7051";
              c.tls.enabled = false;
            }).size(),
            1u);
}

TEST_F(PeerCheckTest, TheDataFolderCanBeWritten) {
  EXPECT_EQ(CheckWith([](auto& c) { c.data_folder = ""; }),
            Lines{"error: peer.fileSystemPath is not set: there is no place for ledgers; set it to a folder"});
  EXPECT_EQ(CheckWith([&](auto& c) { c.data_folder = folder_ / "tls/ca.crt/data"; }),
            Lines{"error: peer.fileSystemPath = " + folder_ / "tls/ca.crt/data" + ": '" + folder_ / "tls/ca.crt" +
                  "' is no folder; set it to a folder"});
}

TEST_F(PeerCheckTest, TheAdminSocketHasAShortPath) {
  EXPECT_EQ(CheckWith([](auto& c) { c.admin_socket = std::string(107, 'x'); }), Lines());
  const auto lines = CheckWith([](auto& c) { c.admin_socket = std::string(108, 'x'); });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("error: grapevine.admin.socket = xxx")) << lines[0];
}

TEST_F(PeerCheckTest, ErrorsComeFirstThenWarnings) {
  const auto lines = CheckWith([](auto& c) {
    c.tls.enabled = false;
    c.gossip.pull_interval = 1s;
    c.data_folder = "";
  });
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[0].starts_with("error: peer.gossip.pullInterval")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("error: peer.fileSystemPath")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("warning: peer.tls.enabled")) << lines[2];
}

}  // namespace
}  // namespace grapevine::runtime

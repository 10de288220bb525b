// What `grapevine node check` prints and returns.
#include "app/check_command.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "support/listener.h"
#include "support/peer_folder.h"

namespace grapevine::app {
namespace {

using test::PeerFolder;

std::string File() {
  std::string text = R"(
peer:
  localMspId: Org1MSP
  mspConfigPath: msp
  fileSystemPath: data
  address: peer0.org1.example.com:7051
  listenAddress: 127.0.0.1:PORT
  gossip: {orgLeader: true, sendBuffSize: 200, pvtData: {pushAckTimeout: 3s, pullRetryThreshold: 60s}}
  tls:
    enabled: true
    cert: {file: tls/server.crt}
    key: {file: tls/server.key}
    rootcert: {file: tls/ca.crt}
  gateway: {enabled: true}
grapevine: {admin: {socket: /run/admin.sock}}
vm: {endpoint: x}
)";
  return text.replace(text.find("PORT"), 4, std::to_string(test::FreePort()));
}

struct CheckRun {
  explicit CheckRun(const CheckOptions& options) {
    std::ostringstream out_stream, err_stream;
    status = RunNodeCheck(options, out_stream, err_stream);
    out = out_stream.str();
    err = err_stream.str();
  }
  int status;
  std::string out, err;
};

TEST(CheckCommandTest, AGoodConfigurationHasNoError) {
  const PeerFolder folder;
  folder.Write("core.yaml", File());
  const CheckRun run({.config = folder / "core.yaml", .json = false, .environment = {}});
  EXPECT_EQ(run.out,
            "note    not applicable = peer.gateway, vm: concern parts of Fabric that Grapevine does not have, so "
            "nothing reads them; remove them if you like\n" +
                folder / "core.yaml" + ": 0 errors, 0 warnings, 1 note\n");
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(run.status, 0);
}

TEST(CheckCommandTest, ErrorsComeFirstAndMakeItFail) {
  const PeerFolder folder;
  folder.Write("core.yaml", File());
  const CheckRun run({.config = folder.path(),
                      .json = false,
                      .environment = {{"CORE_PEER_TLS_CERT_FILE", "none"}, {"CORE_PEER_GOSIP_ORGLEADER", "true"}}});
  const std::string none = folder / "none";
  EXPECT_EQ(run.out, "error   peer.tls.cert.file = " + none + ": cannot read the certificate '" + none +
                         "': No such file or directory; it must be a PEM certificate\n"
                         "warning PEER.GOSIP.ORGLEADER = true: no such key, nothing reads it; the nearest known key is "
                         "peer.gossip.orgLeader\n"
                         "note    not applicable = peer.gateway, vm: concern parts of Fabric that Grapevine does not "
                         "have, so nothing reads them; remove them if you like\n" +
                         folder / "core.yaml" + ": 1 error, 1 warning, 1 note\n");
  EXPECT_EQ(run.status, 1);
}

TEST(CheckCommandTest, PrintsJson) {
  const PeerFolder folder;
  folder.Write("core.yaml", File());
  const CheckRun run({.config = folder.path(), .json = true, .environment = {{"CORE_PEER_LOCALMSPTYPE", "idemix"}}});
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["file"], folder / "core.yaml");
  EXPECT_EQ(json["errors"], 1);
  EXPECT_EQ(json["warnings"], 0);
  EXPECT_EQ(json["notes"], 1);
  ASSERT_EQ(json["findings"].size(), 2u);
  EXPECT_EQ(json["findings"][0], (nlohmann::json{{"severity", "error"},
                                                 {"key", "peer.localMspType"},
                                                 {"value", "idemix"},
                                                 {"rule", "is a kind of MSP that is not supported"},
                                                 {"remedy", "set it to bccsp"}}));
  EXPECT_EQ(run.status, 1);
}

TEST(CheckCommandTest, AMissingFileIsNamed) {
  const PeerFolder folder;
  const CheckRun run({.config = folder / "none.yaml", .json = false, .environment = {}});
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err,
            "grapevine: cannot read the configuration '" + folder / "none.yaml" + "': No such file or directory\n");
  EXPECT_EQ(run.status, 1);
}

}  // namespace
}  // namespace grapevine::app

// What the tests of the transport share: an event loop, our two roles on it, and oracles beside it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/transport.h"
#include "rpc/options.h"
#include "rpc/oracle_process.h"
#include "rpc/server.h"
#include "rpc/stream_probe.h"
#include "rpc/test_service.h"
#include "runtime/event_loop.h"
#include "runtime/worker_pool.h"

namespace grapevine::rpc {

// One for a whole test; reached only by a defect.
inline constexpr base::Duration kPatience = std::chrono::seconds(60);

// TLS of `peerN.orgM.example.com` of the recorded network, which trusts its own organisation's TLS CA. Files are names
// of fixtures.
struct Identity {
  std::string certificate_file;
  std::string key_file;
  std::string ca_file;

  TlsIdentitySource source() const;
  TlsTrustSource trust() const;
  base::Bytes der() const;
  std::vector<std::string> Arguments() const;  // of an oracle
};
Identity PeerIdentity(int organization, int peer);

TlsClientConfig ClientTls();  // peer1.org1, trusting org1
TlsServerConfig ServerTls();  // peer0.org1, requiring certificates of org1

int PortOf(const base::Endpoint& endpoint);

// Metrics are counted per role.
class RpcFixture : public ::testing::Test {
 protected:
  RpcFixture();

  // Handles events until `done`; false (and a test failure) when the test's patience is used up.
  bool Wait(const std::function<bool()>& done, const char* what);

  std::unique_ptr<GrpcServer> Listen(ServerOptions options);
  std::unique_ptr<base::Transport> Transport(ClientOptions options);
  // Waits for the outcome.
  base::Result<std::unique_ptr<base::Connection>> TryDial(base::Transport& transport, const base::Endpoint& endpoint,
                                                          base::Duration timeout = kPatience);
  // Fails the test when there is no connection.
  std::unique_ptr<base::Connection> Dial(base::Transport& transport, const base::Endpoint& endpoint);
  base::UnaryResult Unary(base::Connection& connection, const std::string& method, base::Bytes request,
                          base::CallOptions options = {});
  std::unique_ptr<StreamProbe> Open(base::Connection& connection, const std::string& method,
                                    base::CallOptions options = {});
  // The connection still works for new calls.
  void ExpectEcho(base::Connection& connection);
  // Sum of a counter over all its labels.
  std::uint64_t ServerCount(const std::string& name) const { return Sum(server_metrics_, name); }
  std::uint64_t ClientCount(const std::string& name) const { return Sum(client_metrics_, name); }

  static ServerOptions SecureServer();
  static ServerOptions PlainServer();
  static ClientOptions SecureClient();
  static ClientOptions PlainClient();

  runtime::EventLoop loop_;
  runtime::WorkerPool workers_{loop_, 1};
  base::Metrics server_metrics_;
  base::Metrics client_metrics_;
  base::SteadyTime started_;

 private:
  static std::uint64_t Sum(const base::Metrics& metrics, const std::string& name);
};

// The tests that run against both libraries: the parameter names the oracle.
inline std::string OracleName(const ::testing::TestParamInfo<const char*>& parameter) { return parameter.param; }
class OracleTest : public RpcFixture, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override;

  bool go() const { return std::string(GetParam()) == "go"; }
  std::string program() const;
  // Starts the oracle as a server with mutual TLS and waits for its port.
  void StartServer(std::vector<std::string> options = {});
  // Our client, connected to the oracle.
  std::unique_ptr<base::Connection> Connect(ClientOptions options = SecureClient());

  // Starts our server with the test service.
  void Serve(ServerOptions options = SecureServer());
  std::unique_ptr<OracleProcess> StartClient(std::vector<std::string> options);
  // Runs a client scenario to its end: the `done` line.
  nlohmann::json RunClient(std::vector<std::string> options);

  std::unique_ptr<OracleProcess> oracle_;
  base::Endpoint oracle_address_;
  std::unique_ptr<base::Transport> transport_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<TestService> service_;
};

}  // namespace grapevine::rpc

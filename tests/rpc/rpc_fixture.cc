#include "rpc/rpc_fixture.h"

#include "rpc/client.h"
#include "support/fixtures.h"

namespace grapevine::rpc {

namespace {

std::string ReadCrypto(const std::string& file) { return testing::ReadFixture(file); }

}  // namespace

Identity PeerIdentity(int organization, int peer) {
  std::string organization_name = fmt::format("org{}.example.com", organization);
  std::string folder = fmt::format("crypto/peerOrganizations/{0}/peers/peer{1}.{0}/tls/", organization_name, peer);
  return {folder + "server.crt", folder + "server.key", folder + "ca.crt"};
}

TlsIdentitySource Identity::source() const {
  auto identity = TlsIdentity::FromPem(ReadCrypto(certificate_file), ReadCrypto(key_file)).value();
  return [identity] { return identity; };
}

TlsTrustSource Identity::trust() const {
  auto trust = TlsTrust::FromPem({ReadCrypto(ca_file)}).value();
  return [trust] { return trust; };
}

base::Bytes Identity::der() const { return source()()->certificate(); }

std::vector<std::string> Identity::Arguments() const {
  return {"--cert", testing::FixturePath(certificate_file), "--key", testing::FixturePath(key_file),
          "--ca",   testing::FixturePath(ca_file)};
}

TlsClientConfig ClientTls() { return {.identity = PeerIdentity(1, 1).source(), .trust = PeerIdentity(1, 1).trust()}; }

TlsServerConfig ServerTls() {
  return {.identity = PeerIdentity(1, 0).source(),
          .client_trust = PeerIdentity(1, 0).trust(),
          .require_client_certificate = true};
}

ServerOptions RpcFixture::SecureServer() {
  ServerOptions options;
  options.tls = ServerTls();
  return options;
}
ServerOptions RpcFixture::PlainServer() { return {}; }
ClientOptions RpcFixture::SecureClient() {
  ClientOptions options;
  options.tls = ClientTls();
  return options;
}
ClientOptions RpcFixture::PlainClient() { return {}; }

RpcFixture::RpcFixture() : started_(loop_.Now()) {}

std::unique_ptr<GrpcServer> RpcFixture::Listen(ServerOptions options) {
  return GrpcServer::Listen(loop_, std::move(options), &server_metrics_).value();
}

std::unique_ptr<base::Transport> RpcFixture::Transport(ClientOptions options) {
  return std::make_unique<GrpcTransport>(loop_, workers_, std::move(options), &client_metrics_);
}

bool RpcFixture::Wait(const std::function<bool()>& done, const char* what) {
  bool came = loop_.RunUntil(done, kPatience - (loop_.Now() - started_));
  EXPECT_TRUE(came) << "waited in vain for " << what;
  return came;
}

base::Result<std::unique_ptr<base::Connection>> RpcFixture::TryDial(base::Transport& transport,
                                                                    const base::Endpoint& endpoint,
                                                                    base::Duration timeout) {
  std::optional<base::Result<std::unique_ptr<base::Connection>>> outcome;
  auto dial = transport.Dial(endpoint, timeout, [&](auto result) { outcome = std::move(result); });
  if (!Wait([&] { return outcome.has_value(); }, "the dial")) return base::Fail(base::ErrorCode::kTimeout, "patience");
  return std::move(*outcome);
}

std::unique_ptr<base::Connection> RpcFixture::Dial(base::Transport& transport, const base::Endpoint& endpoint) {
  auto connection = TryDial(transport, endpoint);
  if (!connection.has_value()) {
    ADD_FAILURE() << connection.error().message;
    return nullptr;
  }
  return std::move(*connection);
}

base::UnaryResult RpcFixture::Unary(base::Connection& connection, const std::string& method, base::Bytes request,
                                    base::CallOptions options) {
  std::optional<base::UnaryResult> outcome;
  auto call = connection.Unary(method, std::move(request), std::move(options),
                               [&](base::UnaryResult result) { outcome = std::move(result); });
  if (!Wait([&] { return outcome.has_value(); }, "the answer to a call")) return {};
  return std::move(*outcome);
}

std::unique_ptr<StreamProbe> RpcFixture::Open(base::Connection& connection, const std::string& method,
                                              base::CallOptions options) {
  return std::make_unique<StreamProbe>(connection.Open(method, std::move(options)));
}

void RpcFixture::ExpectEcho(base::Connection& connection) {
  auto result = Unary(connection, "/oracle.Test/Echo", base::Bytes(std::string("still there?")));
  EXPECT_EQ(result.status, base::Status{});
  EXPECT_EQ(result.response.view(), "still there?");
}

std::uint64_t RpcFixture::Sum(const base::Metrics& metrics, const std::string& name) {
  std::uint64_t sum = 0;
  for (const auto& [full_name, value] : metrics.Snapshot()) {
    if (full_name == name || full_name.starts_with(name + "{")) sum += static_cast<std::uint64_t>(value);
  }
  return sum;
}

int PortOf(const base::Endpoint& endpoint) { return std::atoi(endpoint.substr(endpoint.rfind(':') + 1).c_str()); }

std::string OracleTest::program() const {
#ifdef GRPC_CPP_ORACLE
  if (!go()) return GRPC_CPP_ORACLE;
#endif
#ifdef GRPC_GO_ORACLE
  if (go()) return GRPC_GO_ORACLE;
#endif
  return "";
}

void OracleTest::SetUp() {
  if (program().empty()) GTEST_SKIP() << "built without this gRPC library";
}

void OracleTest::StartServer(std::vector<std::string> options) {
  std::vector<std::string> arguments = PeerIdentity(1, 0).Arguments();
  arguments.insert(arguments.begin(), "server");
  arguments.insert(arguments.end(), options.begin(), options.end());
  oracle_ = std::make_unique<OracleProcess>(loop_, program(), arguments);
  ASSERT_TRUE(Wait([&] { return oracle_->Event("ready").has_value(); }, "the oracle"));
  oracle_address_ = fmt::format("127.0.0.1:{}", oracle_->Event("ready")->at("port").get<int>());
}

std::unique_ptr<base::Connection> OracleTest::Connect(ClientOptions options) {
  transport_ = Transport(std::move(options));
  return Dial(*transport_, oracle_address_);
}

void OracleTest::Serve(ServerOptions options) {
  server_ = Listen(std::move(options));
  service_ = std::make_unique<TestService>(*server_);
}

std::unique_ptr<OracleProcess> OracleTest::StartClient(std::vector<std::string> options) {
  std::vector<std::string> arguments = PeerIdentity(1, 1).Arguments();
  arguments.insert(arguments.begin(), {"client", "--target", server_->address()});
  arguments.insert(arguments.end(), options.begin(), options.end());
  return std::make_unique<OracleProcess>(loop_, program(), arguments);
}

nlohmann::json OracleTest::RunClient(std::vector<std::string> options) {
  auto client = StartClient(std::move(options));
  if (!Wait([&] { return client->Event("done").has_value(); }, "the oracle to finish")) return {{"code", -1}};
  return *client->Event("done");
}

}  // namespace grapevine::rpc

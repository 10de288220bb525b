// Who may connect to whom (02, 2.1).
#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include "rpc/raw_peer.h"
#include "rpc/rpc_fixture.h"
#include "rpc/tls_probe.h"
#include "testnet/network.h"

namespace grapevine::rpc {
namespace {

using base::ErrorCode;

class Tls : public RpcFixture {
 protected:
  void Serve(ServerOptions options = SecureServer()) {
    server_ = Listen(std::move(options));
    service_ = std::make_unique<TestService>(*server_);
    port_ = PortOf(server_->address());
  }

  // The reason why our client did not get a connection to our server.
  base::Error RefusedDial(ClientOptions options) {
    auto transport = Transport(std::move(options));
    auto connection = TryDial(*transport, server_->address(), std::chrono::milliseconds(500));
    EXPECT_FALSE(connection.has_value());
    return connection.has_value() ? base::Error{} : connection.error();
  }
  std::unique_ptr<TlsProbe> Probe(TlsProbeOptions options) {
    options.identity = PeerIdentity(1, 1);
    return std::make_unique<TlsProbe>(loop_, ConnectTo(port_), options);
  }
  // A client that the server lets in: it receives SETTINGS.
  void ExpectAccepted(const TlsProbeOptions& options, const std::string& version) {
    auto probe = Probe(options);
    EXPECT_TRUE(Wait([&] { return probe->over() || !probe->received().empty(); }, "an answer"));
    EXPECT_FALSE(probe->over());
    EXPECT_EQ(probe->version(), version);
    EXPECT_EQ(probe->tickets(), 0) << "session tickets are off (02, 2.1)";
  }
  void ExpectRefused(const TlsProbeOptions& options) {
    std::uint64_t before = ServerCount("rpc_failed_handshakes");
    auto probe = Probe(options);
    EXPECT_TRUE(Wait([&] { return probe->over(); }, "the end of the connection"));
    EXPECT_TRUE(probe->received().empty());
    EXPECT_TRUE(Wait([&] { return ServerCount("rpc_failed_handshakes") == before + 1; }, "the server to count it"));
  }
  // Our client against a server of OpenSSL alone.
  base::Result<std::unique_ptr<base::Connection>> DialProbe(TlsProbeOptions options) {
    options.identity = PeerIdentity(1, 0);
    options.is_server = true;
    RawListener listener(
        loop_, [&](int descriptor) { probes_.push_back(std::make_unique<TlsProbe>(loop_, descriptor, options)); });
    transport_ = Transport(SecureClient());
    return TryDial(*transport_, "127.0.0.1:" + std::to_string(listener.port()), std::chrono::milliseconds(500));
  }

  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<TestService> service_;
  int port_ = 0;
  std::unique_ptr<base::Transport> transport_;
  std::vector<std::unique_ptr<TlsProbe>> probes_;
};

TEST_F(Tls, BothSidesKnowTheOthersCertificate) {
  Serve();
  auto transport = Transport(SecureClient());
  auto connection = Dial(*transport, server_->address());
  EXPECT_EQ(connection->peer().certificate, PeerIdentity(1, 0).der());
  EXPECT_EQ(connection->peer().local_certificate, PeerIdentity(1, 1).der());
  ExpectEcho(*connection);
  auto stream = Open(*connection, "/oracle.Test/Wait");
  ASSERT_TRUE(Wait([&] { return service_->accepted() == 2; }, "the stream"));
  EXPECT_EQ(service_->last_peer().certificate, PeerIdentity(1, 1).der());
  EXPECT_EQ(service_->last_peer().local_certificate, PeerIdentity(1, 0).der());
}

TEST_F(Tls, NamesAreCheckedLikeAddresses) {
  Serve();
  auto transport = Transport(SecureClient());
  auto connection = Dial(*transport, "localhost:" + std::to_string(port_));
  ExpectEcho(*connection);
}

TEST_F(Tls, ServerRefusesAClientWithoutCertificate) {
  Serve();
  ClientOptions options = SecureClient();
  options.tls->identity = [] { return nullptr; };
  EXPECT_EQ(RefusedDial(options).code, ErrorCode::kDenied);
  EXPECT_GE(ServerCount("rpc_failed_handshakes"), 1U);
}

TEST_F(Tls, ServerRefusesAClientOfAnotherCa) {
  Serve();
  ClientOptions options = SecureClient();
  options.tls->identity = PeerIdentity(2, 0).source();
  EXPECT_EQ(RefusedDial(options).code, ErrorCode::kDenied);
  EXPECT_GE(ServerCount("rpc_failed_handshakes"), 1U);
}

// clientAuthRequired false: asked for, shown, not verified.
TEST_F(Tls, ServerThatDoesNotRequireCertificatesTakesAny) {
  ServerOptions server = SecureServer();
  server.tls->require_client_certificate = false;
  Serve(server);
  ClientOptions options = SecureClient();
  options.tls->identity = PeerIdentity(2, 0).source();
  auto other = Transport(options);
  auto connection = Dial(*other, server_->address());
  ExpectEcho(*connection);
  EXPECT_EQ(service_->last_peer().certificate, PeerIdentity(2, 0).der());

  options.tls->identity = [] { return nullptr; };
  auto nobody = Transport(options);
  auto anonymous = Dial(*nobody, server_->address());
  ExpectEcho(*anonymous);
  EXPECT_TRUE(service_->last_peer().certificate.empty());
}

TEST_F(Tls, ClientRefusesAServerOfAnotherCa) {
  Serve();
  ClientOptions options = SecureClient();
  options.tls->trust = PeerIdentity(2, 0).trust();
  EXPECT_EQ(RefusedDial(options).code, ErrorCode::kDenied);
}

TEST_F(Tls, ClientRefusesAServerOfAnotherName) {
  ServerOptions options = SecureServer();
  options.listen_address = "127.0.0.2:0";  // the certificate names 127.0.0.1 and localhost
  Serve(options);
  base::Error error = RefusedDial(SecureClient());
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_THAT(error.message, ::testing::HasSubstr("127.0.0.2"));
}

// Without a name OpenSSL would check none.
TEST_F(Tls, HostThatNoCertificateCanNameIsNotDialled) {
  Serve();
  auto transport = Transport(SecureClient());
  const std::string port = ":" + std::to_string(port_);
  for (const std::string& host : {std::string(), std::string("localhost\0.example.com", 22)}) {
    const auto outcome = TryDial(*transport, host + port);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalid) << outcome.error().message;
  }
}

TEST_F(Tls, BothSidesRefuseExpiredCertificates) {
  testnet::NetworkConfig config;
  config.organizations = 1;
  config.lifetime = std::chrono::hours(24);  // from 2025-01-01
  testnet::Network network(config);
  const testnet::Member& peer = network.peer(0, 0);
  auto identity = TlsIdentity::FromPem(peer.tls_certificate, peer.tls_key.PrivatePem()).value();
  auto trust = TlsTrust::FromPem({network.organizations()[0].tls_ca.certificate}).value();

  ServerOptions server = SecureServer();
  server.tls->client_trust = [trust] { return trust; };
  Serve(server);
  ClientOptions client = SecureClient();
  client.tls->identity = [identity] { return identity; };
  EXPECT_EQ(RefusedDial(client).code, ErrorCode::kDenied);

  server = SecureServer();
  server.tls->identity = [identity] { return identity; };
  Serve(server);
  client = SecureClient();
  client.tls->trust = [trust] { return trust; };
  base::Error error = RefusedDial(client);
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_THAT(error.message, ::testing::HasSubstr("expired"));
}

TEST_F(Tls, ServerAcceptsTls12And13) {
  Serve();
  ExpectAccepted({.min_version = TLS1_2_VERSION, .max_version = TLS1_2_VERSION}, "TLSv1.2");
  ExpectAccepted({.min_version = TLS1_3_VERSION}, "TLSv1.3");
}

TEST_F(Tls, ServerAcceptsFabricsSuitesOfTls12) {
  Serve();
  for (const char* suite : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"}) {
    ExpectAccepted({.max_version = TLS1_2_VERSION, .ciphers = suite}, "TLSv1.2");
  }
  ExpectRefused({.max_version = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-SHA"});
}

TEST_F(Tls, ServerRefusesOlderVersions) {
  Serve();
  ExpectRefused({.min_version = TLS1_VERSION, .max_version = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"});
}

TEST_F(Tls, ServerRefusesClientsWithoutHttp2) {
  Serve();
  ExpectRefused({.alpn = ""});
  ExpectRefused({.alpn = "http/1.1"});
}

TEST_F(Tls, ServerRefusesPlaintext) {
  Serve();
  auto peer = RawPeer::Connect(loop_, port_);
  peer->Send(Hello());
  EXPECT_TRUE(Wait([&] { return peer->closed(); }, "the server to close the connection"));
  EXPECT_EQ(ServerCount("rpc_failed_handshakes"), 1U);
}

TEST_F(Tls, ClientAcceptsTls12And13) {
  auto older = DialProbe({.max_version = TLS1_2_VERSION});
  EXPECT_TRUE(older.has_value()) << older.error().message;
  EXPECT_EQ(probes_.back()->version(), "TLSv1.2");
  auto newer = DialProbe({.min_version = TLS1_3_VERSION});
  EXPECT_TRUE(newer.has_value()) << newer.error().message;
  EXPECT_EQ(probes_.back()->version(), "TLSv1.3");
}

TEST_F(Tls, ClientRefusesOlderVersions) {
  auto dialled = DialProbe({.min_version = TLS1_VERSION, .max_version = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"});
  ASSERT_FALSE(dialled.has_value());
  EXPECT_EQ(dialled.error().code, ErrorCode::kDenied);
}

TEST_F(Tls, ClientRefusesServersWithoutHttp2) {
  auto dialled = DialProbe({.alpn = ""});
  ASSERT_FALSE(dialled.has_value());
  EXPECT_EQ(dialled.error().code, ErrorCode::kDenied);
}

// Handshakes that never end are bounded in time and do not keep others out.
TEST_F(Tls, SilentConnectionsAreDropped) {
  ServerOptions options = SecureServer();
  options.handshake_timeout = std::chrono::milliseconds(100);
  Serve(options);
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(RawPeer::Connect(loop_, port_));
  auto transport = Transport(SecureClient());
  auto connection = Dial(*transport, server_->address());
  ExpectEcho(*connection);
  for (auto& peer : silent) EXPECT_TRUE(Wait([&] { return peer->closed(); }, "silent connections to be dropped"));
  ExpectEcho(*connection);
}

}  // namespace
}  // namespace grapevine::rpc

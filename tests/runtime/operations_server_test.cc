// The operations endpoint on loopback, with raw sockets and curl as clients.
#include "runtime/operations_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "rpc/socket.h"
#include "runtime/event_loop.h"
#include "support/fixtures.h"

namespace grapevine::runtime {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr base::Duration kPatience = 60s;
constexpr char kTlsFolder[] = "crypto/peerOrganizations/org1.example.com/peers/peer0.org1.example.com/tls/";
constexpr char kOtherTlsFolder[] = "crypto/peerOrganizations/org2.example.com/peers/peer0.org2.example.com/tls/";

// A client that sends what it is told and keeps what comes back.
class RawClient {
 public:
  RawClient(EventLoop& loop, const base::Endpoint& endpoint)
      : socket_(rpc::StartConnect(rpc::ParseNumeric(rpc::SplitEndpoint(endpoint).value()).value().front()).value()),
        watch_(loop.Watch(socket_.descriptor(), [this](base::IoReady ready) { OnReady(ready); })) {
    watch_->SetInterest(true, true);
  }
  void Send(std::string bytes) {
    unsent_ += bytes;
    watch_->SetInterest(true, true);
  }

  std::string received;
  bool closed = false;

 private:
  void OnReady(base::IoReady ready) {
    if (ready.writable && !unsent_.empty()) {
      const auto sent = send(socket_.descriptor(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (sent > 0) unsent_.erase(0, static_cast<std::size_t>(sent));
    }
    watch_->SetInterest(!closed, !closed && !unsent_.empty());
    char buffer[65536];
    const auto size = recv(socket_.descriptor(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size > 0) received.append(buffer, static_cast<std::size_t>(size));
    if (size == 0 || (size < 0 && errno != EAGAIN)) {
      closed = true;
      watch_->SetInterest(false, false);
    }
  }

  rpc::Socket socket_;
  std::unique_ptr<base::IoWatch> watch_;
  std::string unsent_;
};

class OperationsServerTest : public ::testing::Test {
 protected:
  void Start(OperationsOptions options = {}) {
    options.listen_address = "127.0.0.1:0";
    auto server = OperationsServer::Listen(loop_, std::move(options), Sources());
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
  }
  OperationsSources Sources() {
    return {.metrics = metrics_,
            .show_metrics = show_metrics_,
            .log = log_,
            .check_health = [this] { return failed_; },
            .version = "1.2.3",
            .commit = "abcdef0"};
  }
  bool Until(const std::function<bool()>& done) { return loop_.RunUntil(done, kPatience); }
  // The whole answer to one request.
  std::string Ask(const std::string& request) {
    RawClient client(loop_, server_->address());
    client.Send(request);
    EXPECT_TRUE(Until([&] { return client.closed; })) << request;
    return client.received;
  }
  std::string Get(const std::string& path) { return Ask("GET " + path + " HTTP/1.1\r\nHost: node\r\n\r\n"); }
  std::string PutSpec(const std::string& body) {
    return Ask(fmt::format("PUT /logspec HTTP/1.1\r\nHost: node\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  }
  static nlohmann::json BodyOf(const std::string& answer) {
    return nlohmann::json::parse(answer.substr(answer.find("\r\n\r\n") + 4), nullptr, false);
  }

  // What curl prints, then a space and the status code; 000 without an answer.
  std::string Curl(const std::string& arguments, const std::string& path) {
    const std::string port = server_->address().substr(server_->address().rfind(':') + 1);
    const std::string command = fmt::format(
        "curl --silent --max-time 50 --write-out ' %{{http_code}}' "
        "--resolve peer0.org1.example.com:{0}:127.0.0.1 {1} https://peer0.org1.example.com:{0}{2}",
        port, arguments, path);
    std::FILE* pipe = popen(command.c_str(), "r");  // NOLINT: no input of others
    std::string output;
    bool ended = false;
    auto watch = loop_.Watch(fileno(pipe), [&](base::IoReady) {
      char buffer[4096];
      const auto size = read(fileno(pipe), buffer, sizeof(buffer));
      if (size > 0) output.append(buffer, static_cast<std::size_t>(size));
      if (size <= 0) {
        ended = true;
        loop_.Post([] {});
      }
    });
    watch->SetInterest(true, false);
    EXPECT_TRUE(Until([&] { return ended; }));
    watch.reset();
    pclose(pipe);
    return output;
  }
  static OperationsOptions SecureOptions(bool require) {
    OperationsOptions options;
    const std::string folder = kTlsFolder;
    options.tls = OperationsTls{.identity = rpc::TlsIdentity::FromPem(testing::ReadFixture(folder + "server.crt"),
                                                                      testing::ReadFixture(folder + "server.key"))
                                                .value(),
                                .client_cas = {testing::ReadFixture(std::string(kTlsFolder) + "ca.crt")},
                                .require_client_certificate = require};
    return options;
  }
  static std::string CurlTls(const char* client_folder = nullptr) {
    std::string arguments = "--cacert " + testing::FixturePath(std::string(kTlsFolder) + "ca.crt");
    if (client_folder != nullptr) {
      const std::string folder = testing::FixturePath(client_folder);
      arguments += fmt::format(" --cert {0}server.crt --key {0}server.key", folder);
    }
    return arguments;
  }
  std::uint64_t Refused(const std::string& reason) const {
    return metrics_.CounterValue("operations_refused", {{"reason", reason}});
  }

  EventLoop loop_;
  base::Metrics metrics_;
  LogOutput log_;
  bool show_metrics_ = true;
  std::vector<FailedCheck> failed_;
  std::unique_ptr<OperationsServer> server_;
};

TEST_F(OperationsServerTest, MetricsInPrometheusFormat) {
  metrics_.GetCounter("gossip_comm_messages_sent", "Messages sent").Add(7);
  Start();
  const std::string answer = Get("/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n# HELP gossip_comm_messages_sent Messages sent\n"));
  EXPECT_THAT(answer, EndsWith("gossip_comm_messages_sent 7\n"));
}

TEST_F(OperationsServerTest, MetricsOfAnotherProviderAreNotShown) {
  show_metrics_ = false;
  Start();
  const std::string answer = Get("/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(answer, HasSubstr("set metrics.provider to prometheus"));
}

TEST_F(OperationsServerTest, LargeAnswersArriveWhole) {
  for (int i = 0; i < 20000; ++i) metrics_.GetCounter("many", "Many", {{"i", std::to_string(i)}}).Add();
  Start();
  const std::string answer = Get("/metrics");
  EXPECT_GT(answer.size(), 300'000U);
  EXPECT_THAT(answer, EndsWith("many{i=\"9999\"} 1\n"));
}

TEST_F(OperationsServerTest, HealthIsOkOrNamesWhatFailed) {
  Start();
  std::string answer = Get("/healthz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(BodyOf(answer)["status"], "OK");
  EXPECT_THAT(BodyOf(answer)["time"].get<std::string>(), ::testing::ContainsRegex("^20..-..-..T..:..:...*Z$"));

  failed_ = {{.component = "ledger", .reason = "the disk is full"}};
  answer = Get("/healthz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(BodyOf(answer)["status"], "Service Unavailable");
  EXPECT_EQ(BodyOf(answer)["failed_checks"].dump(), R"([{"component":"ledger","reason":"the disk is full"}])");
}

TEST_F(OperationsServerTest, Version) {
  Start();
  EXPECT_EQ(BodyOf(Get("/version")).dump(), R"({"CommitSHA":"abcdef0","Version":"1.2.3"})");
}

TEST_F(OperationsServerTest, LogLevelsAreReadAndChanged) {
  Start();
  EXPECT_EQ(BodyOf(Get("/logspec")).dump(), R"({"spec":"info"})");
  EXPECT_THAT(PutSpec(R"({"spec":"gossip=debug:warn"})"), StartsWith("HTTP/1.1 204 "));
  EXPECT_TRUE(log_.Enabled(base::LogLevel::kDebug, "gossip.comm"));
  EXPECT_FALSE(log_.Enabled(base::LogLevel::kInfo, "msp"));
  EXPECT_EQ(BodyOf(Get("/logspec")).dump(), R"({"spec":"gossip=debug:warn"})");
}

TEST_F(OperationsServerTest, WrongLogLevelsChangeNothing) {
  Start();
  const std::string answer = PutSpec(R"({"spec":"gossip=loud"})");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(BodyOf(answer)["error"].get<std::string>(), HasSubstr("bad segment 'gossip=loud'"));
  for (const char* body : {"", "{", "[]", "{}", R"({"spec":1})"}) {
    EXPECT_THAT(PutSpec(body), StartsWith("HTTP/1.1 400 ")) << body;
  }
  EXPECT_EQ(log_.spec().ToString(), "info");
  EXPECT_EQ(Refused("malformed_logspec"), 6U);
}

TEST_F(OperationsServerTest, OtherPathsAndMethodsAreRefused) {
  Start();
  EXPECT_THAT(Get("/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Get("/metrics/x"), StartsWith("HTTP/1.1 404 "));
  EXPECT_EQ(Refused("unknown_path"), 2U);
  const std::string answer = Ask("POST /healthz HTTP/1.1\r\nHost: node\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_THAT(Ask("DELETE /logspec HTTP/1.1\r\nHost: node\r\n\r\n"), HasSubstr("Allow: GET, HEAD, PUT\r\n"));
  EXPECT_EQ(Refused("wrong_method"), 2U);
}

TEST_F(OperationsServerTest, LongBodiesAndHeadsAreRefused) {
  Start();
  EXPECT_THAT(PutSpec(R"({"spec":")" + std::string(10000, 'a') + R"(=info"})"), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(Refused("body_too_large"), 1U);
  const std::string head = "GET /version HTTP/1.1\r\nHost: node\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n";
  EXPECT_THAT(Ask(head), ::testing::Not(StartsWith("HTTP/1.1 200 ")));
  EXPECT_THAT(Ask(std::string(1000, '\xff') + "\r\n\r\n"), ::testing::Not(StartsWith("HTTP/1.1 200 ")));
}

// A slow or hostile client cannot hold up the node: events of the loop go on, others are answered, and its time ends.
TEST_F(OperationsServerTest, ClientsThatAreSlowHoldUpNobody) {
  OperationsOptions options;
  options.limits.connection_time = 500ms;
  options.limits.max_connections = 4;
  Start(std::move(options));
  // Given as many clients as fit, that never finish what they say.
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<RawClient>(loop_, server_->address()));
    slow.back()->Send(i % 2 == 0 ? "GET /version HTT"
                                 : "PUT /logspec HTTP/1.1\r\nHost: node\r\nContent-Length: 99\r\n\r\n{");
  }
  ASSERT_TRUE(Until([&] { return server_->connections() == 4; }));
  // When the loop has other events, and one more client asks.
  RawClient next(loop_, server_->address());
  next.Send("GET /version HTTP/1.1\r\nHost: node\r\n\r\n");
  int ticks = 0;
  base::Handle tick;
  std::function<void()> again = [&] { tick = loop_.After(++ticks < 50 ? 1ms : 1h, [&] { again(); }); };
  again();
  ASSERT_TRUE(Until([&] { return ticks == 50; }));
  EXPECT_EQ(next.received, "") << "there was no room yet";
  // Then the slow ones' time ends, and it is answered.
  ASSERT_TRUE(Until([&] { return next.closed; }));
  EXPECT_THAT(next.received, StartsWith("HTTP/1.1 200 OK\r\n"));
  for (const auto& client : slow) ASSERT_TRUE(Until([&] { return client->closed; }));
  EXPECT_EQ(Refused("timeout"), 4U);
  ASSERT_TRUE(Until([&] { return server_->connections() == 0; }));
}

TEST_F(OperationsServerTest, OneRequestForEachConnection) {
  Start();
  RawClient client(loop_, server_->address());
  client.Send("GET /version HTTP/1.1\r\nHost: node\r\n\r\nGET /version HTTP/1.1\r\nHost: node\r\n\r\n");
  ASSERT_TRUE(Until([&] { return client.closed; }));
  EXPECT_THAT(client.received, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(client.received.find("HTTP/1.1 200"), client.received.rfind("HTTP/1.1 200"));
}

TEST_F(OperationsServerTest, EndsWithOpenConnections) {
  Start();
  RawClient client(loop_, server_->address());
  client.Send("GET /ver");
  ASSERT_TRUE(Until([&] { return server_->connections() == 1; }));
  server_.reset();
  EXPECT_TRUE(Until([&] { return client.closed; }));
}

TEST_F(OperationsServerTest, AddressInUseAndWrongTlsAreErrors) {
  Start();
  OperationsOptions options;
  options.listen_address = server_->address();
  const auto second = OperationsServer::Listen(loop_, options, Sources());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, base::ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, StartsWith("operations.listenAddress"));

  options = SecureOptions(true);
  options.tls->client_cas.clear();
  EXPECT_THAT(OperationsServer::Listen(loop_, options, Sources()).error().message, HasSubstr("clientRootCAs"));
  options = SecureOptions(false);
  options.tls->identity = nullptr;
  EXPECT_EQ(OperationsServer::Listen(loop_, options, Sources()).error().code, base::ErrorCode::kInvalid);
}

TEST_F(OperationsServerTest, TlsProtectsMetricsAndLogLevels) {
  Start(SecureOptions(false));
  EXPECT_THAT(Curl(CurlTls(), "/version"), EndsWith(" 200"));
  EXPECT_THAT(Curl(CurlTls(), "/healthz"), EndsWith(" 200"));
  EXPECT_THAT(Curl(CurlTls(), "/metrics"), EndsWith(" 401"));
  EXPECT_THAT(Curl(CurlTls(), "/logspec"), EndsWith(" 401"));
  EXPECT_THAT(Curl(CurlTls(kOtherTlsFolder), "/metrics"), EndsWith(" 401"));
  EXPECT_THAT(Curl(CurlTls(kTlsFolder), "/metrics"), EndsWith(" 200"));
  EXPECT_THAT(Curl(CurlTls(kTlsFolder), "/logspec"), StartsWith(R"({"spec":"info"} 200)"));
  EXPECT_THAT(Curl(CurlTls(kTlsFolder) + R"( -X PUT -d '{"spec":"debug"}')", "/logspec"), EndsWith(" 204"));
  EXPECT_EQ(log_.spec().ToString(), "debug");
}

TEST_F(OperationsServerTest, RequiredCertificatesAreAskedForInTheHandshake) {
  Start(SecureOptions(true));
  EXPECT_THAT(Curl(CurlTls(kTlsFolder), "/healthz"), EndsWith(" 200"));
  EXPECT_THAT(Curl(CurlTls(), "/healthz"), EndsWith(" 000"));
  EXPECT_THAT(Curl(CurlTls(kOtherTlsFolder), "/healthz"), EndsWith(" 000"));
}

TEST_F(OperationsServerTest, OldTlsAndPlaintextAreRefusedOnASecurePort) {
  Start(SecureOptions(false));
  EXPECT_THAT(Curl(CurlTls() + " --tls-max 1.1", "/version"), EndsWith(" 000"));
  EXPECT_THAT(Get("/version"), ::testing::Not(HasSubstr("200 OK")));
}

}  // namespace
}  // namespace grapevine::runtime

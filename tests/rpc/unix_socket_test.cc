// Unix domain sockets as endpoints: only programs of the own user, stale files replaced, nothing left behind.
#include "rpc/unix_socket.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "rpc/client.h"
#include "rpc/rpc_fixture.h"

namespace grapevine::rpc {
namespace {

using base::ErrorCode;
using namespace std::chrono_literals;  // NOLINT

class UnixSocketTest : public RpcFixture {
 protected:
  UnixSocketTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "grapevine-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/node/admin.sock";
  }
  ~UnixSocketTest() override { std::filesystem::remove_all(folder_); }

  ServerOptions UnixServer() const {
    ServerOptions options;
    options.listen_address = "unix:" + path_;
    return options;
  }
  std::unique_ptr<base::Transport> UnixTransport(ClientOptions options = {}) {
    options.allow_unix = true;
    return Transport(std::move(options));
  }
  ErrorCode ListenError(ServerOptions options) {
    return GrpcServer::Listen(loop_, std::move(options), &server_metrics_).error().code;
  }
  // The file of a program that was killed: bound, and nobody listens.
  void LeaveStaleSocket() {
    std::filesystem::create_directory(folder_ + "/node");
    const auto address = UnixAddress(path_).value();
    const Socket socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address.storage), address.size), 0);
  }

  std::string folder_;
  std::string path_;
};

TEST_F(UnixSocketTest, CallsAreAnsweredInPlaintextAndFileIsForItsOwnerOnly) {
  const auto server = Listen(UnixServer());
  const TestService service(*server);
  EXPECT_EQ(server->address(), "unix:" + path_);

  struct stat file{};
  ASSERT_EQ(stat(path_.c_str(), &file), 0);
  EXPECT_TRUE(S_ISSOCK(file.st_mode));
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  struct stat folder{};
  ASSERT_EQ(stat((folder_ + "/node").c_str(), &folder), 0);
  EXPECT_EQ(folder.st_mode & 0777U, 0700U);

  const auto transport = UnixTransport();
  const auto connection = Dial(*transport, server->address());
  ASSERT_NE(connection, nullptr);
  EXPECT_FALSE(connection->peer().secure);
  EXPECT_EQ(connection->peer().address, "unix:" + path_);
  ExpectEcho(*connection);
}

TEST_F(UnixSocketTest, TlsOptionsDoNotConcernUnixSockets) {
  ServerOptions options = SecureServer();
  options.listen_address = "unix:" + path_;
  const auto server = Listen(std::move(options));
  const TestService service(*server);
  const auto transport = UnixTransport(SecureClient());
  const auto connection = Dial(*transport, server->address());
  ASSERT_NE(connection, nullptr);
  ExpectEcho(*connection);
}

TEST_F(UnixSocketTest, FileIsRemovedAtTheEndAndAfterShutdown) {
  auto server = Listen(UnixServer());
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));

  server = Listen(UnixServer());
  bool done = false;
  server->Shutdown(1s, [&] { done = true; });
  ASSERT_TRUE(Wait([&] { return done; }, "the shutdown"));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, FileOfADeadProgramIsReplaced) {
  LeaveStaleSocket();
  ASSERT_TRUE(std::filesystem::exists(path_));
  const auto server = Listen(UnixServer());
  const TestService service(*server);
  const auto transport = UnixTransport();
  const auto connection = Dial(*transport, server->address());
  ASSERT_NE(connection, nullptr);
  ExpectEcho(*connection);
}

TEST_F(UnixSocketTest, LiveSocketIsNotTakenOver) {
  const auto server = Listen(UnixServer());
  const TestService service(*server);
  EXPECT_EQ(ListenError(UnixServer()), ErrorCode::kUnavailable);

  const auto transport = UnixTransport();
  const auto connection = Dial(*transport, server->address());
  ASSERT_NE(connection, nullptr);
  ExpectEcho(*connection);
}

TEST_F(UnixSocketTest, FileThatAnotherProgramPutThereIsLeftAlone) {
  auto server = Listen(UnixServer());
  std::filesystem::remove(path_);
  const auto successor = Listen(UnixServer());
  server.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, PathsThatCannotBeAreRefusedWithTheReason) {
  path_ = folder_ + "/" + std::string(120, 'x');
  const auto too_long = GrpcServer::Listen(loop_, UnixServer());
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(too_long.error().code, ErrorCode::kInvalid);
  EXPECT_NE(too_long.error().message.find("at most 107"), std::string::npos) << too_long.error().message;

  path_ = "relative.sock";
  EXPECT_EQ(ListenError(UnixServer()), ErrorCode::kInvalid);

  path_ = folder_ + "/file";
  std::ofstream(path_) << "precious";
  EXPECT_EQ(ListenError(UnixServer()), ErrorCode::kInvalid);
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);

  path_ = folder_ + "/missing/too/admin.sock";
  EXPECT_EQ(ListenError(UnixServer()), ErrorCode::kIo);
}

// An endpoint that a remote peer advertises must never lead to a local service.
TEST_F(UnixSocketTest, DialsOnlyWhereAllowed) {
  const auto server = Listen(UnixServer());
  const auto transport = Transport(PlainClient());
  const auto dialled = TryDial(*transport, server->address());
  ASSERT_FALSE(dialled.has_value());
  EXPECT_EQ(dialled.error().code, ErrorCode::kInvalid);
}

TEST_F(UnixSocketTest, ProgramOfAnotherUserIsClosedAndCounted) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can act as another user";
  constexpr uid_t kNobody = 65534;
  const auto server = Listen(UnixServer());
  // Given file permissions that were opened by mistake, when another user connects.
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  std::filesystem::permissions(folder_ + "/node", std::filesystem::perms::all);
  std::filesystem::permissions(path_, std::filesystem::perms::all);
  ASSERT_EQ(seteuid(kNobody), 0);
  const auto socket = StartConnect(UnixAddress(path_).value());
  ASSERT_EQ(seteuid(0), 0);
  ASSERT_TRUE(socket.has_value()) << socket.error().message;

  // Then it is closed without a byte.
  ASSERT_TRUE(Wait([&] { return ServerCount("rpc_refused") == 1; }, "the refusal"));
  EXPECT_EQ(server_metrics_.CounterValue("rpc_refused", {{"reason", "other_user"}}), 1U);
  char byte = 0;
  EXPECT_EQ(recv(socket->descriptor(), &byte, 1, 0), 0);
  EXPECT_EQ(server->connections() + server->unauthenticated(), 0U);
}

// A socket of another user in the node's place must not get the commands of this one.
TEST_F(UnixSocketTest, DoesNotTalkToAnotherUsersProgram) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can act as another user";
  constexpr uid_t kNobody = 65534;
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  ASSERT_EQ(seteuid(kNobody), 0);
  auto server = GrpcServer::Listen(loop_, UnixServer(), &server_metrics_);
  ASSERT_EQ(seteuid(0), 0);
  ASSERT_TRUE(server.has_value()) << server.error().message;

  const auto transport = UnixTransport();
  const auto dialled = TryDial(*transport, "unix:" + path_);
  ASSERT_FALSE(dialled.has_value());
  EXPECT_EQ(dialled.error().code, ErrorCode::kDenied);
  EXPECT_EQ(client_metrics_.CounterValue("rpc_refused", {{"reason", "other_user"}}), 1U);
}

}  // namespace
}  // namespace grapevine::rpc

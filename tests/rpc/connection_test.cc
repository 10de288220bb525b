// Connections under load and at their end, against a peer that reads as fast or as late as the test wants.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "rpc/http2_frames.h"
#include "rpc/raw_peer.h"
#include "rpc/rpc_fixture.h"

namespace grapevine::rpc {
namespace {

using base::Bytes;
using base::Status;
using base::Stream;

// What an honest client starts with, and no flow control to speak of.
std::string HelloWithoutWindows() {
  const std::string initial_window = std::string("\0\4", 2) + Number(0x7fffffff);
  return std::string(kPreface) + Encode({kSettings, kNoFlags, 0, initial_window}) +
         Encode({kWindowUpdate, kNoFlags, 0, Number(0x7fffffff - 65535)});
}

// Sends `total` bytes in messages of 64 KiB, then finishes; notes how many left in one turn of the loop.
class Pourer final : public base::StreamHandler {
 public:
  static constexpr std::size_t kMessage = 64UL << 10;

  Pourer(std::unique_ptr<Stream> stream, std::size_t total, const std::size_t& turn)
      : stream_(std::move(stream)), left_(total / kMessage), turn_(turn) {
    stream_->SetHandler(*this);
    for (int i = 0; i < 4; ++i) Pour();
  }
  std::size_t most_in_a_turn() const { return most_; }
  bool ended() const { return ended_; }

 private:
  void Pour() {
    if (left_ == 0) return;
    stream_->Send(Bytes(std::string(kMessage, 'p')));
    if (--left_ == 0) stream_->Finish({});
  }
  void OnMessage(Bytes /*message*/) override {}
  void OnSent(std::size_t count) override {
    if (std::exchange(seen_turn_, turn_) != turn_) in_turn_ = 0;
    in_turn_ += count * kMessage;
    most_ = std::max(most_, in_turn_);
    for (std::size_t i = 0; i < count; ++i) Pour();
  }
  void OnHalfClose() override {}
  void OnEnd(const Status& /*status*/) override { ended_ = true; }

  std::unique_ptr<Stream> stream_;
  std::size_t left_;
  const std::size_t& turn_;
  std::size_t seen_turn_ = 0;
  std::size_t in_turn_ = 0;
  std::size_t most_ = 0;
  bool ended_ = false;
};

class ConnectionTest : public RpcFixture {
 protected:
  void Serve(std::size_t total) {
    server_ = Listen(PlainServer());
    service_ = server_->ServeStream("/test/Pour", [this, total](std::unique_ptr<Stream> stream) {
      pourer_ = std::make_unique<Pourer>(std::move(stream), total, turn_);
    });
    CountTurns();
    client_ = ConnectTo(PortOf(server_->address()));
    fcntl(client_, F_SETFL, 0);  // blocking
  }
  ~ConnectionTest() override { close(client_); }

  void Say(const std::string& bytes) const {
    ASSERT_EQ(send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // Reads until the server closes.
  std::string ReadToTheEnd() const {
    std::string all;
    std::string part(256UL << 10, '\0');
    for (;;) {
      const auto size = recv(client_, part.data(), part.size(), 0);
      if (size <= 0) return all;
      all.append(part.data(), static_cast<std::size_t>(size));
    }
  }
  void CountTurns() {
    ++turn_;
    loop_.Post([this] { CountTurns(); });
  }

  std::unique_ptr<GrpcServer> server_;
  base::Handle service_;
  std::unique_ptr<Pourer> pourer_;
  std::size_t turn_ = 0;
  int client_ = -1;
};

// A stream that always has more to say, to a client that always reads, leaves their turns to others.
TEST_F(ConnectionTest, EndlessOutputLeavesTurnsToOthers) {
  Serve(64UL << 20);
  Say(HelloWithoutWindows() + OpenStream(1, "/test/Pour"));
  std::jthread reader([this] { ReadToTheEnd(); });
  EXPECT_TRUE(Wait([&] { return pourer_ && pourer_->ended(); }, "everything to be sent"));
  server_.reset();
  EXPECT_LE(pourer_->most_in_a_turn(), 768UL << 10);
}

// What the client says after the server's last word must not make TCP drop that word.
TEST_F(ConnectionTest, GracefulShutdownLosesNothingThatIsOnItsWay) {
  constexpr std::size_t kTotal = 1UL << 20;
  Serve(kTotal);
  Say(HelloWithoutWindows() + OpenStream(1, "/test/Pour"));
  ASSERT_TRUE(Wait([&] { return pourer_ && pourer_->ended(); }, "everything to be taken by the kernel"));
  bool drained = false;
  server_->Shutdown(30s, [&] { drained = true; });
  const std::size_t before = turn_;
  ASSERT_TRUE(Wait([&] { return turn_ > before + 10; }, "the farewell"));
  Say(Encode({kPing, kNoFlags, 0, "12345678"}));
  std::string received;
  std::jthread reader([&] { received = ReadToTheEnd(); });
  ASSERT_TRUE(Wait([&] { return drained; }, "the end of the connection"));
  reader.join();
  std::size_t data = 0;
  bool trailers = false;
  for (const Frame& frame : TakeFrames(received)) {
    if (frame.type == kData) data += frame.payload.size();
    if (frame.type == kHeaders && (frame.flags & kEndStream) != 0) trailers = true;
  }
  EXPECT_EQ(data, kTotal + 5 * (kTotal / Pourer::kMessage));
  EXPECT_TRUE(trailers);
}

// A status that fits into no header block ends the stream all the same.
TEST_F(RpcFixture, StatusThatIsTooLongEndsTheStream) {
  auto server = Listen(PlainServer());
  auto service = server->ServeStream("/test/Long", [](std::unique_ptr<Stream> stream) {
    stream->Finish({.code = base::StatusCode::kInternal, .message = std::string(70000, 'x'), .details = {}});
  });
  auto transport = Transport(PlainClient());
  auto connection = Dial(*transport, server->address());
  auto stream = Open(*connection, "/test/Long");
  ASSERT_TRUE(Wait([&] { return stream->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(stream->end()->code, base::StatusCode::kInternal);
}

}  // namespace
}  // namespace grapevine::rpc

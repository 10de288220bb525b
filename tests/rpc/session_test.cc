// The session alone, without a socket: what no connection shows reliably.
#include "rpc/session.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "rpc/http2_frames.h"
#include "rpc/rpc_fixture.h"

namespace grapevine::rpc {
namespace {

class SessionTest : public RpcFixture, public SessionEvents {
 protected:
  void OnOutput() override {}
  void OnSettings() override {}
  void OnRequest(std::shared_ptr<StreamCore> stream) override {
    busy_ = session_->busy();
    stream_ = std::move(stream);
  }

  static SessionSettings Settings() {
    SessionSettings settings;
    settings.side = StreamCore::Side::kServer;
    settings.limits.finish_linger = 10ms;
    return settings;
  }

  RpcMetrics metrics_{nullptr};
  std::shared_ptr<StreamCore> stream_;
  bool busy_ = false;
  std::unique_ptr<Session> session_ =
      std::make_unique<Session>(loop_, Settings(), std::make_shared<base::PeerInfo>(), *this, metrics_);
};

// HttpConnection::Close asks: nghttp2 must not write inside its own callbacks.
TEST_F(SessionTest, IsBusyInsideReceive) {
  ASSERT_TRUE(session_->Receive(Hello() + OpenStream(1, "/test/Method")).has_value());
  ASSERT_NE(stream_, nullptr);
  EXPECT_TRUE(busy_);
  EXPECT_FALSE(session_->busy());
}

// A client that reads nothing does not keep what finished streams have to say to it.
TEST_F(SessionTest, FinishedStreamOfAClientThatDoesNotReadFreesItsMessages) {
  ASSERT_TRUE(session_->Receive(Hello() + OpenStream(1, "/test/Method")).has_value());
  stream_->Send(base::Bytes(std::string(1000, 'x')));
  stream_->Finish({});
  stream_->LetGo();
  EXPECT_EQ(stream_->queued_bytes(), 1005U);
  EXPECT_TRUE(Wait([&] { return stream_->queued_bytes() == 0; }, "the messages to be dropped"));
}

// An announced length is refused when it is read, before its content comes or takes memory.
TEST_F(SessionTest, ReceiveLimitRefusesByTheLengthAlone) {
  ASSERT_TRUE(session_->Receive(Hello() + OpenStream(1, "/test/Method")).has_value());
  StreamProbe probe(MakeStream(stream_));
  probe.stream().SetReceiveLimit(1000);
  probe.ReadAll();
  const std::string allowed = Message(std::string(1000, 'x'));
  ASSERT_TRUE(session_->Receive(Encode({kData, kNoFlags, 1, allowed})).has_value());
  EXPECT_EQ(probe.received(), 1U);
  EXPECT_FALSE(probe.end().has_value());
  ASSERT_TRUE(
      session_->Receive(Encode({kData, kNoFlags, 1, Message(std::string(1001, 'x')).substr(0, 5)})).has_value());
  ASSERT_TRUE(probe.end().has_value());
  EXPECT_EQ(probe.end()->code, base::StatusCode::kResourceExhausted);
  EXPECT_EQ(probe.end()->message, "received message is larger than the limit of 1000 bytes");
}

TEST_F(SessionTest, ReceiveLimitIsAtMostThatOfTheTransport) {
  ASSERT_TRUE(session_->Receive(Hello() + OpenStream(1, "/test/Method")).has_value());
  StreamProbe probe(MakeStream(stream_));
  probe.stream().SetReceiveLimit(base::Stream::kTransportLimit);
  probe.ReadAll();
  ASSERT_TRUE(session_->Receive(Encode({kData, kNoFlags, 1, std::string("\0\xff\xff\xff\xff", 5)})).has_value());
  ASSERT_TRUE(probe.end().has_value());
  EXPECT_EQ(probe.end()->message, "received message is larger than the limit of 104857600 bytes");
}

// Until a stream has delivered a second message the remote may send no more ahead of the consumer than the initial
// window: what somebody who has not authenticated can make a node hold.
TEST_F(SessionTest, WindowGrowsWithTheSecondMessage) {
  const auto window_updates = [&] {
    std::string out;
    EXPECT_TRUE(session_->Produce(out, 1 << 20).has_value());
    session_->Flushed();
    std::uint32_t of_stream = 0;
    for (const Frame& frame : TakeFrames(out)) {
      if (frame.type != kWindowUpdate || frame.stream != 1) continue;
      for (std::size_t i = 0, shift = 24; i < 4; ++i, shift -= 8) {
        of_stream += std::uint32_t{static_cast<unsigned char>(frame.payload[i])} << shift;
      }
    }
    return of_stream;
  };
  const std::string acknowledgement = Encode({kSettings, kAck, 0, ""});
  ASSERT_TRUE(session_->Receive(Hello() + acknowledgement + OpenStream(1, "/test/Method")).has_value());
  StreamProbe probe(MakeStream(stream_));
  probe.ReadAll();
  const std::string message = Encode({kData, kNoFlags, 1, Message("short")});
  ASSERT_TRUE(session_->Receive(message).has_value());
  EXPECT_EQ(window_updates(), 0U);
  ASSERT_TRUE(session_->Receive(message).has_value());
  EXPECT_EQ(window_updates(), SessionLimits{}.stream_window_bytes - SessionLimits{}.initial_window_bytes);
  ASSERT_TRUE(session_->Receive(message).has_value());
  EXPECT_EQ(window_updates(), 0U);
}

}  // namespace
}  // namespace grapevine::rpc

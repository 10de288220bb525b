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

}  // namespace
}  // namespace grapevine::rpc

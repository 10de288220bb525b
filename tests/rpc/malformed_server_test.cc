// Our client against servers that answer wrongly: the call ends with the status that gRPC prescribes, never a crash.
#include <gmock/gmock.h>

#include "rpc/raw_peer.h"
#include "rpc/rpc_fixture.h"

namespace grapevine::rpc {
namespace {

using base::StatusCode;

const HeaderFields kAnswer = {{":status", "200"}, {"content-type", "application/grpc"}};

// Our client, connected to a server that says what the test says, with stream 1 open.
class MalformedServer : public RpcFixture {
 protected:
  void SetUp() override {
    transport_ = Transport(PlainClient());
    auto dial = transport_->Dial("127.0.0.1:" + std::to_string(listener_.port()), kPatience, [this](auto dialled) {
      ASSERT_TRUE(dialled.has_value()) << dialled.error().message;
      connection_ = std::move(*dialled);
    });
    ASSERT_TRUE(Wait([&] { return peer_ != nullptr; }, "the client"));
    peer_->Send(Encode({kSettings, kNoFlags, 0, ""}) + Encode({kSettings, kAck, 0, ""}));
    ASSERT_TRUE(Wait([&] { return connection_ != nullptr; }, "the connection"));
    connection_->OnClosed([this](const base::Status& status) { closed_ = status; });
    stream_ = Open(*connection_, "/test/Method");
    stream_->ReadAll();
    ASSERT_TRUE(Wait([&] { return peer_->Find(kHeaders, 1) != nullptr; }, "the request"));
  }

  static std::string Headers(const HeaderFields& fields, std::uint8_t flags = kNoFlags) {
    return Encode({kHeaders, static_cast<std::uint8_t>(kEndHeaders | flags), 1, HeaderBlockOf(fields)});
  }
  static std::string Data(const std::string& content, std::uint8_t flags = kNoFlags) {
    return Encode({kData, flags, 1, content});
  }
  static std::string Trailers(const std::string& status) { return Headers({{"grpc-status", status}}, kEndStream); }

  // The stream ends with `code` and the connection goes on.
  void ExpectStreamEnds(const std::string& answer, StatusCode code) {
    peer_->Send(answer);
    ASSERT_TRUE(Wait([&] { return stream_->end().has_value(); }, "the end of the stream"));
    EXPECT_EQ(stream_->end()->code, code) << stream_->end()->message;
    peer_->Send(Encode({kPing, kNoFlags, 0, "12345678"}));
    EXPECT_TRUE(Wait([&] { return peer_->Find(kPing) != nullptr; }, "the answer to a ping"));
    EXPECT_FALSE(closed_);
  }
  void ExpectConnectionEnds(const std::string& answer) {
    peer_->Send(answer);
    ASSERT_TRUE(Wait([&] { return stream_->end() && closed_ && peer_->closed(); }, "the end of the connection"));
    EXPECT_EQ(stream_->end()->code, StatusCode::kUnavailable) << stream_->end()->message;
  }

  std::unique_ptr<RawPeer> peer_;
  RawListener listener_{loop_, [this](int descriptor) {
                          peer_ = std::make_unique<RawPeer>(loop_, descriptor);
                          peer_->SkipPreface();
                        }};
  std::unique_ptr<base::Transport> transport_;
  std::unique_ptr<base::Connection> connection_;
  std::optional<base::Status> closed_;
  std::unique_ptr<StreamProbe> stream_;
};

TEST_F(MalformedServer, AHonestAnswerWorks) {
  ExpectStreamEnds(Headers(kAnswer) + Data(Message("hello")) + Trailers("0"), StatusCode::kOk);
  EXPECT_THAT(stream_->messages(), ::testing::ElementsAre("hello"));
}

// Padding, an interim answer, frames of unknown types and messages cut anywhere are all legal.
TEST_F(MalformedServer, UnusualButLegalAnswersWork) {
  std::string message = Message("hello");
  ExpectStreamEnds(Headers({{":status", "103"}}) + Encode({0x77, 0x55, 0, "unknown"}) + Headers(kAnswer) +
                       Data(std::string(1, '\3') + message.substr(0, 2) + "xyz", kPadded) + Data("") +
                       Data(message.substr(2, 4)) + Data(message.substr(6) + Message("") + Message("two")) +
                       Trailers("0"),
                   StatusCode::kOk);
  EXPECT_THAT(stream_->messages(), ::testing::ElementsAre("hello", "", "two"));
}

TEST_F(MalformedServer, EndWithoutTrailers) {
  ExpectStreamEnds(Headers(kAnswer) + Data(Message("hello"), kEndStream), StatusCode::kInternal);
}

TEST_F(MalformedServer, TrailersWithoutStatus) {
  ExpectStreamEnds(Headers(kAnswer) + Headers({{"x-other", "value"}}, kEndStream), StatusCode::kUnknown);
}

TEST_F(MalformedServer, StatusThatIsNoNumber) {
  ExpectStreamEnds(Headers(kAnswer) + Trailers("fine"), StatusCode::kUnknown);
}

TEST_F(MalformedServer, StatusOutOfRange) { ExpectStreamEnds(Headers(kAnswer) + Trailers("99"), StatusCode::kUnknown); }

TEST_F(MalformedServer, HttpErrorOfAProxy) {
  ExpectStreamEnds(Headers({{":status", "503"}, {"content-type", "text/html"}}) + Data("<html>", kEndStream),
                   StatusCode::kUnavailable);
}

TEST_F(MalformedServer, AnswerThatIsNotGrpc) {
  ExpectStreamEnds(Headers({{":status", "200"}, {"content-type", "text/html"}}) + Data("<html>", kEndStream),
                   StatusCode::kUnknown);
}

TEST_F(MalformedServer, CompressedMessage) {
  ExpectStreamEnds(Headers(kAnswer) + Data(Message("hello", '\1')), StatusCode::kInternal);
}

TEST_F(MalformedServer, TruncatedMessageBeforeTrailers) {
  ExpectStreamEnds(Headers(kAnswer) + Data(Message("hello").substr(0, 7)) + Trailers("0"), StatusCode::kInternal);
}

TEST_F(MalformedServer, MessageBeyondTheLimit) {
  ExpectStreamEnds(Headers(kAnswer) + Data(std::string(1, '\0') + Number((100U << 20) + 1)),
                   StatusCode::kResourceExhausted);
}

// gRPC over HTTP/2, "HTTP2 Transport Mapping", table of error codes.
TEST_F(MalformedServer, ResetWithCancel) {
  ExpectStreamEnds(Encode({kRstStream, kNoFlags, 1, Number(8)}), StatusCode::kCancelled);
}
TEST_F(MalformedServer, ResetWithRefusedStream) {
  ExpectStreamEnds(Encode({kRstStream, kNoFlags, 1, Number(7)}), StatusCode::kUnavailable);
}
TEST_F(MalformedServer, ResetWithEnhanceYourCalm) {
  ExpectStreamEnds(Encode({kRstStream, kNoFlags, 1, Number(11)}), StatusCode::kResourceExhausted);
}
TEST_F(MalformedServer, ResetWithInadequateSecurity) {
  ExpectStreamEnds(Encode({kRstStream, kNoFlags, 1, Number(12)}), StatusCode::kPermissionDenied);
}
TEST_F(MalformedServer, ResetWithInternalError) {
  ExpectStreamEnds(Encode({kRstStream, kNoFlags, 1, Number(2)}), StatusCode::kInternal);
}

// A call that the server has not seen may be tried elsewhere: it is unavailable, not cancelled.
TEST_F(MalformedServer, GoawayThatLeavesTheStreamOut) {
  peer_->Send(Encode({kGoaway, kNoFlags, 0, Number(0) + Number(0)}));
  ASSERT_TRUE(Wait([&] { return stream_->end().has_value(); }, "the end of the stream"));
  EXPECT_EQ(stream_->end()->code, StatusCode::kUnavailable);
}

// Our write fails before the answer is read: the answer counts all the same.
TEST_F(MalformedServer, AnswerBeforeAResetOfTheConnection) {
  peer_->StopReading();
  stream_->stream().Send(base::Bytes(std::string("never read")));
  ASSERT_TRUE(Wait([&] { return stream_->stream().unsent() == 0; }, "the message to leave"));
  loop_.Post([this] {  // what an event sends leaves before the loop looks for something to read
    peer_->Send(Headers(kAnswer) + Data(Message("hello")) + Trailers("9"));
    peer_->Close();
    stream_->stream().Send(base::Bytes(std::string("too late")));
  });
  ASSERT_TRUE(Wait([&] { return stream_->end() && closed_; }, "the end of the connection"));
  EXPECT_EQ(stream_->end()->code, StatusCode::kFailedPrecondition) << stream_->end()->message;
  EXPECT_THAT(stream_->messages(), ::testing::ElementsAre("hello"));
}

TEST_F(MalformedServer, Garbage) { ExpectConnectionEnds(Pattern(1, 10'000)); }

TEST_F(MalformedServer, DataOnAStreamThatWasNeverOpened) {
  ExpectConnectionEnds(Encode({kData, kNoFlags, 7, Message("hello")}));
}

TEST_F(MalformedServer, Push) {
  ExpectConnectionEnds(Encode({kPushPromise, kEndHeaders, 1, Number(2) + HeaderBlockOf(Request("/x"))}));
}

TEST_F(MalformedServer, DataBeforeHeaders) {
  peer_->Send(Data(Message("hello")));
  ASSERT_TRUE(Wait([&] { return stream_->end().has_value(); }, "the end of the stream"));
  EXPECT_FALSE(stream_->end()->ok());
}

TEST_F(MalformedServer, SettingsFlood) {
  std::string settings = Encode({kSettings, kNoFlags, 0, ""});
  for (int i = 0; i < 50'000; ++i) peer_->Send(settings);
  ASSERT_TRUE(Wait([&] { return stream_->end() && closed_; }, "the end of the connection"));
  EXPECT_EQ(ClientCount("rpc_refused"), 1U);
}

// Keepalive finds a server that has gone silent without closing (02, 2.2).
TEST_F(MalformedServer, SilenceAfterAPing) {
  ClientOptions options = PlainClient();
  options.keepalive = {.interval = std::chrono::milliseconds(10), .timeout = std::chrono::milliseconds(50)};
  auto honest_peer = std::move(peer_);
  auto transport = Transport(options);
  std::unique_ptr<base::Connection> connection;
  auto dial = transport->Dial("127.0.0.1:" + std::to_string(listener_.port()), kPatience, [&](auto dialled) {
    ASSERT_TRUE(dialled.has_value());
    connection = std::move(*dialled);
  });
  ASSERT_TRUE(Wait([&] { return peer_ != nullptr; }, "the client"));
  peer_->Send(Encode({kSettings, kNoFlags, 0, ""}));
  ASSERT_TRUE(Wait([&] { return connection != nullptr; }, "the connection"));
  std::optional<base::Status> closed;
  connection->OnClosed([&](const base::Status& status) { closed = status; });
  auto stream = Open(*connection, "/test/Method");
  ASSERT_TRUE(Wait([&] { return closed && stream->end(); }, "the client to give up"));
  EXPECT_EQ(closed->code, StatusCode::kUnavailable);
  EXPECT_EQ(stream->end()->code, StatusCode::kUnavailable);
  EXPECT_GE(peer_->Count(kPing), 1U);
}

}  // namespace
}  // namespace grapevine::rpc

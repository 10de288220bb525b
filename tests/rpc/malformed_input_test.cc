// What a hostile or broken other end sends: its connection or stream ends and is counted, others go on, and nothing
// grows (design principles 3 and 5; 02, 2.2).
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "rpc/raw_peer.h"
#include "rpc/rpc_fixture.h"

namespace grapevine::rpc {
namespace {

using base::StatusCode;

// Reserved address space that nothing was written to does not count.
std::size_t ResidentBytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// A plaintext server with one honest connection, which must work before and after whatever the test does.
class MalformedInput : public RpcFixture {
 protected:
  void SetUp() override {
    server_ = Listen(PlainServer());
    service_ = std::make_unique<TestService>(*server_);
    transport_ = Transport(PlainClient());
    honest_ = Dial(*transport_, server_->address());
    stream_ = Open(*honest_, "/oracle.Test/Echo");
    stream_->ReadAll();
    ExpectHonestStreamWorks();
    port_ = PortOf(server_->address());
  }

  void ExpectHonestStreamWorks() {
    std::size_t before = stream_->received();
    stream_->SendPatterns(3, 1000, /*half_close=*/false);
    ASSERT_TRUE(Wait([&] { return stream_->received() == before + 3; }, "the honest stream"));
    ASSERT_FALSE(stream_->end());
    ExpectEcho(*honest_);
    ++echoes_;
  }
  // Streams that the service got from others than the honest client.
  std::size_t ForeignStreams() const { return service_->accepted() - 1 - echoes_; }
  // Streams that did not end with OK.
  std::ptrdiff_t FailedStreams() const {
    return std::ranges::count_if(service_->ended(), [](const base::Status& status) { return !status.ok(); });
  }

  std::unique_ptr<RawPeer> Connect() { return RawPeer::Connect(loop_, port_); }
  std::unique_ptr<RawPeer> ConnectPolitely() {
    auto peer = Connect();
    peer->Send(Hello());
    Wait([&] { return peer->Find(kSettings) != nullptr; }, "the server's SETTINGS");
    return peer;
  }

  void ExpectConnectionEnds(RawPeer& peer) {
    EXPECT_TRUE(Wait([&] { return peer.closed(); }, "the server to close the connection"));
    EXPECT_GE(ServerCount("rpc_refused") + ServerCount("rpc_failed_handshakes"), 1U);
    ExpectHonestStreamWorks();
  }
  // The stream alone is over, with this code in RST_STREAM or any trailers; the connection goes on.
  void ExpectStreamEnds(RawPeer& peer, std::uint32_t stream) {
    EXPECT_TRUE(Wait([&] { return peer.Find(kRstStream, stream) != nullptr || StatusArrived(peer, stream); },
                     "the stream to be refused"));
    peer.Send(Encode({kPing, kNoFlags, 0, "12345678"}));
    EXPECT_TRUE(Wait([&] { return peer.Find(kPing) != nullptr; }, "the answer to a ping"));
    EXPECT_FALSE(peer.closed());
    ExpectHonestStreamWorks();
  }
  static bool StatusArrived(const RawPeer& peer, std::uint32_t stream) {
    const Frame* headers = peer.Find(kHeaders, stream);
    return headers != nullptr && (headers->flags & kEndStream) != 0;
  }

  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<TestService> service_;
  std::unique_ptr<base::Transport> transport_;
  std::unique_ptr<base::Connection> honest_;
  std::unique_ptr<StreamProbe> stream_;
  int port_ = 0;
  std::size_t echoes_ = 0;
};

TEST_F(MalformedInput, BadPreface) {
  auto peer = Connect();
  peer->Send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, Garbage) {
  auto peer = Connect();
  peer->Send(Pattern(3, 100'000));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, GarbageAfterThePreface) {
  auto peer = Connect();
  peer->Send(Hello() + Pattern(5, 100'000));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, FrameLargerThanAllowed) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink") + Encode({kData, kNoFlags, 1, std::string(16385, 'x')}));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, DataOnAnIdleStream) {
  auto peer = ConnectPolitely();
  peer->Send(Encode({kData, kNoFlags, 5, Message("hello")}));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, StreamOfEvenNumber) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(2, "/oracle.Test/Echo"));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, PaddingLongerThanTheFrame) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink") + Encode({kData, kPadded, 1, std::string("\xFFxyz")}));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, PushPromiseOfAClient) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink") +
             Encode({kPushPromise, kEndHeaders, 1, Number(2) + HeaderBlockOf(Request("/x"))}));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, WindowOverflow) {
  auto peer = ConnectPolitely();
  peer->Send(Encode({kWindowUpdate, kNoFlags, 0, Number(0x7FFFFFFF)}));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, WindowOverflowOfAStream) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Wait") + Encode({kWindowUpdate, kNoFlags, 1, Number(0x7FFFFFFF)}));
  ExpectStreamEnds(*peer, 1);
}

TEST_F(MalformedInput, MoreDataThanTheWindow) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Wait"));
  std::string chunk = Encode({kData, kNoFlags, 1, std::string(16384, '\0')});
  for (int i = 0; i < 1000; ++i) peer->Send(chunk);
  EXPECT_TRUE(Wait([&] { return peer->closed() || peer->Find(kRstStream, 1) != nullptr; }, "the end of the stream"));
  ExpectHonestStreamWorks();
}

TEST_F(MalformedInput, SettingsOfTheWrongLength) {
  auto peer = ConnectPolitely();
  peer->Send(Encode({kSettings, kNoFlags, 0, "12345"}));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, PingOfTheWrongLength) {
  auto peer = ConnectPolitely();
  peer->Send(Encode({kPing, kNoFlags, 0, "1234"}));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, HeaderBlockThatDoesNotDecode) {
  auto peer = ConnectPolitely();
  peer->Send(Encode({kHeaders, kEndHeaders, 1, std::string(20, '\xFF')}));
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, ContinuationFlood) {
  auto peer = ConnectPolitely();
  peer->Send(Encode({kHeaders, kNoFlags, 1, HeaderBlockOf(Request("/oracle.Test/Echo"))}));
  std::string more = Encode({kContinuation, kNoFlags, 1, HeaderBlockOf({{"x-filler", std::string(1000, 'f')}})});
  for (int i = 0; i < 20'000; ++i) peer->Send(more);
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, EmptyContinuationFlood) {
  auto peer = ConnectPolitely();
  peer->Send(Encode({kHeaders, kNoFlags, 1, HeaderBlockOf(Request("/oracle.Test/Echo"))}));
  std::string more = Encode({kContinuation, kNoFlags, 1, ""});
  for (int i = 0; i < 100'000; ++i) peer->Send(more);
  ExpectConnectionEnds(*peer);
}

// Headers that exceed the announced list size are refused for their stream alone.
TEST_F(MalformedInput, HeadersLargerThanTheLimit) {
  auto peer = ConnectPolitely();
  HeaderFields fields = Request("/oracle.Test/Echo", {{"x-large-a", std::string(9'000, 'a')}});
  std::string block = HeaderBlockOf(fields);
  peer->Send(Encode({kHeaders, kNoFlags, 1, block}) +
             Encode({kContinuation, kEndHeaders, 1, HeaderBlockOf({{"x-large-b", std::string(9'000, 'b')}})}));
  EXPECT_TRUE(
      Wait([&] { return peer->closed() || peer->Find(kRstStream, 1) || StatusArrived(*peer, 1); }, "a refusal"));
  EXPECT_EQ(ForeignStreams(), 0U);
  ExpectHonestStreamWorks();
}

// A few bytes that refer to a large entry of HPACK's table, many times.
TEST_F(MalformedInput, HeaderBomb) {
  auto peer = ConnectPolitely();
  std::string block = HeaderBlockOf(Request("/oracle.Test/Echo"));
  // Literal with indexing: the first dynamic entry, 4,000 bytes; then 10,000 references to it (index 62).
  block += std::string("\x40\x06x-bomb", 8) + "\x7F" + std::string("\xA1\x1E", 2) + std::string(4'000, 'b');
  block += std::string(10'000, '\xBE');
  peer->Send(Encode({kHeaders, kEndHeaders, 1, block}));
  EXPECT_TRUE(
      Wait([&] { return peer->closed() || peer->Find(kRstStream, 1) || StatusArrived(*peer, 1); }, "a refusal"));
  EXPECT_EQ(ForeignStreams(), 0U);
  ExpectHonestStreamWorks();
}

TEST_F(MalformedInput, RapidResetFlood) {
  auto peer = ConnectPolitely();
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    std::uint32_t stream = 2 * i + 1;
    peer->Send(OpenStream(stream, "/oracle.Test/Echo") + Encode({kRstStream, kNoFlags, stream, Number(8)}));
  }
  ExpectConnectionEnds(*peer);
  EXPECT_LT(ForeignStreams(), 10'000U);
  EXPECT_TRUE(Wait([&] { return service_->open_streams() == 1; }, "every stream of the flood to end"));
}

TEST_F(MalformedInput, SettingsFlood) {
  auto peer = ConnectPolitely();
  std::string settings = Encode({kSettings, kNoFlags, 0, ""});
  for (int i = 0; i < 50'000; ++i) peer->Send(settings);
  ExpectConnectionEnds(*peer);
}

// Without reading the answers, which must not pile up.
TEST_F(MalformedInput, PingFlood) {
  auto peer = ConnectPolitely();
  peer->StopReading();
  std::string ping = Encode({kPing, kNoFlags, 0, "12345678"});
  for (int i = 0; i < 50'000; ++i) peer->Send(ping);
  EXPECT_TRUE(Wait([&] { return ServerCount("rpc_refused") == 1; }, "the server to refuse the connection"));
  ExpectHonestStreamWorks();
}

TEST_F(MalformedInput, EmptyDataFlood) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink"));
  std::string empty = Encode({kData, kNoFlags, 1, ""});
  for (int i = 0; i < 50'000; ++i) peer->Send(empty);
  ExpectConnectionEnds(*peer);
}

TEST_F(MalformedInput, MoreStreamsThanAllowed) {
  auto peer = ConnectPolitely();
  std::uint32_t allowed = PlainServer().limits.max_concurrent_streams;
  for (std::uint32_t i = 0; i < allowed + 10; ++i) peer->Send(OpenStream(2 * i + 1, "/oracle.Test/Wait"));
  EXPECT_TRUE(Wait([&] { return peer->closed() || peer->Find(kRstStream, 2 * allowed + 1) != nullptr; }, "a refusal"));
  EXPECT_LE(ForeignStreams(), allowed);
  ExpectHonestStreamWorks();
}

// gRPC's own framing: errors of one stream.
TEST_F(MalformedInput, CompressedFlagWithoutCompression) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink") + Encode({kData, kNoFlags, 1, Message("hello", '\1')}));
  ExpectStreamEnds(*peer, 1);
}

TEST_F(MalformedInput, UnknownMessageFlags) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink") + Encode({kData, kNoFlags, 1, Message("hello", '\x42')}));
  ExpectStreamEnds(*peer, 1);
}

TEST_F(MalformedInput, TruncatedMessage) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink") + Encode({kData, kEndStream, 1, Message("hello").substr(0, 8)}));
  ExpectStreamEnds(*peer, 1);
  EXPECT_TRUE(Wait([&] { return FailedStreams() == 1; }, "the service to see the failure"));
}

TEST_F(MalformedInput, TruncatedPrefix) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink") + Encode({kData, kEndStream, 1, std::string("\0\0\0", 3)}));
  ExpectStreamEnds(*peer, 1);
}

// A length is a claim: memory is for what has arrived.
TEST_F(MalformedInput, LargeLengthsWithoutContent) {
  auto peer = ConnectPolitely();
  std::size_t before = ResidentBytes();
  std::string claim = std::string(1, '\0') + Number(100U << 20);
  for (std::uint32_t i = 0; i < 100; ++i) {
    peer->Send(OpenStream(2 * i + 1, "/oracle.Test/Sink") + Encode({kData, kNoFlags, 2 * i + 1, claim + "x"}));
  }
  ASSERT_TRUE(Wait([&] { return ForeignStreams() == 100; }, "all streams"));
  ExpectHonestStreamWorks();
  EXPECT_LT(ResidentBytes(), before + (50U << 20));
}

TEST_F(MalformedInput, LengthBeyondTheLimit) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink") +
             Encode({kData, kNoFlags, 1, std::string(1, '\0') + Number((100U << 20) + 1)}));
  ExpectStreamEnds(*peer, 1);
}

TEST_F(MalformedInput, RequestThatIsNotGrpc) {
  auto peer = ConnectPolitely();
  HeaderFields fields = {
      {":method", "GET"}, {":scheme", "http"}, {":path", "/oracle.Test/Echo"}, {":authority", "test"}};
  peer->Send(Encode({kHeaders, kEndHeaders | kEndStream, 1, HeaderBlockOf(fields)}));
  ExpectStreamEnds(*peer, 1);
  EXPECT_EQ(ForeignStreams(), 0U);
}

// The handshake has a limit: SETTINGS must come.
TEST_F(MalformedInput, SilenceInsteadOfAHandshake) {
  ServerOptions options = PlainServer();
  options.handshake_timeout = std::chrono::milliseconds(50);
  auto impatient = Listen(options);
  auto peer = RawPeer::Connect(loop_, PortOf(impatient->address()));
  EXPECT_TRUE(Wait([&] { return peer->closed(); }, "the server to give up"));
  EXPECT_EQ(ServerCount("rpc_failed_handshakes"), 1U);
}

// A server that loses its client in the middle of a message.
TEST_F(MalformedInput, ConnectionLostInMidMessage) {
  auto peer = ConnectPolitely();
  peer->Send(OpenStream(1, "/oracle.Test/Sink") + Encode({kData, kNoFlags, 1, Message("hello").substr(0, 8)}));
  ASSERT_TRUE(Wait([&] { return ForeignStreams() == 1; }, "the stream"));
  peer->Close();
  ASSERT_TRUE(Wait([&] { return FailedStreams() == 1; }, "the service to see the loss"));
  EXPECT_EQ(service_->ended().back().code, StatusCode::kCancelled);
  ExpectHonestStreamWorks();
}

}  // namespace
}  // namespace grapevine::rpc

#include "rpc/test_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <sstream>

#include "rpc/stream_probe.h"

namespace grapevine::rpc {

namespace {

constexpr std::size_t kMaxUnsent = 4;

std::string Metadatum(const base::Metadata& metadata, std::string_view key) {
  auto found = std::find_if(metadata.begin(), metadata.end(), [&](const auto& entry) { return entry.first == key; });
  return found == metadata.end() ? "" : found->second;
}

}  // namespace

base::Status TestFailure() {
  using namespace std::string_literals;
  return {base::StatusCode::kFailedPrecondition, "precondition ü % not met",
          "\x08\x09\x12\x19precondition ü % not met\x1a\x1a\x0a\x12"
          "example.com/oracle\x12\x04\x00\x01\xFE\xFF"s};
}

// One stream; removes itself from the service when it is over.
class TestService::Served final : public base::StreamHandler {
 public:
  TestService& service;
  std::unique_ptr<base::Stream> stream;
  std::function<void(Served&, base::Bytes)> message;
  std::function<void(Served&)> half_close;
  Streams::iterator place;
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::size_t source_left = 0;
  std::size_t source_size = 0;
  bool finished = false;
  bool input_over = false;
  bool held = false;

  Served(TestService& owner, std::unique_ptr<base::Stream> opened) : service(owner), stream(std::move(opened)) {}

  void Finish(base::Status status) {
    if (!std::exchange(finished, true)) stream->Finish(std::move(status));
  }
  void Reply(const std::string& text) { stream->Send(base::Bytes(text)); }

  // Sends what Source has left, a few at a time.
  void Pour() {
    while (source_left > 0 && stream->unsent() < kMaxUnsent) {
      --source_left;
      stream->Send(base::Bytes(Pattern(count++, source_size)));
    }
    if (source_left == 0) Finish({});
  }

  void OnMessage(base::Bytes content) override {
    if (message) message(*this, std::move(content));
  }
  void OnSent(std::size_t) override {
    if (source_size > 0) return Pour();
    Echo();
  }
  void OnHalfClose() override {
    input_over = true;
    if (half_close) half_close(*this);
    Echo();
  }
  void OnEnd(const base::Status& status) override {
    service.ended_.push_back(status);
    service.streams_.erase(place);  // this
  }

  // Echo takes the next message only when the last has left, so that a client that does not read slows itself down.
  bool echoing = false;
  bool owes_credit = false;
  void Echo() {
    if (!echoing) return;
    if (owes_credit && stream->unsent() < kMaxUnsent) {
      owes_credit = false;
      stream->Read(1);
    }
    if (input_over && stream->unsent() == 0) Finish({});
  }
};

TestService::~TestService() = default;

void TestService::Serve(base::Server& server, const std::string& name, std::function<void(Served&)> start,
                        std::function<void(Served&, base::Bytes)> message, std::function<void(Served&)> half_close) {
  registrations_.push_back(server.ServeStream("/oracle.Test/" + name,
                                              [this, start, message, half_close](std::unique_ptr<base::Stream> stream) {
                                                ++accepted_;
                                                last_peer_ = stream->peer();
                                                streams_.push_back(std::make_unique<Served>(*this, std::move(stream)));
                                                Served& served = *streams_.back();
                                                served.place = std::prev(streams_.end());
                                                served.message = message;
                                                served.half_close = half_close;
                                                served.stream->SetHandler(served);
                                                if (start) start(served);
                                              }));
}

TestService::TestService(base::Server& server) {
  auto sink = [](Served& s, const base::Bytes& message) {
    ++s.count;
    s.bytes += message.size();
    s.stream->Read(1);
  };
  auto report = [](Served& s) {
    s.Reply(fmt::format("{} {}", s.count, s.bytes));
    s.Finish({});
  };
  auto echo_one = [](Served& s) {
    s.echoing = true;
    s.stream->Read(1);
  };
  auto echo = [](Served& s, base::Bytes message) {
    s.stream->Send(std::move(message));
    s.owes_credit = true;
    s.Echo();
  };
  Serve(server, "Echo", echo_one, echo, nullptr);
  Serve(server, "Fail", [](Served& s) { s.Finish(TestFailure()); }, nullptr, nullptr);
  Serve(
      server, "FailLate", [](Served& s) { s.stream->Read(1); },
      [](Served& s, base::Bytes message) {
        s.stream->Send(std::move(message));
        s.Finish(TestFailure());
      },
      nullptr);
  Serve(
      server, "Headers",
      [](Served& s) {
        s.Reply(Metadatum(s.stream->metadata(), "x-text") + " " +
                base::ToHex(Metadatum(s.stream->metadata(), "x-data-bin")));
        s.Finish({});
      },
      nullptr, nullptr);
  Serve(
      server, "Source", [](Served& s) { s.stream->Read(1); },
      [](Served& s, const base::Bytes& request) {
        std::istringstream wanted(request.ToString());
        wanted >> s.source_left >> s.source_size;
        s.Pour();
      },
      nullptr);
  Serve(server, "Sink", [](Served& s) { s.stream->Read(16); }, sink, report);
  Serve(
      server, "HeldSink",
      [this](Served& s) {
        s.Reply("");
        s.held = true;
        if (resumed_) s.stream->Read(16);
      },
      sink, report);
  Serve(server, "EarlyOk", [](Served& s) { s.Finish({}); }, nullptr, nullptr);
  Serve(server, "Wait", [](Served& s) { s.Reply(""); }, nullptr, nullptr);
  Serve(
      server, "Abort",
      [](Served& s) {
        s.Reply("");
        s.stream->Read(1);
      },
      [](Served& s, const base::Bytes&) { s.service.streams_.erase(s.place); }, nullptr);

  registrations_.push_back(server.ServeUnary("/oracle.Test/UnaryEcho", [](std::unique_ptr<base::UnaryCall> call) {
    base::Bytes request = call->request();
    call->Respond({.status = {}, .response = std::move(request)});
  }));
  registrations_.push_back(server.ServeUnary("/oracle.Test/UnaryFail", [](std::unique_ptr<base::UnaryCall> call) {
    call->Respond({.status = TestFailure(), .response = {}});
  }));
}

void TestService::Resume() {
  resumed_ = true;
  for (auto& stream : streams_) {
    if (stream->held) stream->stream->Read(16);
  }
}

}  // namespace grapevine::rpc

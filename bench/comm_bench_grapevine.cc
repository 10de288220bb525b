// Grapevine's transport on its event loop.
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "comm_bench_loop.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "runtime/event_loop.h"
#include "runtime/worker_pool.h"

namespace grapevine::bench {
namespace {

constexpr std::size_t kCredit = 64;
constexpr std::size_t kMaxUnsentBytes = 256 << 10;
constexpr base::Duration kPatience = std::chrono::minutes(5);

rpc::TlsIdentitySource IdentityOf(int number) {
  TlsFiles files = Tls(number);
  auto identity = rpc::TlsIdentity::FromPem(ReadFile(files.certificate), ReadFile(files.key)).value();
  return [identity] { return identity; };
}

rpc::TlsTrustSource Trust() {
  auto trust = rpc::TlsTrust::FromPem({ReadFile(Tls(0).ca)}).value();
  return [trust] { return trust; };
}

rpc::ClientOptions MutualTls() {
  rpc::ClientOptions options;
  options.tls = rpc::TlsClientConfig{.identity = IdentityOf(1), .trust = Trust()};
  return options;
}

// One stream on a connection of its own.
class ClientStream final : public base::StreamHandler {
 public:
  ClientStream(runtime::EventLoop& loop, base::Transport& transport, const std::string& target, const char* method)
      : loop_(loop) {
    auto dial = transport.Dial(target, kPatience, [this](auto dialled) {
      if (!dialled.has_value()) std::abort();
      connection_ = std::move(*dialled);
    });
    Wait([this] { return connection_ != nullptr; });
    stream_ = connection_->Open(method, {});
    stream_->SetHandler(*this);
    stream_->Read(kCredit);
  }

  void Send(std::size_t count, std::size_t size) {
    message_ = base::Bytes(std::string(size, 'm'));
    max_unsent_ = std::max<std::size_t>(2, kMaxUnsentBytes / size);
    left_ = count;
    marker_left_ = true;
    rounds_ = 0;
    answered_ = false;
    SendMore();
    Wait([this] { return answered_; });
  }

  std::vector<std::int64_t> PingPong(std::size_t rounds, std::size_t size) {
    message_ = base::Bytes(std::string(size, 'm'));
    rounds_ = rounds;
    answered_ = false;
    times_.clear();
    started_ = std::chrono::steady_clock::now();
    stream_->Send(message_);
    Wait([this] { return answered_; });
    return times_;
  }

 private:
  void SendMore() {
    while (left_ > 0 && stream_->unsent() < max_unsent_) {
      --left_;
      stream_->Send(message_);
    }
    if (left_ == 0 && std::exchange(marker_left_, false)) stream_->Send(base::Bytes(std::string(kMarker)));
  }
  void OnMessage(base::Bytes) override {
    stream_->Read(1);
    if (rounds_ > 0) {
      auto now = std::chrono::steady_clock::now();
      times_.push_back((now - started_).count());
      started_ = now;
      if (times_.size() < rounds_) return stream_->Send(message_);
    }
    answered_ = true;
  }
  void OnSent(std::size_t) override { SendMore(); }
  void OnHalfClose() override {}
  void OnEnd(const base::Status&) override { std::abort(); }
  template <typename Condition>
  void Wait(Condition condition) {
    if (!loop_.RunUntil(condition, kPatience)) std::abort();
  }

  runtime::EventLoop& loop_;
  std::unique_ptr<base::Connection> connection_;
  std::unique_ptr<base::Stream> stream_;
  base::Bytes message_;
  std::size_t max_unsent_ = 0;
  std::size_t left_ = 0;
  bool marker_left_ = false;
  std::size_t rounds_ = 0;
  bool answered_ = false;
  std::chrono::steady_clock::time_point started_;
  std::vector<std::int64_t> times_;
};

// What the streams of one client share.
struct Dialler {
  runtime::EventLoop loop;
  runtime::WorkerPool workers{loop, 1};
  rpc::GrpcTransport transport{loop, workers, MutualTls()};
};

// Owns itself until the stream is over.
class ServerStream final : public base::StreamHandler {
 public:
  ServerStream(std::unique_ptr<base::Stream> stream, bool echo) : stream_(std::move(stream)), echo_(echo) {
    stream_->SetHandler(*this);
    stream_->Read(kCredit);
  }

 private:
  void OnMessage(base::Bytes message) override {
    if (echo_ || message.size() == 1) stream_->Send(std::move(message));
    if (++used_ == kCredit / 2) {
      stream_->Read(used_);
      used_ = 0;
    }
  }
  void OnSent(std::size_t) override {}
  void OnHalfClose() override { stream_->Finish({}); }
  void OnEnd(const base::Status&) override { delete this; }

  std::unique_ptr<base::Stream> stream_;
  bool echo_;
  std::size_t used_ = 0;
};

}  // namespace

std::unique_ptr<Client> NewGrapevineClient(const std::string& target) {
  return std::make_unique<StreamClient<ClientStream>>(
      [dialler = std::make_shared<Dialler>(), target](const char* method) {
        return std::make_unique<ClientStream>(dialler->loop, dialler->transport, target, method);
      });
}

void RunGrapevineServer(Commands& commands) {
  runtime::EventLoop loop;
  rpc::ServerOptions options;
  options.tls =
      rpc::TlsServerConfig{.identity = IdentityOf(0), .client_trust = Trust(), .require_client_certificate = true};
  auto server = rpc::GrpcServer::Listen(loop, options).value();
  auto sink = server->ServeStream(kSink, [](auto stream) { new ServerStream(std::move(stream), false); });
  auto echo = server->ServeStream(kEcho, [](auto stream) { new ServerStream(std::move(stream), true); });
  ServeCommands(loop, server->address(), commands);
}

}  // namespace grapevine::bench

// Arbitrary bytes as the remote of an HTTP/2 session: nothing may crash, and what is held stays within its bounds.
//
// The first byte chooses the side and how much credit consumers grant; the rest is what the remote sends, in pieces of
// varying size. A valid client preface is put in front for half of the server's inputs, so that frames are reached.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "rpc/method_table.h"
#include "rpc/session.h"

namespace {

using namespace grapevine;  // NOLINT

constexpr base::ByteView kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

// Posted tasks run when asked; time stands still, so timers never run.
class StillExecutor final : public base::Executor {
 public:
  void Post(base::Task task) override { tasks_.push_back(std::move(task)); }
  base::Handle After(base::Duration, base::Task) override { return {}; }
  base::SteadyTime Now() const override { return {}; }
  base::WallTime WallNow() const override { return {}; }
  void RunPosted() {
    for (std::size_t i = tasks_.size(); i > 0; --i) {
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      const_cast<base::Task&>(task)();
    }
  }

 private:
  std::deque<base::Task> tasks_;
};

// Echoes messages; some streams are destroyed by their own events.
class Consumer final : public base::StreamHandler {
 public:
  Consumer(std::unique_ptr<base::Stream> stream, std::size_t credit, bool server)
      : stream_(std::move(stream)), server_(server) {
    stream_->SetHandler(*this);
    stream_->Read(credit);
  }
  void OnMessage(base::Bytes message) override {
    if (message.size() == 7) {
      stream_.reset();
      return;
    }
    stream_->Send(std::move(message));
  }
  void OnSent(std::size_t) override {}
  void OnHalfClose() override {
    if (server_) stream_->Finish({});
  }
  void OnEnd(const base::Status&) override {
    if (std::exchange(ended_, true)) std::abort();  // the last event comes once
    stream_.reset();
  }

 private:
  std::unique_ptr<base::Stream> stream_;
  bool server_;
  bool ended_ = false;
};

class Connection final : public rpc::SessionEvents {
 public:
  Connection(bool server, std::size_t credit) : server_(server), credit_(credit), session_(MakeSession()) {
    service_ = methods_.ServeStream("/s", [this](std::unique_ptr<base::Stream> stream) { Add(std::move(stream)); });
    unary_ = methods_.ServeUnary("/u", [](std::unique_ptr<base::UnaryCall> call) {
      call->Respond({.status = {}, .response = call->request()});
    });
    if (server) return;
    for (int i = 0; i < 3; ++i) {
      auto stream = rpc::MakeStream(session_->Open("/s", {.metadata = {{"k", "v"}}, .timeout = {}}));
      stream->Send(base::Bytes(std::string("hello")));
      if (i == 1) stream->HalfClose();
      Add(std::move(stream));
    }
    Exchange();
  }
  ~Connection() override { session_->Break({.code = base::StatusCode::kUnavailable, .message = "end", .details = {}}); }

  bool Receive(base::ByteView bytes) {
    const bool good = session_->Receive(bytes).has_value();
    Exchange();
    return good && !session_->over();
  }

 private:
  std::unique_ptr<rpc::Session> MakeSession() {
    rpc::SessionSettings settings;
    settings.side = server_ ? rpc::StreamCore::Side::kServer : rpc::StreamCore::Side::kClient;
    settings.limits.max_receive_message_bytes = 1UL << 16;
    settings.limits.idle_frame_burst = 20;
    settings.authority = "localhost:1";
    return std::make_unique<rpc::Session>(executor_, settings, std::make_shared<base::PeerInfo>(), *this, metrics_);
  }
  void Add(std::unique_ptr<base::Stream> stream) {
    consumers_.push_back(std::make_unique<Consumer>(std::move(stream), credit_, server_));
  }
  void Exchange() {
    executor_.RunPosted();
    std::string out;
    if (session_->Produce(out, 1UL << 16)) session_->Flushed();
    executor_.RunPosted();
  }
  void OnOutput() override {}
  void OnSettings() override {}
  void OnRequest(std::shared_ptr<rpc::StreamCore> stream) override { methods_.Dispatch(std::move(stream)); }

  bool server_;
  std::size_t credit_;
  StillExecutor executor_;
  rpc::RpcMetrics metrics_{nullptr};
  std::vector<std::unique_ptr<Consumer>> consumers_;
  rpc::MethodTable methods_;
  base::Handle service_;
  base::Handle unary_;
  std::unique_ptr<rpc::Session> session_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool server = (data[0] & 1) != 0;
  const bool preface = (data[0] & 2) != 0;
  const std::size_t credit = (data[0] >> 2) & 7;
  std::size_t piece = 1 + (data[0] >> 5) * 40UL;
  base::ByteView input(reinterpret_cast<const char*>(data) + 1, size - 1);
  Connection connection(server, credit == 7 ? 1000 : credit);
  if (preface && !connection.Receive(server ? kPreface : kPreface.substr(24))) std::abort();
  while (!input.empty()) {
    const auto part = input.substr(0, piece);
    input.remove_prefix(part.size());
    if (!connection.Receive(part)) return 0;
    piece += 17;
  }
  return 0;
}

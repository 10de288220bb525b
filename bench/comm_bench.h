// Shared by the variants of comm_bench: what a client and a server must be able to do, and how a process is measured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace grapevine::bench {

// A server answers "/bench/Sink" with one byte for each one-byte message and with nothing otherwise, and "/bench/Echo"
// with every message.
inline constexpr char kSink[] = "/bench/Sink";
inline constexpr char kEcho[] = "/bench/Echo";
// The one-byte message that asks a sink whether everything before it has arrived.
inline constexpr char kMarker[] = "E";

struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string ca;
};
// Identity 0 is the server, 1 the client.
TlsFiles Tls(int identity);
std::string ReadFile(const std::string& path);

// Mutual TLS on loopback, one process. Every method returns when its work is done.
class Client {
 public:
  virtual ~Client() = default;
  // `count` messages of `size` bytes on one stream, as fast as they go; the writer knows that more follow.
  virtual void Send(std::size_t count, std::size_t size) = 0;
  // One message of `size` bytes there and back, `rounds` times; nanoseconds of each.
  virtual std::vector<std::int64_t> PingPong(std::size_t rounds, std::size_t size) = 0;
  // Opens `count` connections with one stream each, exchanges one message on each and keeps them.
  virtual void OpenIdle(std::size_t count) = 0;
  // Dials, exchanges one message on a stream and closes, `count` times, one after the other.
  virtual void Dial(std::size_t count) = 0;
};

// A client of streams that have a connection each, which `open` makes for a method.
template <typename Stream>
class StreamClient final : public Client {
 public:
  using Open = std::function<std::unique_ptr<Stream>(const char* method)>;
  explicit StreamClient(Open open) : open_(std::move(open)) {}

  void Send(std::size_t count, std::size_t size) override {
    if (!sink_) sink_ = open_(kSink);
    sink_->Send(count, size);
  }
  std::vector<std::int64_t> PingPong(std::size_t rounds, std::size_t size) override {
    if (!echo_) echo_ = open_(kEcho);
    return echo_->PingPong(rounds, size);
  }
  void OpenIdle(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      idle_.push_back(open_(kEcho));
      idle_.back()->PingPong(1, 200);
    }
  }
  void Dial(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) open_(kEcho)->PingPong(1, 200);
  }

 private:
  Open open_;
  std::unique_ptr<Stream> sink_;
  std::unique_ptr<Stream> echo_;
  std::vector<std::unique_ptr<Stream>> idle_;
};

// A gossip node that authenticates with another: dial, mutual TLS, Ping, stream, both handshake messages signed and
// verified, close.
class GossipClient {
 public:
  virtual ~GossipClient() = default;
  // `count` times, `parallel` at the same time; how many succeeded.
  virtual std::size_t Handshake(std::size_t count, std::size_t parallel) = 0;
};

// The pipe from whoever measures a server.
class Commands {
 public:
  // The server listens.
  void Ready(int port);
  // Waits for a command and answers it; false: the end.
  bool Next();
};

std::unique_ptr<Client> NewCallbackClient(const std::string& target);
std::unique_ptr<Client> NewQueueClient(const std::string& target);
std::unique_ptr<Client> NewGrapevineClient(const std::string& target);
std::unique_ptr<GossipClient> NewGossipClient(const std::string& target);
void RunCallbackServer(Commands& commands);
void RunQueueServer(Commands& commands);
void RunGrapevineServer(Commands& commands);
void RunGossipServer(Commands& commands);

}  // namespace grapevine::bench

// One simulated TCP connection with TLS and HTTP/2 on it: both ends and the packets between them. Used by the network,
// the transport and the streams only; nodes see base::Connection and base::Stream.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/ring_queue.h"
#include "base/transport.h"
#include "simulation/host.h"
#include "simulation/network.h"
#include "simulation/scheduler.h"

namespace grapevine::simulation {

class SimulatedStream;

enum class PacketType : std::uint8_t {
  kOpen,           // request headers of a stream
  kMessage,        // one message of a stream
  kHalfClose,      // client: no more messages
  kTrailers,       // server: status, end of stream
  kReset,          // either: the stream is cancelled
  kWindow,         // `number` bytes of the stream were consumed
  kUnaryRequest,   // whole unary call
  kUnaryResponse,  // its result
  kClose,          // the sender's end of the connection is gone
};

struct Packet {
  struct Headers {
    std::string method;
    base::Metadata metadata;
    base::Status status;
  };
  PacketType type = PacketType::kMessage;
  std::uint32_t stream = 0;
  std::uint64_t number = 0;
  base::Bytes payload;
  std::unique_ptr<Headers> headers;
  bool followed = false;  // the next one of its direction arrives in the same event
};

class SimulatedConnection final : public std::enable_shared_from_this<SimulatedConnection> {
 public:
  enum Side : std::uint8_t { kClient = 0, kServer = 1 };
  static Side Other(Side side) { return side == kClient ? kServer : kClient; }

  static std::shared_ptr<SimulatedConnection> Establish(Network& network, Host& client, Host& server);
  SimulatedConnection(Network& network, std::uint64_t id, Host& client, Host& server);
  ~SimulatedConnection();
  SimulatedConnection(const SimulatedConnection&) = delete;
  SimulatedConnection& operator=(const SimulatedConnection&) = delete;

  // Hands a packet to the network; returns when its last byte has left the sender. Ignored if this end is closed.
  base::SteadyTime Transmit(Side from, Packet packet);
  // This end goes away on purpose: the other learns of it, the own streams hear nothing.
  void Close(Side side);
  // This end finds the connection broken: its streams and its watcher are told. Call it in an event of that end.
  void Break(Side side, const std::string& reason);

  std::unique_ptr<base::Stream> Open(std::string_view method, base::CallOptions options);
  base::Handle Unary(std::string_view method, base::Bytes request, base::CallOptions options,
                     std::move_only_function<void(base::UnaryResult)> done);
  void OnClosed(std::move_only_function<void(const base::Status&)> closed) { closed_ = std::move(closed); }

  void Register(Side side, std::uint32_t id, SimulatedStream* stream) { ends_[side].streams[id] = stream; }
  void Unregister(Side side, std::uint32_t id) { ends_[side].streams.erase(id); }

  // Called by the network when the path between the two hosts, or one of the hosts, changes.
  void PathChanged();
  void HostCrashed(const Host& host, CrashKind kind);
  void HostReads(const Host& host);
  void Reset();

  bool Joins(const Host& a, const Host& b) const {
    return (ends_[0].host == &a && ends_[1].host == &b) || (ends_[0].host == &b && ends_[1].host == &a);
  }
  bool open(Side side) const { return ends_[side].open; }
  const base::PeerInfo& peer(Side side) const { return ends_[side].info; }
  Host& host(Side side) const { return *ends_[side].host; }
  SimulatedExecutor& executor(Side side) const { return *ends_[side].executor; }
  const NetworkConfig& config() const { return network_.config_; }

 private:
  struct End {
    Host* host = nullptr;
    SimulatedExecutor* executor = nullptr;  // of the process that made this end
    bool open = true;
    bool vanished = false;  // the machine died without a word
    base::PeerInfo info;
    std::map<std::uint32_t, SimulatedStream*> streams;
    base::Handle keepalive;  // gives the connection up while the path is dead
    bool awaiting_keepalive = false;
    // Towards the other end:
    std::uint64_t lane = 0;
    base::SteadyTime free_at{};  // the link is busy with earlier packets until then
    base::SteadyTime last_departure{};
    base::SteadyTime last_arrival{};  // packets do not overtake one another
    base::RingQueue<Packet> transit;  // handed to the network
    base::RingQueue<Packet> held;     // waiting for the path to heal
  };
  struct PendingCall {
    std::move_only_function<void(base::UnaryResult)> done;
    base::Handle deadline;
  };

  void Dispatch(Side from, Packet packet, base::SteadyTime departure);
  void Arrive(Side at);
  void Take(Side at, Packet packet);
  void Accept(Packet packet);
  void AnswerCall(Packet packet);
  void CompleteCall(std::uint32_t id, base::UnaryResult result);
  void ToStream(Side at, Packet packet);
  void WatchKeepalive(Side side);
  void StopKeepalive(Side side);
  void BounceLater(Side side, base::SteadyTime departure);
  bool PathIsOpen() const;

  Network& network_;
  std::uint64_t id_;
  std::array<End, 2> ends_;
  std::uint32_t next_stream_ = 1;
  std::map<std::uint32_t, PendingCall> calls_;
  std::move_only_function<void(const base::Status&)> closed_;
};

}  // namespace grapevine::simulation

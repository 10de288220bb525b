// A connected socket with TLS on it, or without: turns readiness into bytes and back.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/io_loop.h"
#include "base/result.h"
#include "base/transport.h"
#include "rpc/rpc_metrics.h"
#include "rpc/socket.h"
#include "rpc/tls_channel.h"

namespace grapevine::rpc {

// Keeps connecting peers from delaying everybody else: a TLS handshake costs 1-2 ms of the loop.
class HandshakeGate {
 public:
  explicit HandshakeGate(base::IoLoop& loop) : loop_(loop) {}
  // Whether one more step of a handshake may be taken in this turn of the loop.
  bool Enter();

 private:
  static constexpr int kStepsPerTurn = 4;
  base::IoLoop& loop_;
  int left_ = kStepsPerTurn;
  base::Handle refill_;
};

// Buffers that all links of one transport share: a link uses them only while it works, so that an idle connection costs
// no buffer at all.
struct SharedBuffers {
  explicit SharedBuffers(base::IoLoop& loop) : gate(loop) {}

  static constexpr std::size_t kReadBytes = 64UL << 10;
  static constexpr std::size_t kPlainBytes = 16UL << 10;  // one TLS record

  std::unique_ptr<char[]> received = std::make_unique_for_overwrite<char[]>(kReadBytes);
  std::unique_ptr<char[]> plain = std::make_unique_for_overwrite<char[]>(kPlainBytes);
  std::string output;  // HTTP/2 frames on their way to Link::Write
  std::string cipher;  // TLS records on their way to the socket
  HandshakeGate gate;
};

class LinkEvents {
 public:
  virtual ~LinkEvents() = default;
  // TLS is established, or there is none: the link can be written to.
  virtual void OnSecured() = 0;
  virtual void OnReceived(base::ByteView plaintext) = 0;
  // Everything written has left for the operating system, after it had not.
  virtual void OnDrained() = 0;
  // The connection is of no more use. The last event. Code as in TlsChannel.
  virtual void OnBroken(const base::Error& error) = 0;
};

class Link {
 public:
  // `tls` null: plaintext. `events` is kept alive by the link during an event; `loop` and `metrics` must outlive it.
  Link(base::IoLoop& loop, Socket socket, std::unique_ptr<TlsChannel> tls, std::shared_ptr<SharedBuffers> buffers,
       RpcMetrics& metrics);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Begins: the handshake, then events. Events come later, never within this call.
  void Start(const std::shared_ptr<LinkEvents>& events);
  // Takes all of `plaintext` over. What the operating system does not take now is kept, and `drained` is false until
  // OnDrained: write nothing more meanwhile. When the other side has closed, that is reported by OnBroken alone, after
  // what it had sent before. Only after OnSecured.
  base::Result<void> Write(base::ByteView plaintext);
  bool drained() const { return pending_.empty(); }
  // Says farewell and closes the socket; no event follows.
  void Close();
  bool is_open() const { return socket_.is_open(); }

  SharedBuffers& buffers() { return *buffers_; }
  base::PeerInfo MakePeerInfo() const;

 private:
  void OnReady(base::IoReady ready);
  void ReadAvailable();
  void Decrypt();
  void Handshake();
  void Secured();
  base::Result<void> SendCipher();
  base::Result<void> SendBytes(base::ByteView bytes);
  void SendPending();
  void Broken(const base::Error& error);

  base::IoLoop& loop_;
  Socket socket_;
  std::unique_ptr<TlsChannel> tls_;
  std::shared_ptr<SharedBuffers> buffers_;
  RpcMetrics& metrics_;
  std::weak_ptr<LinkEvents> events_;
  std::unique_ptr<base::IoWatch> watch_;
  std::string pending_;  // ciphertext, or plaintext without TLS, that the operating system has not taken
  std::size_t pending_sent_ = 0;
  bool secured_ = false;
  base::Handle start_;
};

}  // namespace grapevine::rpc

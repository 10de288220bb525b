// One HTTP/2 connection on a socket, either side: moves bytes between Link and Session, writes once per turn of the
// loop, and watches over keepalive (02, 2.2).
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/io_loop.h"
#include "base/result.h"
#include "base/transport.h"
#include "rpc/link.h"
#include "rpc/session.h"

namespace grapevine::rpc {

struct ConnectionSettings {
  SessionSettings session;
  Keepalive keepalive;
};

// Shared by its owner and, while it works, by itself: closing it inside any callback is allowed.
class HttpConnection final : public std::enable_shared_from_this<HttpConnection>,
                             public LinkEvents,
                             public SessionEvents {
 public:
  // Called as events, never within a call of the owner.
  struct Callbacks {
    std::function<void()> secured;  // TLS is established
    std::function<void()> ready;    // and the remote's SETTINGS have come
    std::function<void(std::shared_ptr<StreamCore>)> request;
    std::function<void(const base::Error&)> closed;  // by itself; the last callback
  };

  // `loop` must outlive it.
  HttpConnection(base::IoLoop& loop, const ConnectionSettings& settings, Socket socket, std::unique_ptr<TlsChannel> tls,
                 std::shared_ptr<SharedBuffers> buffers, std::shared_ptr<RpcMetrics> metrics);
  ~HttpConnection() override;

  void Start(Callbacks callbacks);
  // After `secured`.
  std::shared_ptr<StreamCore> Open(std::string_view method, const base::CallOptions& options);
  const base::PeerInfo& peer() const { return *peer_; }
  // Replaces Callbacks::closed.
  void OnClosed(std::function<void(const base::Error&)> closed) { callbacks_.closed = std::move(closed); }
  // No new streams; closes itself when the last stream has ended.
  void GoAway();
  // Ends it; no callback, and no handler of its streams, runs any more.
  void Close();

 private:
  void OnSecured() override;
  void OnReceived(base::ByteView plaintext) override;
  void OnDrained() override;
  void OnBroken(const base::Error& error) override;
  void OnOutput() override;
  void OnSettings() override;
  void OnRequest(std::shared_ptr<StreamCore> stream) override;

  void Flush();
  // One batch; false when nothing more can be written now.
  bool WriteBatch(std::size_t& budget);
  // The session is over and everything has been written.
  void EndInGoodOrder();
  void CheckAlive();
  void Fail(const base::Error& error);

  base::IoLoop& loop_;
  ConnectionSettings settings_;
  std::shared_ptr<RpcMetrics> metrics_;
  Link link_;
  Callbacks callbacks_;
  std::shared_ptr<const base::PeerInfo> peer_ = std::make_shared<base::PeerInfo>();
  std::unique_ptr<Session> session_;  // from OnSecured on
  bool closed_ = false;
  bool flush_scheduled_ = false;
  bool leaving_ = false;  // alive_timer_ waits for the client to close
  base::Handle flush_;
  base::SteadyTime last_received_{};
  base::SteadyTime pinged_at_{};
  bool ping_pending_ = false;
  base::Handle alive_timer_;
};

}  // namespace grapevine::rpc

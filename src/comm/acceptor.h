// Incoming streams until they have authenticated (specification 02, 3.3). Internal to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/transport.h"
#include "comm/context.h"
#include "comm/handshake.h"

namespace grapevine::comm {

// Serves GossipStream and Ping. Holds at most `max_unauthenticated_streams`, few of them on one connection; the oldest
// makes room, because an honest peer authenticates within milliseconds and a hostile one holds its place as long as it
// can.
class Acceptor {
 public:
  using OnAuthenticated =
      std::function<void(std::unique_ptr<OwnedStream>, const std::shared_ptr<const ConnectionInfo>&)>;

  Acceptor(const Context& context, base::Server& server, OnAuthenticated authenticated);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Ends what has not authenticated and refuses new streams; Ping goes on being answered (01, section 1).
  void Stop();
  // Ends an authenticated stream that nobody wants, with `status`.
  void Refuse(std::unique_ptr<OwnedStream> stream, base::Status status);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string address;  // of the connection's other end
    std::unique_ptr<Handshake> handshake;
    std::unique_ptr<OwnedStream> refused;  // until the status has been delivered
    base::Handle timer;
  };

  void Serve(std::unique_ptr<base::Stream> stream);
  void Completed(std::uint64_t id, std::expected<void, HandshakeError> outcome);
  // A place for one more stream of the connection from `address`.
  Entry& Add(std::uint64_t id, const std::string& address);
  void Evict(std::uint64_t id);

  const Context& context_;
  OnAuthenticated authenticated_;
  bool stopped_ = false;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Entry> entries_;  // oldest first
  base::LogLimit refusals_;
  base::Handle stream_service_;
  base::Handle ping_service_;
};

}  // namespace grapevine::comm

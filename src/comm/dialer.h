// Outgoing attempts: dial, Ping, stream, handshake (specification 02, section 4), a bounded number at a time. Internal
// to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/transport.h"
#include "comm/context.h"
#include "comm/handshake.h"

namespace grapevine::comm {

// Every `done` runs once, as an event of its own; destroying the handle cancels the attempt. Destroying the dialer
// cancels all.
class Dialer {
 public:
  // A handshake that has authenticated the remote and waits for Commit; destroying it gives the stream up.
  using OnConnected = std::move_only_function<void(base::Result<std::unique_ptr<Handshake>>)>;
  using OnProbed = std::move_only_function<void(base::Result<void>)>;

  Dialer(const Context& context, base::Transport& transport) : context_(context), transport_(transport) {}
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  base::Handle Connect(base::Endpoint endpoint, bool probe, OnConnected done);
  // Dial and Ping only.
  base::Handle Probe(base::Endpoint endpoint, OnProbed done);

  std::size_t active() const { return active_.size(); }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Attempt {
    base::Endpoint endpoint;
    bool probe_flag = false;
    OnConnected connected;  // one of the two
    OnProbed probed;
    std::unique_ptr<base::Connection> connection;
    base::Handle pending;  // dial or Ping
    std::unique_ptr<Handshake> handshake;
  };

  base::Handle Add(Attempt attempt);
  void StartNext();
  void Start(std::uint64_t id);
  void Ping(std::uint64_t id);
  void OpenStream(std::uint64_t id);
  void Finish(std::uint64_t id, base::Result<void> result);

  const Context& context_;
  base::Transport& transport_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Attempt> waiting_;  // in order of Connect
  std::map<std::uint64_t, Attempt> active_;
  base::Handle starting_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::comm

// The methods of the oracles' server (tests/oracles/README.md), served by our transport for the oracles' clients.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/transport.h"

namespace grapevine::rpc {

// What Fail and FailLate end with; `details` is the serialised google.rpc.Status that both libraries understand.
base::Status TestFailure();

// Serves `server` until it is destroyed. Beside the oracles' methods: /oracle.Test/UnaryEcho and
// /oracle.Test/UnaryFail, registered as unary methods.
class TestService {
 public:
  explicit TestService(base::Server& server);
  ~TestService();

  void Resume();  // HeldSink goes on
  std::size_t open_streams() const { return streams_.size(); }
  std::size_t accepted() const { return accepted_; }
  const std::vector<base::Status>& ended() const { return ended_; }  // in order of OnEnd
  const base::PeerInfo& last_peer() const { return last_peer_; }

 private:
  class Served;
  using Streams = std::list<std::unique_ptr<Served>>;

  void Serve(base::Server& server, const std::string& name, std::function<void(Served&)> start,
             std::function<void(Served&, base::Bytes)> message, std::function<void(Served&)> half_close);

  Streams streams_;
  std::vector<base::Handle> registrations_;
  std::vector<base::Status> ended_;
  std::size_t accepted_ = 0;
  bool resumed_ = false;
  base::PeerInfo last_peer_;
};

}  // namespace grapevine::rpc

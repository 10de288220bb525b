// Short contacts that leave no stream: Comm::Probe and Comm::Handshake (specification 02, sections 1 and 3.3). Internal
// to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/transport.h"
#include "comm/context.h"
#include "comm/dialer.h"

namespace grapevine::comm {

// `done` runs once, as an event of its own; destroying the handle gives up.
class Visits {
 public:
  using Done = std::move_only_function<void(base::Result<ConnectionInfo>)>;

  Visits(const Context& context, Dialer& dialer) : context_(context), dialer_(dialer) {}
  Visits(const Visits&) = delete;
  Visits& operator=(const Visits&) = delete;

  // Authenticates with the probe flag and waits until the responder has ended the stream: with OK it knows us.
  base::Handle Handshake(const base::Endpoint& endpoint, const std::optional<wire::PkiId>& expected, Done done);
  base::Handle Probe(const base::Endpoint& endpoint, Dialer::OnProbed done);
  // Those under way end with `error`.
  void FailAll(const base::Error& error);

 private:
  // Waits for the responder's verdict.
  struct Ending final : base::StreamHandler {
    Ending(Visits& owner, std::uint64_t which, std::shared_ptr<const ConnectionInfo> remote)
        : visits(owner), id(which), info(std::move(remote)) {}
    void OnMessage(base::Bytes) override {}
    void OnSent(std::size_t) override {}
    void OnHalfClose() override {}
    void OnEnd(const base::Status& status) override;

    Visits& visits;
    std::uint64_t id;
    std::shared_ptr<const ConnectionInfo> info;
    std::unique_ptr<OwnedStream> stream;
  };
  struct Visit {
    base::Endpoint endpoint;
    Done done;
    base::Handle dial;
    std::unique_ptr<Ending> ending;
  };

  void Connected(std::uint64_t id, const std::optional<wire::PkiId>& expected,
                 base::Result<std::unique_ptr<comm::Handshake>> handshake);
  base::Handle Add(std::uint64_t id, Visit visit);
  void Finish(std::uint64_t id, base::Result<ConnectionInfo> result);

  const Context& context_;
  Dialer& dialer_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Visit> visits_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::comm

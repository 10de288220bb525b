// The dialling and accepting sides of a simulated process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/transport.h"
#include "simulation/connection.h"

namespace grapevine::simulation {

class SimulatedServer final : public base::Server {
 public:
  using OnStream = std::function<void(std::unique_ptr<base::Stream>)>;
  using OnUnary = std::function<void(std::unique_ptr<base::UnaryCall>)>;

  explicit SimulatedServer(const Host& host) : host_(host) {}

  base::Handle ServeStream(std::string method, OnStream handler) override;
  base::Handle ServeUnary(std::string method, OnUnary handler) override;
  const base::Endpoint& address() const override { return host_.endpoint(); }

  // Null if nobody serves `method`. Shared, because a handler may end its own registration.
  std::shared_ptr<OnStream> StreamHandlerOf(const std::string& method) const;
  std::shared_ptr<OnUnary> UnaryHandlerOf(const std::string& method) const;

 private:
  const Host& host_;
  std::map<std::string, std::shared_ptr<OnStream>> streams_;
  std::map<std::string, std::shared_ptr<OnUnary>> calls_;
};

class SimulatedUnaryCall final : public base::UnaryCall {
 public:
  SimulatedUnaryCall(std::shared_ptr<SimulatedConnection> connection, std::uint32_t id, base::Bytes request,
                     base::Metadata metadata);
  ~SimulatedUnaryCall() override;

  const base::Bytes& request() const override { return request_; }
  const base::Metadata& metadata() const override { return metadata_; }
  const base::PeerInfo& peer() const override { return connection_->peer(SimulatedConnection::kServer); }
  void Respond(base::UnaryResult result) override;

 private:
  std::shared_ptr<SimulatedConnection> connection_;
  std::uint32_t id_;
  base::Bytes request_;
  base::Metadata metadata_;
  bool answered_ = false;
};

class SimulatedTransport final : public base::Transport {
 public:
  using OnConnected = std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)>;

  SimulatedTransport(Network& network, Host& host) : network_(network), host_(host) {}

  base::Handle Dial(base::Endpoint endpoint, base::Duration timeout, OnConnected done) override;

 private:
  struct Dialling {
    base::Endpoint endpoint;
    OnConnected done;
    std::uint64_t lane = 0;
    base::Duration backoff{};
    std::string last_failure;
    base::Handle deadline;
    base::Handle attempt;
  };

  void Attempt(std::uint64_t id);
  void Connected(std::uint64_t id);
  void TryLater(std::uint64_t id, std::string failure);
  void GiveUp(std::uint64_t id);

  Network& network_;
  Host& host_;
  std::uint64_t next_dial_ = 1;
  std::map<std::uint64_t, Dialling> dials_;
};

}  // namespace grapevine::simulation

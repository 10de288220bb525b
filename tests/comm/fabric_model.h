// A Fabric peer's connection store as specification 02 describes it (sections 3 to 6), with its defects: what the rules
// of 14.2 must live with. Talks to one remote only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness.h"

namespace grapevine::comm {

class FabricModel {
 public:
  FabricModel(PlayedPeer& peer, const simulation::Host& remote);

  // Section 6: over the stored connection, else over a new one.
  void Send(const std::string& text);

  std::vector<std::string> received;
  int failed_writes = 0;  // each raises presumed-dead at the Fabric peer

 private:
  struct Link final : base::StreamHandler {
    explicit Link(FabricModel& owner) : model(owner) {}
    void OnMessage(base::Bytes message) override { model.Message(*this, std::move(message)); }
    void OnSent(std::size_t) override {}
    void OnHalfClose() override {}
    void OnEnd(const base::Status&) override { model.Ended(*this); }

    FabricModel& model;
    std::uint64_t id = 0;
    std::unique_ptr<base::Connection> connection;  // null: server side
    std::unique_ptr<base::Stream> stream;
    bool authenticated = false;
    bool dead = false;
    base::Handle timer;
  };

  Link& Adopt(std::unique_ptr<base::Connection> connection, std::unique_ptr<base::Stream> stream);
  void Dial();
  void Message(Link& link, base::Bytes message);
  void Complete(Link& link);
  void Ended(Link& link);
  void Close(std::uint64_t id);
  void Forget(std::uint64_t id);
  void Flush();

  PlayedPeer& peer_;
  const simulation::Host& remote_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::unique_ptr<Link>> links_;
  std::optional<std::uint64_t> stored_;
  bool dialling_ = false;
  std::vector<std::string> waiting_;
  base::Handle dial_;
  std::vector<base::Handle> services_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::comm

// Grapevine's communication layer: nodes with X.509 identities of one organisation, which both processes derive from
// the same seed.
#include <chrono>
#include <cstdlib>

#include "../tests/support/real_comm_node.h"
#include "comm_bench_loop.h"
#include "runtime/worker_pool.h"

namespace grapevine::bench {
namespace {

constexpr base::Duration kPatience = std::chrono::minutes(5);

struct GossipNode {
  explicit GossipNode(std::size_t number)
      : tls(network, network.peer(0, number)),
        node(loop, workers, network.organizations()[0], network.peer(0, number), tls, number) {}

  const testnet::Network network{{.organizations = 1, .peers = 2}};
  runtime::EventLoop loop;
  runtime::WorkerPool workers{loop, 2};
  testing::TlsMaterial tls;
  testing::RealCommNode node;
};

class RealGossipClient final : public GossipClient {
 public:
  explicit RealGossipClient(std::string target) : target_(std::move(target)) {}

  std::size_t Handshake(std::size_t count, std::size_t parallel) override {
    left_ = count;
    running_ = succeeded_ = 0;
    handles_.resize(parallel);
    for (std::size_t lane = 0; lane < parallel; ++lane) Begin(lane);
    if (!own_.loop.RunUntil([this] { return running_ == 0; }, kPatience)) std::abort();
    return succeeded_;
  }

 private:
  void Begin(std::size_t lane) {
    if (left_ == 0) return;
    --left_;
    ++running_;
    handles_[lane] = own_.node.comm->Handshake({target_, {}}, [this, lane](base::Result<comm::ConnectionInfo> result) {
      --running_;
      if (result) ++succeeded_;
      Begin(lane);
    });
  }

  std::string target_;
  GossipNode own_{1};
  std::size_t left_ = 0;
  std::size_t running_ = 0;
  std::size_t succeeded_ = 0;
  std::vector<base::Handle> handles_;
};

}  // namespace

std::unique_ptr<GossipClient> NewGossipClient(const std::string& target) {
  return std::make_unique<RealGossipClient>(target);
}

void RunGossipServer(Commands& commands) {
  GossipNode own(0);
  ServeCommands(own.loop, own.node.server->address(), commands);
}

}  // namespace grapevine::bench

// Our connections as Fabric's own peers see them: fabric_comm.sh starts the peers and calls this program.
//
//   fabric_comm NET dial                     we dial a peer of our organisation and one of another
//   fabric_comm NET dialled                  they dial us
//   fabric_comm NET probe                    Probe and Handshake of ours
//   fabric_comm NET probed                   a Fabric peer whose bootstrap peer is peer1.org1 does the same to us
//   fabric_comm NET crossing ROUNDS          dials cross: 2 kinds, 8 trials in each round
//   fabric_comm NET idle SECONDS             silent connections stay
//   fabric_comm NET large                    a message of nearly 100 MiB
//   fabric_comm NET refused FOREIGN          wrong bindings and a foreign identity; FOREIGN: another folder
//
// NET and FOREIGN are folders that grapevine testnet made; of NET the Fabric peers peer0.org1 and peer0.org2 run, and
// the others' identities are free. Prints one line per item: item | pass or fail | evidence. Exit status 1: an item
// failed.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interop/crossing_dials.h"
#include "interop/fabric_node.h"
#include "interop/false_binding.h"

namespace grapevine::interop {
namespace {

using namespace std::chrono_literals;  // NOLINT

constexpr auto kDeadline = 60s;
constexpr auto kObserved = 10s;  // how long a connection is looked at

class FabricComm {
 public:
  explicit FabricComm(const std::string& folder) : world_(folder, base::LogLevel::kWarn) {
    peers_.emplace_back(world_, "peer0.org1");
    peers_.emplace_back(world_, "peer0.org2");
  }

  void Dial();
  void Dialled();
  void Probe();
  void Probed();
  void Crossing(std::size_t rounds);
  void Idle(std::size_t seconds);
  void Large();
  void Refused(const std::string& foreign);
  int failures() const { return failures_; }

 private:
  void Report(const std::string& item, bool pass, const std::string& evidence) {
    fmt::print("{} | {} | {}\n", item, pass ? "pass" : "fail", evidence);
    std::fflush(stdout);
    failures_ += pass ? 0 : 1;
  }
  bool Wait(const std::function<bool()>& done, base::Duration limit = kDeadline) {
    return world_.loop.RunUntil(done, limit);
  }
  // Handles events for so long; false if `broken` holds meanwhile.
  bool Observe(base::Duration duration, const std::function<bool()>& broken) { return !Wait(broken, duration); }
  void Every(base::Duration interval, base::Handle& timer, const std::function<void()>& action) {
    action();
    timer = world_.loop.After(interval, [=, this, &timer] { Every(interval, timer, action); });
  }
  static std::int64_t OwnStreamsEnded(const FabricNode& node) {
    return node.Count("gossip_comm_stream_ends", "direction=\"outgoing\"");
  }
  std::string Received(FabricNode& node, const FabricPeer& peer) {
    std::string text;
    for (const auto& [type, count] : node.received(peer)) text += fmt::format(" {} {}", count, type);
    return text.empty() ? " nothing" : text;
  }
  void RefusedByFabric(const std::string& item, FabricNode& node, const FabricPeer& peer);

  World world_;
  std::vector<FabricPeer> peers_;  // of our first organisation, and of the other
  int failures_ = 0;
};

void FabricComm::Dial() {
  FabricNode node(world_, "peer1.org1");
  node.Start();
  // Both at once: the first peer told of us would introduce us to the other, which would dial us.
  const auto ask = [&] {
    std::vector<std::uint64_t> nonces;
    for (const FabricPeer& peer : peers_) nonces.push_back(node.Ask(peer));
    return Wait([&] { return std::ranges::all_of(nonces, [&](std::uint64_t nonce) { return node.Answered(nonce); }); });
  };
  const auto open = [&] {
    return std::ranges::all_of(peers_, [&](const FabricPeer& peer) { return node.StateOf(peer).outgoing; });
  };
  const bool answered = ask();
  const bool stayed = Observe(kObserved, [&] { return !open(); }) && OwnStreamsEnded(node) == 0;
  const bool still_answered = ask();
  for (const FabricPeer& peer : peers_) {
    Report("1 we dial " + peer.name, answered && stayed && still_answered && node.presumed_dead() == 0,
           fmt::format("authenticated as PKI-ID {} as computed, stream open for {} s, received{}",
                       peer.remote.pki_id->Short(), kObserved / 1s, Received(node, peer)));
  }
}

void FabricComm::Dialled() {
  FabricNode introducer(world_, "peer1.org1"), own(world_, "peer2.org1"), other(world_, "peer2.org2");
  for (FabricNode* node : {&introducer, &own, &other}) node->Start();
  base::Handle timer;
  const auto check = [&](const FabricPeer& peer, FabricNode& node, Tell tell, const std::string& what) {
    // The introducer relays the alive message as gossip does; the Fabric peer learns of the node from it alone.
    Every(2s, timer, [&, tell] { introducer.comm().Send(node.Alive(tell), {peer.remote}); });
    bool pass = Wait([&] { return node.StateOf(peer).incoming > 0; });
    pass = pass && Wait([&] { return node.received(peer).contains("alive_msg"); });
    const std::uint64_t nonce = node.Ask(peer);
    pass = pass && Wait([&] { return node.Answered(nonce); });
    const auto state = node.StateOf(peer);
    Report(fmt::format("2 {} dials us by our {} endpoint", peer.name, what), pass && !state.outgoing,
           fmt::format("{} incoming, no own stream; received{}", state.incoming, Received(node, peer)));
  };
  check(peers_[0], own, Tell::kInternal, "internal");
  check(peers_[0], other, Tell::kExternal, "external");
}

void FabricComm::Probe() {
  FabricNode node(world_, "peer1.org1");
  node.Start();
  for (const FabricPeer& peer : peers_) {
    std::optional<base::Result<void>> probed;
    const auto probe = node.comm().Probe(peer.remote.endpoint, [&](auto result) { probed = result; });
    std::optional<base::Result<comm::ConnectionInfo>> met;
    const auto handshake =
        node.comm().Handshake({peer.remote.endpoint, {}}, [&](auto result) { met = std::move(result); });
    const bool done = Wait([&] { return probed && met; });
    const bool pass = done && *probed && *met && (*met)->pki_id == peer.remote.pki_id;
    Report("3 we probe " + peer.name, pass,
           pass ? fmt::format("Probe ok; Handshake shows {} of {}", (*met)->pki_id.Short(), (*met)->organization)
                : (done ? (*probed ? (*met ? "another PKI-ID" : met->error().message) : probed->error().message)
                        : "no answer"));
  }
}

void FabricComm::Probed() {
  FabricNode node(world_, "peer1.org1");
  node.Start();
  const FabricPeer newcomer(world_, "peer3.org1");
  const bool probed = Wait([&] { return node.Count("gossip_comm_handshakes", "result=\"probe\"") > 0; });
  const bool asked = probed && Wait([&] { return node.received(newcomer).contains("mem_req"); });
  Report("3 " + newcomer.name + " probes us", probed && asked,
         fmt::format("{} probe handshakes served, then received{}",
                     node.Count("gossip_comm_handshakes", "result=\"probe\""), Received(node, newcomer)));
}

void FabricComm::Crossing(std::size_t rounds) {
  FabricNode introducer(world_, "peer1.org1");
  introducer.Start();
  std::vector<std::unique_ptr<FabricNode>> owned;
  std::vector<FabricNode*> nodes;
  for (const char* name : {"peer2.org1", "peer3.org1", "peer1.org2", "peer2.org2"}) {
    owned.push_back(std::make_unique<FabricNode>(world_, name));
    nodes.push_back(owned.back().get());
  }
  base::Handle timer;
  Every(5s, timer, [&] {
    for (const FabricPeer& peer : peers_) introducer.comm().Send(introducer.AliveFor(peer), {peer.remote});
  });
  const auto cross = [&](const std::string& item, base::Duration down) {
    const CrossingResult result = CrossDials(world_, introducer, nodes, peers_, rounds, down);
    Report(item, result.late == 0 && result.unstable == 0 && result.presumed_dead == 0, result.Describe());
  };
  cross("4 crossing dials, quick restarts", 0s);
  cross("4 crossing dials, first meeting", 3500ms);
}

void FabricComm::Idle(std::size_t seconds) {
  const base::Duration duration = std::chrono::seconds(seconds);
  FabricNode dialler(world_, "peer3.org1"), introducer(world_, "peer1.org2"), dialled(world_, "peer3.org2");
  for (FabricNode* node : {&dialler, &introducer, &dialled}) node->Start();
  // The dialler never tells who it is: nobody sends it anything. The introducer keeps the other one alive.
  base::Handle timer;
  Every(5s, timer, [&] {
    for (const FabricPeer& peer : peers_) introducer.comm().Send(dialled.AliveFor(peer), {peer.remote});
  });
  const wire::Envelope unknown = wire::UnsignedEnvelope(
      wire::NewMessage(wire::DataMessage{{1, base::Bytes("nobody knows the channel"), {}}}, "unknown"));
  for (const FabricPeer& peer : peers_) dialler.comm().Send(unknown, {peer.remote});
  const auto open = [&] {
    bool all = true;
    for (const FabricPeer& peer : peers_)
      all = all && dialler.StateOf(peer).outgoing && dialled.StateOf(peer).incoming > 0;
    return all;
  };
  const auto ends = [&] { return dialler.Count("gossip_comm_stream_ends") + dialled.Count("gossip_comm_stream_ends"); };
  const bool connected = Wait(open);
  const auto before = ends();
  const bool stayed = connected && Observe(duration, [&] { return ends() != before || !open(); });
  std::string received;
  for (const FabricPeer& peer : peers_) received += fmt::format("; {}:{}", peer.name, Received(dialled, peer));
  Report("5 idle connections", stayed,
         fmt::format("{} s: 2 silent streams of ours, 2 of Fabric peers on which we are silent{}", seconds, received));
}

void FabricComm::Large() {
  FabricNode node(world_, "peer2.org1");
  node.Start();
  constexpr std::size_t kSize = (std::size_t{100} << 20) - 1024;
  const FabricPeer& peer = peers_[0];  // one: the machine has to hold several copies
  node.comm().Send(wire::UnsignedEnvelope(
                       wire::NewMessage(wire::DataMessage{{1, base::Bytes(std::string(kSize, 'x')), {}}}, "unknown")),
                   {peer.remote});
  // Sent when the large one has left, since liveness messages would overtake it.
  const bool sent =
      Wait([&] { return node.Count("rpc_sent_bytes") > static_cast<std::int64_t>(kSize); }, 2 * kDeadline);
  const std::uint64_t nonce = node.Ask(peer);
  const bool answered = sent && Wait([&] { return node.Answered(nonce); }, 2 * kDeadline);
  Report("6 large message to " + peer.name, answered && node.Count("gossip_comm_stream_ends") == 0,
         fmt::format("{} bytes of payload in one message, then a request answered; {} streams ended", kSize,
                     node.Count("gossip_comm_stream_ends")));
}

void FabricComm::RefusedByFabric(const std::string& item, FabricNode& node, const FabricPeer& peer) {
  node.Start();
  std::vector<std::uint64_t> nonces;
  base::Handle timer;
  // Again and again: on a stream that the Fabric peer opens the first one is lost.
  Every(1s, timer, [&] { nonces.push_back(node.Ask(peer)); });
  const bool dead = Wait([&] { return node.presumed_dead() > 0; });
  const bool answered = std::ranges::any_of(nonces, [&](std::uint64_t nonce) { return node.Answered(nonce); });
  Report(item, dead && !answered,
         fmt::format("{} ended {} streams of ours and answered nothing; {} quick redials, then presumed dead",
                     peer.name, node.Count("gossip_comm_stream_ends"), node.Count("gossip_comm_quick_redials")));
  node.Stop();
}

void FabricComm::Refused(const std::string& foreign) {
  const auto lying = [](Lie lie) {
    return [lie](base::Transport& real) { return std::make_unique<LyingTransport>(real, lie); };
  };
  FabricNode falsely_bound(world_, "peer1.org1", world_.folder, lying(Lie::kOwnCertificate));
  RefusedByFabric("7 Fabric refuses a wrong TLS binding", falsely_bound, peers_[0]);
  FabricNode stranger(world_, "peer2.org1", foreign);
  RefusedByFabric("7 Fabric refuses an identity of another CA", stranger, peers_[1]);

  FabricNode strict(world_, "peer2.org2", world_.folder, lying(Lie::kOtherCertificate));
  strict.Start();
  strict.Ask(peers_[0]);
  const bool refused = Wait([&] { return strict.presumed_dead() > 0; });
  const auto count = strict.Count("gossip_comm_handshakes", "result=\"tls_binding\"");
  Report("7 we refuse a wrong TLS binding",
         refused && count > 0 && strict.Count("gossip_comm_handshakes", "\"ok\"") == 0,
         fmt::format("{} handshakes refused, none accepted", count));
}

std::size_t Number(const std::string& text) {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

int Main(const std::vector<std::string>& arguments) {
  const std::map<std::string, std::function<void(FabricComm&)>> plain = {
      {"dial", &FabricComm::Dial},     {"dialled", &FabricComm::Dialled}, {"probe", &FabricComm::Probe},
      {"probed", &FabricComm::Probed}, {"large", &FabricComm::Large},
  };
  const std::map<std::string, std::function<void(FabricComm&, const std::string&)>> with_argument = {
      {"crossing", [](FabricComm& run, const std::string& rounds) { run.Crossing(Number(rounds)); }},
      {"idle", [](FabricComm& run, const std::string& seconds) { run.Idle(Number(seconds)); }},
      {"refused", &FabricComm::Refused},
  };
  if (arguments.size() == 2 && plain.contains(arguments[1])) {
    FabricComm run(arguments[0]);
    plain.at(arguments[1])(run);
    return run.failures() == 0 ? 0 : 1;
  }
  if (arguments.size() == 3 && with_argument.contains(arguments[1])) {
    FabricComm run(arguments[0]);
    with_argument.at(arguments[1])(run, arguments[2]);
    return run.failures() == 0 ? 0 : 1;
  }
  fmt::print(stderr, "usage: fabric_comm NET ITEM [ARGUMENT]; fabric_comm.cc lists the items\n");
  return 2;
}

}  // namespace
}  // namespace grapevine::interop

int main(int argc, char** argv) { return grapevine::interop::Main({argv + 1, argv + argc}); }

// A readable account of a run: every message between the nodes of a simulated network, and every decision of each.
//
//   GossipNetwork network(seed, options);
//   Transcript transcript(network);
//   transcript.Heading("two peers start");
//   network.StartAll();
//   network.RunFor(1s);
//   transcript.Show({});                       // from here on messages are only counted
//   network.RunFor(60s);
//   std::string text = transcript.Finish();
//
// A line holds the virtual time in milliseconds since the transcript began, then a message as it leaves its sender, or
// what a node has decided: its log lines, what it refuses, and the blocks of its chain. Nodes go by the names of their
// hosts, nonces are numbered as they appear, and wall clocks are milliseconds since the beginning: the same seed gives
// the same text on every machine. tests/transcripts/README.md explains the notation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/gossip_network.h"
#include "wire/message.h"

namespace grapevine::simulation {

// Attached to all peers that the network has when it is made, and to those that are added with Watch. It takes the
// place of the observers of the scheduler, the network and the peers. Must be destroyed before the network.
class Transcript {
 public:
  // Messages of these kinds are listed, others are counted. A kind is the name in the schema; of pull messages it is
  // followed by the type: "alive_msg", "hello identity", "data_req block".
  using Kinds = std::set<std::string>;

  // Before any peer is started.
  explicit Transcript(GossipNetwork& network);
  // Stops the peers.
  ~Transcript();
  Transcript(const Transcript&) = delete;
  Transcript& operator=(const Transcript&) = delete;

  // A peer that was added later, not started yet.
  void Watch(std::size_t index);

  // What happens next, and before it the counts of what was not listed since the last heading.
  void Heading(std::string_view text);
  // At first all kinds are listed.
  void Show(Kinds kinds) { shown_ = std::make_unique<Kinds>(std::move(kinds)); }
  void ShowAll() { shown_.reset(); }

  // The whole text.
  std::string Finish();

 private:
  class Sink;
  struct Watched {
    GossipPeer* peer;
    std::unique_ptr<Sink> sink;
    std::map<std::string, std::int64_t> counters;  // as they were when last looked at
  };

  void Line(const std::string& who, const std::string& text);
  void Message(const Host& from, const Host& to, const base::Bytes& bytes, bool arrives);
  void LookAtCounters(Watched& watched);
  void BeforeEvent(const TraceEvent& event);
  void FlushCounts();

  // Texts of messages.
  std::string Describe(const wire::Envelope& envelope, const wire::Message& message);
  std::string DescribePull(const wire::Message& message);
  std::string Alive(const wire::Envelope& envelope);
  std::string StateInfo(const wire::Envelope& envelope);
  std::int64_t SinceStart(std::uint64_t wall) const;
  std::string Nonce(std::uint64_t nonce);
  std::string NameOf(const wire::PkiId& pki_id);
  std::string WithNames(std::string_view line);
  void LearnNames();

  GossipNetwork& network_;
  base::SteadyTime start_;
  base::SteadyTime now_;  // of the event that is being told
  base::WallTime wall_start_;
  std::vector<Watched> watched_;
  std::uint32_t last_process_ = 0;  // whose event was the last one
  std::unique_ptr<Kinds> shown_;    // null: all
  std::map<std::string, std::size_t> counts_;
  std::map<std::string, std::string> names_;       // by the short form of the PKI-ID
  std::map<std::string, std::size_t> identities_;  // of each host
  std::map<std::uint64_t, std::size_t> nonces_;
  std::string text_;
};

}  // namespace grapevine::simulation

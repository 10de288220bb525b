#include "simulation/transcript.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "wire/envelope.h"
#include "wire/tag.h"

namespace grapevine::simulation {
namespace {

constexpr std::size_t kShortDigits = 8;  // of PkiId::Short

std::string PullKind(wire::PullType type) {
  switch (type) {
    case wire::PullType::kBlock:
      return " block";
    case wire::PullType::kIdentity:
      return " identity";
    default:
      return " undefined";
  }
}

std::string KindOf(const wire::Message& message) {
  std::string kind = wire::TypeName(message.content);
  if (wire::IsPullMessage(message)) kind += PullKind(wire::PullTypeOf(message));
  return kind;
}

// The value of a label in a counter's name.
std::string LabelOf(const std::string& counter, const std::string& label) {
  const std::size_t at = counter.find(label + "=\"");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + label.size() + 2;
  return counter.substr(begin, counter.find('"', begin) - begin);
}

// Refused because it says nothing new: too frequent to be listed.
bool IsNothingNew(const std::string& counter) {
  static const std::set<std::string> kReasons = {"duplicate", "older", "own", "known"};
  return counter.ends_with("_duplicates") || kReasons.contains(LabelOf(counter, "reason"));
}

// What a counter says of a decision; empty: nothing.
std::string DecisionOf(const std::string& counter) {
  if (counter == "gossip_channel_repair_fetches") return "repair asks for missing blocks";
  if (counter == "gossip_channel_repair_given_up") return "repair has nobody left to ask";
  if (counter == "gossip_identities_learned") return "learns an identity";
  if (!counter.contains("_refused{")) return {};
  return fmt::format("refuses {}: {}", LabelOf(counter, "type"), LabelOf(counter, "reason"));
}

std::string Joined(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

}  // namespace

// What one node logs.
class Transcript::Sink final : public base::LogSink {
 public:
  Sink(Transcript& transcript, const GossipPeer& peer) : transcript_(transcript), peer_(peer) {}
  bool Enabled(base::LogLevel, std::string_view) const override { return true; }
  void Write(base::LogLevel, std::string_view, std::string_view line) override {
    transcript_.Line(peer_.name(), transcript_.WithNames(line));
  }

 private:
  Transcript& transcript_;
  const GossipPeer& peer_;
};

Transcript::Transcript(GossipNetwork& network)
    : network_(network),
      start_(network.scheduler().Now()),
      now_(start_),
      wall_start_(network.peer(0).host().executor().WallNow() - network.peer(0).host().options().wall_offset) {
  for (std::size_t i = 0; i < network.size(); ++i) Watch(i);
  network_.scheduler().OnEvent([this](const TraceEvent& event) { BeforeEvent(event); });
  network_.network().Observe([this](const Host& from, const Host& to, const base::Bytes& message, bool arrives) {
    Message(from, to, message, arrives);
  });
}

Transcript::~Transcript() {
  network_.scheduler().OnEvent({});
  network_.network().Observe({});
  for (Watched& watched : watched_) {
    watched.peer->OnBlock({});
    if (watched.peer->running()) watched.peer->Stop();
    watched.peer->host().SetLog(nullptr);
  }
}

void Transcript::Watch(std::size_t index) {
  GossipPeer& peer = network_.peer(index);
  watched_.push_back({.peer = &peer, .sink = std::make_unique<Sink>(*this, peer), .counters = {}});
  peer.host().SetLog(watched_.back().sink.get());
  peer.OnBlock([this](GossipPeer& at, const std::string&, std::uint64_t number) {
    Line(at.name(), fmt::format("commits block {}", number));
  });
}

void Transcript::Heading(std::string_view text) {
  for (Watched& watched : watched_) LookAtCounters(watched);
  now_ = network_.scheduler().Now();
  FlushCounts();
  text_ += fmt::format("{}# {}\n", text_.empty() ? "" : "\n", text);
}

std::string Transcript::Finish() {
  for (Watched& watched : watched_) LookAtCounters(watched);
  now_ = network_.scheduler().Now();
  FlushCounts();
  return text_;
}

void Transcript::FlushCounts() {
  if (counts_.empty()) return;
  std::vector<std::string> parts;
  for (const auto& [kind, count] : std::exchange(counts_, {})) parts.push_back(fmt::format("{} x{}", kind, count));
  text_ += fmt::format("           not listed: {}\n", Joined(parts));
}

void Transcript::Line(const std::string& who, const std::string& text) {
  const auto tenths = std::chrono::duration_cast<std::chrono::microseconds>(now_ - start_).count() / 100;
  text_ += fmt::format("{:>7}.{} {:<14} {}\n", tenths / 10, tenths % 10, who, text);
}

// ---- Decisions

// Before each event the counters of the node whose event was the last one are compared with what they were.
void Transcript::BeforeEvent(const TraceEvent& event) {
  for (Watched& watched : watched_) {
    if (!watched.peer->running()) {
      watched.counters.clear();  // a new process counts from zero
    } else if (watched.peer->host().id() == last_process_) {
      LookAtCounters(watched);
    }
  }
  last_process_ = event.process;
  now_ = event.time;
}

void Transcript::LookAtCounters(Watched& watched) {
  if (!watched.peer->running()) return;
  auto now = watched.peer->host().metrics().Snapshot();
  for (const auto& [counter, value] : now) {
    const std::int64_t more = value - watched.counters[counter];
    if (more <= 0) continue;
    if (IsNothingNew(counter)) {
      counts_["(nothing new)"] += static_cast<std::size_t>(more);
    } else if (const std::string decision = DecisionOf(counter); !decision.empty()) {
      Line(watched.peer->name(), more == 1 ? decision : fmt::format("{} ({} times)", decision, more));
    }
  }
  watched.counters = std::move(now);
}

// ---- Messages

void Transcript::Message(const Host& from, const Host& to, const base::Bytes& bytes, bool arrives) {
  const std::string who = fmt::format("{} -> {}", from.name(), to.name());
  const auto envelope = wire::Envelope::Decode(bytes);
  const auto message = envelope ? wire::DecodeMessage(envelope->payload()) : std::unexpected(envelope.error());
  if (!message) return Line(who, fmt::format("{} bytes that are no message", bytes.size()));
  const std::string kind = KindOf(*message);
  const std::string lost = arrives ? "" : " (nobody there)";
  if (shown_ != nullptr && !shown_->contains(kind)) {
    ++counts_[kind + lost];
    return;
  }
  Line(who, kind + Describe(*envelope, *message) + lost);
}

std::string Transcript::Describe(const wire::Envelope& envelope, const wire::Message& message) {
  if (wire::IsPullMessage(message)) return DescribePull(message);
  if (const auto* conn = message.As<wire::ConnEstablish>()) return conn->probe ? ", probe" : "";
  if (message.As<wire::AliveMessage>() != nullptr) return " of " + Alive(envelope);
  if (message.As<wire::StateInfo>() != nullptr) return " of " + StateInfo(envelope);
  if (const auto* data = message.As<wire::DataMessage>()) return fmt::format(" block {}", data->payload.number);
  if (const auto* request = message.As<wire::MembershipRequest>()) {
    return fmt::format("{} by {}", Nonce(message.nonce), Alive(request->self_information));
  }
  std::vector<std::string> parts;
  if (const auto* response = message.As<wire::MembershipResponse>()) {
    for (const wire::Envelope& alive : response->alive) parts.push_back(Alive(alive));
    for (const wire::Envelope& dead : response->dead) parts.push_back("dead: " + Alive(dead));
    return fmt::format("{}: {}", Nonce(message.nonce), Joined(parts));
  }
  if (const auto* snapshot = message.As<wire::StateInfoSnapshot>()) {
    for (const wire::Envelope& element : snapshot->elements) parts.push_back(StateInfo(element));
    return ": " + Joined(parts);
  }
  return "";
}

std::string Transcript::DescribePull(const wire::Message& message) {
  const bool blocks = wire::PullTypeOf(message) == wire::PullType::kBlock;
  std::uint64_t nonce = 0;
  std::vector<std::string> items;
  const auto add_ids = [&](const auto& list) {
    nonce = list.nonce;
    for (const base::Bytes& id : list.digests) {
      const auto pki_id = wire::PkiId::From(id.view());
      items.push_back(!blocks && pki_id ? NameOf(*pki_id) : std::string(id.view()));
    }
  };
  if (const auto* hello = message.As<wire::PullHello>()) return Nonce(hello->nonce);
  if (const auto* digest = message.As<wire::PullDigest>()) add_ids(*digest);
  if (const auto* request = message.As<wire::PullRequest>()) add_ids(*request);
  if (const auto* update = message.As<wire::PullUpdate>()) {
    nonce = update->nonce;
    for (const wire::Envelope& item : update->data) {
      const auto decoded = wire::DecodeMessage(item.payload());
      const auto* data = decoded ? decoded->As<wire::DataMessage>() : nullptr;
      const auto* identity = decoded ? decoded->As<wire::PeerIdentity>() : nullptr;
      if (data != nullptr) items.push_back(std::to_string(data->payload.number));
      if (identity != nullptr) items.push_back(NameOf(identity->pki_id));
    }
  }
  return fmt::format("{}: {}", Nonce(nonce), items.empty() ? "nothing" : Joined(items));
}

std::string Transcript::Alive(const wire::Envelope& envelope) {
  const auto message = wire::DecodeMessage(envelope.payload());
  const auto* alive = message ? message->As<wire::AliveMessage>() : nullptr;
  if (alive == nullptr) return "?";
  return fmt::format("{} {}/{}{}{}", NameOf(alive->membership.pki_id), SinceStart(alive->timestamp.incarnation),
                     alive->timestamp.sequence, alive->identity.empty() ? "" : " +identity",
                     envelope.secret() ? " +internal" : "");
}

std::string Transcript::StateInfo(const wire::Envelope& envelope) {
  const auto message = wire::DecodeMessage(envelope.payload());
  const auto* info = message ? message->As<wire::StateInfo>() : nullptr;
  if (info == nullptr) return "?";
  const wire::Properties properties = info->properties.value_or(wire::Properties());
  return fmt::format("{} {}/{} height {}{}", NameOf(info->pki_id), SinceStart(info->timestamp.incarnation),
                     SinceStart(info->timestamp.sequence), properties.ledger_height,
                     properties.left_channel ? " left" : "");
}

// Of a wall clock in nanoseconds, in milliseconds.
std::int64_t Transcript::SinceStart(std::uint64_t wall) const {
  return (static_cast<std::int64_t>(wall) - wall_start_.time_since_epoch().count()) / 1'000'000;
}

std::string Transcript::Nonce(std::uint64_t nonce) {
  if (nonce == 0) return {};
  return fmt::format(" #{}", nonces_.emplace(nonce, nonces_.size() + 1).first->second);
}

// ---- Names

// A host that comes back with another certificate is another peer, and gets a number.
void Transcript::LearnNames() {
  for (const Watched& watched : watched_) {
    const std::string id = watched.peer->pki_id().Short();
    if (names_.contains(id)) continue;
    const std::size_t count = ++identities_[watched.peer->name()];
    names_[id] = count == 1 ? watched.peer->name() : fmt::format("{}({})", watched.peer->name(), count);
  }
}

std::string Transcript::NameOf(const wire::PkiId& pki_id) {
  LearnNames();
  const auto found = names_.find(pki_id.Short());
  return found == names_.end() ? pki_id.Short() : found->second;
}

// Every short PKI-ID replaced.
std::string Transcript::WithNames(std::string_view line) {
  LearnNames();
  std::string result;
  for (std::size_t at = 0; at < line.size();) {
    const auto found = names_.find(std::string(line.substr(at, kShortDigits)));
    result += found == names_.end() ? std::string(1, line[at]) : found->second;
    at += found == names_.end() ? 1 : kShortDigits;
  }
  return result;
}

}  // namespace grapevine::simulation

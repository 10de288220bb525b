// Every message type with every field missing, empty, zero, too large, doubled, or somebody else's, with wrong tags and
// channels, unsigned and wrongly signed: what a whole node makes of it. The table bad_input.txt beside this file is the
// result: a line per message, with the counters that moved, what changed in the node, and what it sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gossip/message.pb.h"
#include "simulation/adversary.h"
#include "simulation/gossip_network.h"
#include "wire/tag.h"

namespace grapevine::scenarios {
namespace {

using namespace std::chrono_literals;
using simulation::Adversary;
using simulation::Authority;
using simulation::GossipNetwork;
using simulation::GossipNetworkOptions;

constexpr std::size_t kHuge = 70000;  // bytes

// Nothing happens by itself once the network has formed, so that whatever happens is an answer to the message.
GossipNetworkOptions Quiet() {
  GossipNetworkOptions options;
  options.peers = {2};
  options.gossip.membership.alive_interval = 1h;
  options.gossip.membership.alive_expiration = 5h;
  options.gossip.membership.reconnect_interval = 1h;
  options.gossip.membership.sync_interval = 1h;
  options.gossip.identity_exchange.pull.pull_interval = 1h;
  options.gossip.channel.pull.pull_interval = 1h;
  options.gossip.channel.request_state_info_interval = 1h;
  options.gossip.router.push = gossip::PushKind::kRandom;  // everybody passes on; in a tree that depends on the message
  return options;
}

const char* NameOf(const wire::Envelope& envelope) {
  const auto message = wire::DecodeMessage(envelope.payload());
  return message ? wire::TypeName(message->content) : "undecodable";
}

// A node, another one, and the sender of the message, who is a member of their organisation and channel like them.
class Site {
 public:
  Site()
      : network_(1, Quiet()),
        sender_(network_.world(), network_.authority(), "mallory", network_.authority().Issue("Org1MSP", "mallory")),
        stranger_(network_.authority().Issue("Org1MSP", "stranger")) {
    network_.StartAll();
    network_.RunFor(10s);
    const auto alive = sender_.Signed(wire::NewMessage(sender_.Alive(Clock(), 1)));
    sender_.Send(node(), wire::NewMessage(wire::MembershipRequest{alive}));
    network_.RunFor(1s);
    sender_.Send(node(), sender_.Signed(wire::NewMessage(sender_.StateInfo(network_.channel(), Clock(), 1, 1))));
    network_.PublishAt(0);
    network_.RunFor(5s);
    sender_.Forget();
    delivered_ = node().gossip().AcceptUnvalidated("test", [](const comm::ReceivedMessage& received) {
      return wire::IsRemoteStateMessage(received.message()) || wire::IsPrivateDataMessage(received.message());
    });
    validated_ = node().gossip().Accept("test", [](const comm::ReceivedMessage& received) {
      return received.message().As<wire::LeadershipMessage>() != nullptr;
    });
    counters_ = node().host().metrics().Snapshot();
    state_ = State();
  }

  GossipNetwork& network() { return network_; }
  Adversary& sender() { return sender_; }
  const base::Bytes& stranger() const { return stranger_; }
  std::uint64_t Clock() {
    return static_cast<std::uint64_t>(sender_.host().environment().executor.WallNow().time_since_epoch().count());
  }

  // What happens when the node gets `encoded`. Refusals, separated by commas; "; " and effects.
  std::string Deliver(base::Bytes encoded) {
    // The sender's stack would not send what is no envelope; as a hostile one does, the bytes go as they are.
    const auto envelope = wire::Envelope::Decode(encoded);
    if (!envelope) return "(not sent)";
    sender_.Send(node(), *envelope);
    network_.RunFor(500ms);
    std::vector<std::string> reasons;
    for (const auto& [name, value] : node().host().metrics().Snapshot()) {
      if (!IsRefusal(name) || value == counters_[name]) continue;
      reasons.push_back(Short(name) +
                        (value - counters_[name] > 1 ? " x" + std::to_string(value - counters_[name]) : ""));
    }
    std::string outcome;
    const auto add = [&](const std::string& text) { outcome += (outcome.empty() ? "" : ", ") + text; };
    for (const auto& reason : reasons) add(reason);
    for (const auto& [what, now] : State()) {
      if (now == state_[what]) continue;
      add("changes " + what);
    }
    if (delivered_.queued() > 0) add("left to its subscriber");
    if (validated_.queued() > 0) add("reaches local subscribers");
    for (const auto& [name, value] : node().host().metrics().Snapshot()) {
      if (name.starts_with("gossip_pushes{") && value != counters_[name]) add("passes on " + TypeIn(name));
    }
    std::set<std::string> sent;
    for (const auto& [from, message] : sender_.overheard()) sent.insert(NameOf(message));
    for (const auto& type : sent) add("sends " + type);
    return outcome;
  }

 private:
  simulation::GossipPeer& node() { return network_.peer(0); }

  static bool IsRefusal(const std::string& name) {
    return name.find("refused") != std::string::npos || name.find("dropped") != std::string::npos ||
           name.find("duplicates") != std::string::npos || name.find("ignored") != std::string::npos;
  }

  static std::string TypeIn(const std::string& name) {
    const auto begin = name.find('"') + 1;
    return name.substr(begin, name.find('"', begin) - begin);
  }

  // gossip_membership_refused{reason="unsigned",type="alive"} -> membership: alive unsigned
  static std::string Short(const std::string& name) {
    std::string room = name.substr(0, name.find('{'));
    for (const std::string cut : {"gossip_", "_refused", "_dropped_messages"}) {
      if (const auto at = room.find(cut); at != std::string::npos) room.erase(at, cut.size());
    }
    std::map<std::string, std::string> labels;
    for (std::size_t at = name.find('{'); at != std::string::npos && at + 1 < name.size();) {
      const std::size_t equals = name.find("=\"", at + 1);
      if (equals == std::string::npos) break;
      const std::size_t end = name.find('"', equals + 2);
      labels[name.substr(at + 1, equals - at - 1)] = name.substr(equals + 2, end - equals - 2);
      at = end + 1;
    }
    std::string text = room;
    if (labels.contains("type")) text += " " + labels["type"];
    if (labels.contains("reason")) text += ": " + labels["reason"];
    return text;
  }

  // What a message may change, by name.
  std::map<std::string, std::string> State() {
    auto& gossip = node().gossip();
    auto* channel = gossip.FindChannel(network_.channel());
    const auto sizes = gossip.membership().sizes();
    const auto time = [](const wire::PeerTime& at) {
      return std::to_string(at.incarnation) + "." + std::to_string(at.sequence);
    };
    const auto member = gossip.membership().Lookup(sender_.pki_id());
    const auto* info = channel->state_infos().Find(sender_.pki_id());
    return {{"the alive", std::to_string(sizes.alive)},
            {"the dead", std::to_string(sizes.dead)},
            {"the sender's alive message", member ? time(member->timestamp) : ""},
            {"the sender's state info", info != nullptr ? time(info->timestamp) : ""},
            {"the other peer", network_.AliveAt(0).contains(1) ? "" : "lost"},
            {"the channel's members", std::to_string(channel->Members().size())},
            {"stored identities", std::to_string(gossip.identity_exchange().stored())},
            {"stored blocks", std::to_string(channel->blocks().stored())},
            {"the chain", std::to_string(node().height(network_.channel()))},
            {"streams", std::to_string(gossip.comm().Peer(sender_.pki_id()) ? 1 : 0)}};
  }

  GossipNetwork network_;
  Adversary sender_;
  base::Bytes stranger_;
  comm::AcceptedMessages delivered_;  // not gossip's business: state transfer, private data
  comm::AcceptedMessages validated_;
  std::map<std::string, std::int64_t> counters_;
  std::map<std::string, std::string> state_;
};

// One good message of each type, in the order of the schema. The site decides what is good at that moment.
std::vector<wire::Message> GoodMessages(Site& site) {
  auto& network = site.network();
  Adversary& sender = site.sender();
  const std::string& channel = network.channel();
  wire::AliveMessage alive = sender.Alive(site.Clock(), 2);
  alive.identity = sender.identity();
  alive.membership.metadata = base::Bytes(std::string("metadata"));
  wire::AliveMessage other = alive;
  other.identity = site.stranger();
  other.membership.pki_id = *Authority::PkiIdOf(site.stranger());
  const base::Bytes other_payload = wire::EncodeMessage(wire::NewMessage(other));
  const auto of_other = wire::Envelope::Make(other_payload, network.authority().Sign(site.stranger(), other_payload));
  const wire::StateInfo info = sender.StateInfo(channel, site.Clock(), 2, 2);
  const wire::PrivateDataDigest digest{
      .tx_id = "tx", .chaincode = "cc", .collection = "coll", .block = 1, .tx_in_block = 1};
  const std::vector<base::Bytes> ids = {base::Bytes::Copy(network.peer(0).pki_id().view())};
  const std::uint64_t number = network.chain_height();
  const wire::BlockPayload block{.number = number, .block = network.NextBlock()};
  constexpr auto kIdentity = wire::PullType::kIdentity;
  const wire::PeerIdentity identity{
      .pki_id = sender.pki_id(), .identity = sender.identity(), .metadata = base::Bytes(std::string("m"))};
  return {
      wire::NewMessage(alive),
      wire::NewMessage(wire::MembershipRequest{sender.Signed(wire::NewMessage(alive))}, {}, 5),
      wire::NewMessage(wire::MembershipResponse{.alive = {sender.Signed(wire::NewMessage(alive))}, .dead = {of_other}},
                       {}, 5),
      wire::NewMessage(wire::DataMessage{block}, channel),
      wire::NewMessage(wire::PullHello{.nonce = 6, .type = kIdentity}),
      wire::NewMessage(wire::PullDigest{.nonce = 6, .digests = ids, .type = kIdentity}),
      wire::NewMessage(wire::PullRequest{.nonce = 6, .digests = ids, .type = kIdentity}),
      wire::NewMessage(
          wire::PullUpdate{.nonce = 6, .data = {sender.Signed(wire::NewMessage(identity))}, .type = kIdentity}),
      wire::NewMessage(wire::Empty{}),
      wire::NewMessage(wire::ConnEstablish{.pki_id = sender.pki_id(),
                                           .identity = sender.identity(),
                                           .tls_cert_hash = base::Bytes(std::string(32, 'h')),
                                           .probe = false}),
      wire::NewMessage(info),
      wire::NewMessage(wire::StateInfoSnapshot{{sender.Signed(wire::NewMessage(info))}}, channel),
      wire::NewMessage(wire::StateInfoPullRequest{info.channel_mac}),
      wire::NewMessage(wire::StateRequest{.start = 1, .end = 2}, channel),
      wire::NewMessage(wire::StateResponse{{block}}, channel, 7),
      wire::NewMessage(
          wire::LeadershipMessage{.pki_id = sender.pki_id(), .timestamp = {site.Clock(), 1}, .is_declaration = true},
          channel),
      wire::NewMessage(identity),
      wire::NewMessage(wire::Acknowledgement{"error"}, {}, 8),
      wire::NewMessage(wire::PrivateDataRequest{{digest}}, channel, 9),
      wire::NewMessage(wire::PrivateDataResponse{{{.digest = digest, .rwsets = {base::Bytes(std::string("rw"))}}}},
                       channel, 9),
      wire::NewMessage(wire::PrivateDataMessage{.collection = "coll",
                                                .chaincode = "cc",
                                                .tx_id = "tx",
                                                .rwset = base::Bytes(std::string("rw")),
                                                .simulation_height = 1,
                                                .collection_configs = {}},
                       channel, 9)};
}

bool IsSigned(const wire::Message& message) {
  return message.As<wire::AliveMessage>() != nullptr || message.As<wire::StateInfo>() != nullptr ||
         message.As<wire::LeadershipMessage>() != nullptr || message.As<wire::PeerIdentity>() != nullptr;
}

// Changes one thing after the other, field by field and depth first. `emit` is told after each change.
class Mutator {
 public:
  using Emit = std::function<void(const std::string& what)>;

  Mutator(std::string of_another, Emit emit) : of_another_(std::move(of_another)), emit_(std::move(emit)) {}

  void Mutate(google::protobuf::Message& at, const std::string& path) {
    const std::unique_ptr<google::protobuf::Message> saved(at.New());
    saved->CopyFrom(at);
    for (int i = 0; i < at.GetDescriptor()->field_count(); ++i) {
      const auto* field = at.GetDescriptor()->field(i);
      const auto change = [&](const std::string& what, const auto& apply) {
        apply();
        emit_(path + field->name() + " " + what);
        at.CopyFrom(*saved);
      };
      if (field->is_repeated()) {
        Repeated(at, *field, path, change);
      } else {
        Single(at, *field, path, change);
      }
    }
  }

 private:
  using Field = google::protobuf::FieldDescriptor;

  void Repeated(google::protobuf::Message& at, const Field& field, const std::string& path, const auto& change) {
    const auto* reflection = at.GetReflection();
    if (reflection->FieldSize(at, &field) == 0) return;
    change("absent", [&] { reflection->ClearField(&at, &field); });
    if (field.type() == Field::TYPE_MESSAGE) {
      change("twice",
             [&] { reflection->AddMessage(&at, &field)->CopyFrom(reflection->GetRepeatedMessage(at, &field, 0)); });
      change("with an empty element", [&] { reflection->AddMessage(&at, &field); });
      Mutate(*reflection->MutableRepeatedMessage(&at, &field, 0), path + field.name() + "[0].");
    } else {
      change("twice", [&] { reflection->AddString(&at, &field, reflection->GetRepeatedString(at, &field, 0)); });
      change("with an empty element", [&] { reflection->AddString(&at, &field, ""); });
      change("huge", [&] { reflection->SetRepeatedString(&at, &field, 0, std::string(kHuge, 'x')); });
    }
  }

  void Single(google::protobuf::Message& at, const Field& field, const std::string& path, const auto& change) {
    const auto* reflection = at.GetReflection();
    switch (field.type()) {
      case Field::TYPE_MESSAGE:
        if (!reflection->HasField(at, &field)) return;
        change("absent", [&] { reflection->ClearField(&at, &field); });
        change("empty", [&] { reflection->MutableMessage(&at, &field)->Clear(); });
        return Mutate(*reflection->MutableMessage(&at, &field), path + field.name() + ".");
      case Field::TYPE_ENUM:
        for (const int value : {0, 1, 2, 3, 4, 5, 99}) {
          if (value == reflection->GetEnumValue(at, &field)) continue;
          change(std::to_string(value), [&] { reflection->SetEnumValue(&at, &field, value); });
        }
        return;
      case Field::TYPE_BOOL:
        return change("flipped", [&] { reflection->SetBool(&at, &field, !reflection->GetBool(at, &field)); });
      case Field::TYPE_UINT64:
        if (reflection->GetUInt64(at, &field) != 0) {
          change("zero", [&] { reflection->ClearField(&at, &field); });
        }
        return change("huge", [&] { reflection->SetUInt64(&at, &field, UINT64_MAX); });
      case Field::TYPE_BYTES:
      case Field::TYPE_STRING: {
        const std::string value = reflection->GetString(at, &field);
        if (!value.empty()) change("absent", [&] { reflection->ClearField(&at, &field); });
        change("huge", [&] { reflection->SetString(&at, &field, std::string(kHuge, 'x')); });
        // PKI-IDs, and what is as long as they are.
        if (value.size() == of_another_.size()) {
          change("of another", [&] { reflection->SetString(&at, &field, of_another_); });
        }
        return;
      }
      default:
        FAIL() << "no mutation is written for field " << field.full_name();
    }
  }

  std::string of_another_;
  Emit emit_;
};

struct Case {
  std::string type;
  std::string what;
  base::Bytes payload;
  // Empty: none. Otherwise the sender signs, or the signature is of another message.
  enum class Signature { kNone, kGood, kOfAnotherMessage } signature;
};

// Acknowledgements that nobody waits for, and lists without elements, leave no trace.
constexpr char kNothing[] = "nothing";

// Every mutation of a good message of type `index`. The message is made by a site that behaves as every other does.
std::vector<Case> CasesOf(Site& site, std::size_t index) {
  using Signature = Case::Signature;
  const wire::Message good = GoodMessages(site)[index];
  const Signature usual = IsSigned(good) ? Signature::kGood : Signature::kNone;
  const base::Bytes payload = wire::EncodeMessage(good);
  const std::string text(payload.view());
  const std::string type = wire::TypeName(good.content);
  std::vector<Case> cases = {
      {type, "as it should be", payload, usual},
      {type, IsSigned(good) ? "not signed" : "signed", payload, IsSigned(good) ? Signature::kNone : Signature::kGood},
      {type, "with another message's signature", payload, Signature::kOfAnotherMessage},
      {type, "everything twice", base::Bytes(text + text), usual},
      {type, "truncated", base::Bytes(text.substr(0, text.size() - 1)), usual},
      {type, "without payload", base::Bytes(), usual}};
  ::gossip::GossipMessage message;
  EXPECT_TRUE(message.ParseFromString(text));
  Mutator mutator(std::string(site.network().peer(1).pki_id().view()), [&](const std::string& what) {
    cases.push_back({type, what, base::Bytes(message.SerializeAsString()), usual});
  });
  mutator.Mutate(message, "");
  return cases;
}

std::string Try(const Case& tried) {
  Site site;
  std::string signature;
  if (tried.signature != Case::Signature::kNone) {
    const bool good = tried.signature == Case::Signature::kGood;
    const base::Bytes what = good ? tried.payload : base::Bytes(std::string("another"));
    signature = site.network().authority().Sign(site.sender().identity(), what).view();
  }
  const std::string outcome = site.Deliver(wire::Envelope::Make(tried.payload, signature).encoded());
  const bool may_be_nothing = tried.type == "ack" || tried.what.ends_with(" empty") || tried.what.ends_with(" absent");
  EXPECT_TRUE(!outcome.empty() || may_be_nothing) << tried.what << ": neither refused nor taken";
  EXPECT_EQ(outcome.find("the other peer"), std::string::npos) << tried.what;
  return outcome.empty() ? kNothing : outcome;
}

std::string Golden() {
  std::ifstream file(std::string(GRAPEVINE_SOURCE_DIR) + "/tests/scenarios/bad_input.txt", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// GRAPEVINE_UPDATE_TABLES=1 in the environment writes the table instead of comparing it.
TEST(BadInput, EveryMessageIsRefusedForTheReasonInTheTable) {
  Site site;
  std::string table;
  const std::size_t types = GoodMessages(site).size();
  ASSERT_EQ(types, std::variant_size_v<wire::Content>);
  for (std::size_t index = 0; index < types; ++index) {
    Site source;
    for (const Case& tried : CasesOf(source, index)) {
      SCOPED_TRACE(tried.type);
      table += tried.type + " | " + tried.what + " | " + Try(tried) + "\n";
    }
  }
  if (const char* update = std::getenv("GRAPEVINE_UPDATE_TABLES"); update != nullptr && *update == '1') {
    std::ofstream(std::string(GRAPEVINE_SOURCE_DIR) + "/tests/scenarios/bad_input.txt", std::ios::binary) << table;
    return;
  }
  EXPECT_THAT(LinesOf(table), ::testing::ElementsAreArray(LinesOf(Golden())));
}

}  // namespace
}  // namespace grapevine::scenarios

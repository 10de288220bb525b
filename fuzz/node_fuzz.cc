// A network of three honest nodes in two organisations and a hostile peer that does what the input says: which messages
// it sends to whom, how they differ from real ones, and how much virtual time passes in between. Afterwards the honest
// ones must see each other, receive blocks, and hold no more than their bounds.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "simulation/adversary.h"
#include "simulation/gossip_network.h"

namespace {

using namespace std::chrono_literals;
using namespace grapevine;
using simulation::Adversary;
using simulation::GossipNetwork;

constexpr std::size_t kMaxActions = 64;

// Decisions, from the beginning of the input on; zeros at its end.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  bool empty() const { return at_ == size_; }
  std::uint8_t Byte() { return at_ < size_ ? data_[at_++] : 0; }
  std::size_t Below(std::size_t bound) { return Byte() % bound; }
  // Small numbers, the greatest ones, and what is near the present.
  std::uint64_t Number(std::uint64_t now) {
    switch (Below(4)) {
      case 0:
        return Byte();
      case 1:
        return UINT64_MAX - Byte();
      case 2:
        return now + Byte();
      default:
        return now - Byte();
    }
  }
  std::string Text() {
    std::string text(Below(40), '\0');
    for (char& c : text) c = static_cast<char>(Byte());
    return text;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

class Attack {
 public:
  explicit Attack(Choices choices)
      : choices_(choices),
        network_(1, {.peers = {2, 1}}),
        adversary_(network_.world(), network_.authority(), "mallory",
                   network_.authority().Issue(choices_.Below(2) == 0 ? "Org1MSP" : "Org2MSP", "mallory")) {
    network_.StartAll();
    const auto formed = [this] { return network_.ViewsComplete() && network_.ChannelViewsComplete(); };
    Require(network_.RunUntil(formed, 30s), "the network forms");
    adversary_.Send(
        network_.peer(0),
        wire::NewMessage(wire::MembershipRequest{adversary_.Signed(wire::NewMessage(adversary_.Alive(Clock(), 1)))}));
    network_.RunFor(500ms);
  }

  void Run() {
    const bool wait_for_expiry = choices_.Below(8) == 0;  // costs more than all the rest
    for (std::size_t i = 0; i < kMaxActions && !choices_.empty(); ++i) Act();
    adversary_.host().SetReadInterval({});
    network_.RunFor(500ms);
    CheckNodes();
    const std::uint64_t number = network_.chain_height();
    const base::Bytes block = network_.NextBlock();
    for (const std::size_t leader : {0, 2}) network_.peer(leader).Publish(network_.channel(), number, block);
    network_.RunFor(1s);
    Require(network_.AllHave(network_.chain_height()), "a block reaches everybody");
    if (!wait_for_expiry) return;
    adversary_.Disappear();
    network_.RunFor(30s);
    CheckNodes();
    Require(network_.ViewsComplete(), "only the honest are left");
  }

 private:
  std::uint64_t Clock() {
    return static_cast<std::uint64_t>(adversary_.host().environment().executor.WallNow().time_since_epoch().count());
  }
  simulation::GossipPeer& Target() { return network_.peer(choices_.Below(network_.size())); }

  void CheckNodes() {
    for (std::size_t i = 0; i < network_.size(); ++i) {
      const auto alive = network_.AliveAt(i);
      Require(alive.size() == network_.size() - 1, "the honest see each other");
      Require(network_.ChannelMembersAt(i).size() == network_.size() - 1, "also in the channel");
      auto& gossip = network_.peer(i).gossip();
      auto* channel = gossip.FindChannel(network_.channel());
      Require(gossip.Peers().size() <= network_.size(), "nobody but the hostile peer joins");
      Require(gossip.membership().sizes().dead <= 1, "no invented dead");
      Require(gossip.identities().List().size() <= network_.size() + 1, "no invented identities");
      Require(gossip.identity_exchange().stored() <= network_.size() + 1, "no invented stored identities");
      Require(channel->state_infos().size() <= network_.size() + 1, "no invented state infos");
      Require(channel->blocks().stored() <= 1, "no invented blocks");
    }
  }

  void Act() {
    switch (choices_.Below(8)) {
      case 0:
        return network_.RunFor(std::chrono::milliseconds(choices_.Byte() * 4));
      case 1:
        return choices_.Below(2) == 0 ? adversary_.host().StopReading() : adversary_.host().SetReadInterval({});
      case 2:
        return Replay();
      case 3:
        return Mutate();
      default:
        return Say();
    }
  }

  // What was heard, as it was.
  void Replay() {
    if (adversary_.overheard().empty()) return;
    adversary_.Send(Target(), adversary_.overheard()[choices_.Below(adversary_.overheard().size())].envelope);
  }

  // What was heard, with some bytes changed, signed by the wrong one or not at all.
  void Mutate() {
    if (adversary_.overheard().empty()) return;
    const auto& envelope = adversary_.overheard()[choices_.Below(adversary_.overheard().size())].envelope;
    std::string payload(envelope.payload().view());
    for (std::size_t i = choices_.Below(4) + 1; i > 0 && !payload.empty(); --i) {
      payload[(choices_.Byte() * 256U + choices_.Byte()) % payload.size()] = static_cast<char>(choices_.Byte());
    }
    SignAndSend(base::Bytes(payload), envelope.signature());
  }

  void SignAndSend(const base::Bytes& payload, base::ByteView other_signature) {
    switch (choices_.Below(3)) {
      case 0:
        return adversary_.Send(Target(), wire::Envelope::Make(payload));
      case 1:
        return adversary_.Send(Target(), wire::Envelope::Make(payload, other_signature));
      default:
        return adversary_.Send(
            Target(), wire::Envelope::Make(payload, network_.authority().Sign(adversary_.identity(), payload)));
    }
  }

  wire::PkiId Somebody() {
    const std::size_t who = choices_.Below(network_.size() + 2);
    if (who < network_.size()) return network_.peer(who).pki_id();
    return who == network_.size() ? adversary_.pki_id() : *wire::PkiId::From(std::string(32, 'x'));
  }

  wire::Envelope Element() {
    const std::size_t kind = choices_.Below(4);
    if (kind == 0 && !adversary_.overheard().empty()) {
      return adversary_.overheard()[choices_.Below(adversary_.overheard().size())].envelope;
    }
    if (kind == 1) return adversary_.Signed(wire::NewMessage(State(), {}));
    if (kind == 2) return wire::Envelope::Make(choices_.Text(), choices_.Text());
    return adversary_.Signed(wire::NewMessage(Alive()));
  }
  std::vector<wire::Envelope> Elements() {
    std::vector<wire::Envelope> elements;
    for (std::size_t i = choices_.Below(5); i > 0; --i) elements.push_back(Element());
    return elements;
  }
  std::vector<base::Bytes> Ids() {
    std::vector<base::Bytes> ids;
    for (std::size_t i = choices_.Below(5); i > 0; --i) {
      ids.push_back(choices_.Below(2) == 0 ? base::Bytes::Copy(Somebody().view())
                                           : base::Bytes(std::to_string(choices_.Number(network_.chain_height()))));
    }
    return ids;
  }
  wire::AliveMessage Alive() {
    wire::AliveMessage alive = adversary_.Alive(choices_.Number(Clock()), choices_.Number(2));
    alive.membership.pki_id = Somebody();
    if (choices_.Below(4) == 0) alive.identity = network_.peer(choices_.Below(network_.size())).identity();
    if (choices_.Below(4) == 0) alive.membership.endpoint = network_.peer(0).endpoint();
    return alive;
  }
  wire::StateInfo State() {
    auto state = adversary_.StateInfo(network_.channel(), choices_.Number(Clock()), choices_.Number(2),
                                      choices_.Number(network_.chain_height()));
    if (choices_.Below(4) == 0) state.pki_id = Somebody();
    if (choices_.Below(4) == 0) state.channel_mac = base::Bytes(choices_.Text());
    if (choices_.Below(4) == 0) state.properties->left_channel = true;
    return state;
  }

  wire::Content Content() {
    const auto type = static_cast<wire::PullType>(choices_.Below(4));
    const std::uint64_t nonce = choices_.Byte();
    switch (choices_.Below(12)) {
      case 0:
        return Alive();
      case 1:
        return wire::MembershipRequest{Element()};
      case 2: {
        auto alive = Elements();
        return wire::MembershipResponse{.alive = std::move(alive), .dead = Elements()};
      }
      case 3:
        return wire::DataMessage{
            .payload = {.number = choices_.Number(network_.chain_height()), .block = base::Bytes(choices_.Text())}};
      case 4:
        return wire::PullHello{.nonce = nonce, .type = type};
      case 5:
        return wire::PullDigest{.nonce = nonce, .digests = Ids(), .type = type};
      case 6:
        return wire::PullRequest{.nonce = nonce, .digests = Ids(), .type = type};
      case 7:
        return wire::PullUpdate{.nonce = nonce, .data = Elements(), .type = type};
      case 8:
        return State();
      case 9:
        return wire::StateInfoSnapshot{Elements()};
      case 10:
        return wire::StateInfoPullRequest{State().channel_mac};
      default:
        return wire::LeadershipMessage{.pki_id = Somebody(),
                                       .timestamp = {choices_.Number(Clock()), choices_.Number(1)},
                                       .is_declaration = choices_.Below(2) == 0};
    }
  }

  void Say() {
    wire::Content content = Content();
    wire::Message message =
        wire::NewMessage(std::move(content), choices_.Below(4) == 0 ? std::string() : network_.channel());
    if (choices_.Below(8) == 0) message.tag = static_cast<wire::Tag>(choices_.Below(7));
    SignAndSend(wire::EncodeMessage(message), "signature");
  }

  Choices choices_;
  GossipNetwork network_;
  Adversary adversary_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Attack(Choices(data, size)).Run();
  return 0;
}

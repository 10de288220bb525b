// A node is fed what real Fabric peers sent, in order and at the recorded times, and must take it and answer it as the
// recorded Fabric peer did.
//
// The node has the identity of the peer that observed the recording, real cryptography and the recorded channel's
// configuration; its wall clock shows the time of the recording. Each recorded stream is played by a simulated host
// that dials the node, whoever dialled then. The host's TLS certificate is the one whose hash the recorded handshake
// message has signed, so that this message passes the node's checks as it is. Answers to the node's own hellos are the
// recorded digests and updates under the node's nonce, since nonces are the only thing in which they must differ.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "channel/gossip_service.h"
#include "crypto/hash.h"
#include "msp/fixture_network.h"
#include "msp/msp_message_crypto.h"
#include "msp/pem.h"
#include "simulation/world.h"
#include "support/fixtures.h"
#include "transcripts/recording.h"
#include "wire/tag.h"

namespace grapevine::transcripts {
namespace {

using namespace std::chrono_literals;
using simulation::Host;
using simulation::HostOptions;
using simulation::World;

constexpr char kChannel[] = "mychannel";

std::string OrganizationOf(const std::string& peer) { return peer.substr(peer.find('.') + 1); }
std::string MspIdOf(const std::string& peer) { return OrganizationOf(peer) == "org1" ? "Org1MSP" : "Org2MSP"; }

msp::LocalMsp LoadPeer(const std::string& peer, base::WallTime now) {
  const std::string domain = OrganizationOf(peer) + ".example.com";
  const auto folder = msp::ReadFixtureMspFolder("peerOrganizations/" + domain + "/peers/" + peer + ".example.com/msp");
  return msp::Value(msp::LoadLocalMsp(folder, MspIdOf(peer), msp::MspVersion::kV1_4_3, now));
}

// The DER of the fixtures' TLS certificate with this SHA-256.
std::string TlsCertificate(base::ByteView hash) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(testing::FixturePath("crypto"))) {
    if (entry.path().extension() != ".crt") continue;
    const auto relative = std::filesystem::relative(entry.path(), testing::FixturePath(""));
    const auto pem = msp::DecodePem(testing::ReadFixture(relative.string()));
    if (pem && crypto::Sha256(pem->content).view() == hash) return pem->content;
  }
  throw std::runtime_error("no TLS certificate has the hash that the handshake was made with");
}

// The id of a pulled item: a PKI-ID or a block number.
base::Bytes IdOf(const wire::Envelope& item) {
  const auto message = wire::DecodeMessage(item.payload());
  if (!message) return {};
  if (const auto* identity = message->As<wire::PeerIdentity>()) return base::Bytes::Copy(identity->pki_id.view());
  const auto* data = message->As<wire::DataMessage>();
  return data == nullptr ? base::Bytes() : base::Bytes(std::to_string(data->payload.number));
}

// A recorded remote: dials the node and speaks the recorded messages on one stream.
class Remote final : public base::StreamHandler {
 public:
  Remote(World& world, const std::string& name, const base::Endpoint& node, const RecordedMessage& conn)
      : host_(world.AddHost(name, OptionsFor(conn))), conn_(conn.envelope) {
    dial_ = host_.transport().Dial(node, 5s, [this](base::Result<std::unique_ptr<base::Connection>> connection) {
      if (!connection) return;
      connection_ = std::move(*connection);
      stream_ = connection_->Open("/gossip.Gossip/GossipStream", {});
      stream_->SetHandler(*this);
      stream_->Read(1000);
      stream_->Send(conn_.encoded());
    });
  }

  void Send(const wire::Envelope& envelope) {
    if (stream_ != nullptr && !ended_) stream_->Send(envelope.encoded());
  }
  // Digests and updates that the remote once sent, for when the node asks.
  void AddDigest(const wire::PullDigest& digest, const std::string& channel) { digests_[channel] = digest; }
  void AddUpdate(const wire::PullUpdate& update, const std::string& channel) {
    auto& data = updates_[channel];
    data.insert(data.end(), update.data.begin(), update.data.end());
  }

  const std::vector<wire::Message>& heard() const { return heard_; }
  bool authenticated() const { return !heard_.empty() && heard_[0].As<wire::ConnEstablish>() != nullptr; }
  bool ended() const { return ended_; }
  const base::Status& status() const { return status_; }

  void OnMessage(base::Bytes bytes) override {
    const auto envelope = wire::Envelope::Decode(std::move(bytes));
    const auto message = wire::DecodeMessage(envelope.value().payload());
    ASSERT_TRUE(message.has_value());
    heard_.push_back(*message);
    stream_->Read(1);
    Answer(*message);
  }
  void OnSent(std::size_t) override {}
  void OnHalfClose() override {}
  void OnEnd(const base::Status& status) override {
    ended_ = true;
    status_ = status;
  }

 private:
  static HostOptions OptionsFor(const RecordedMessage& conn) {
    HostOptions options;
    options.tls.client_certificate = TlsCertificate(conn.message.As<wire::ConnEstablish>()->tls_cert_hash.view());
    return options;
  }
  void Answer(const wire::Message& message) {
    if (const auto* hello = message.As<wire::PullHello>()) {
      const auto found = digests_.find(message.channel);
      if (found == digests_.end()) return;
      wire::PullDigest digest = found->second;
      digest.nonce = hello->nonce;
      Send(wire::UnsignedEnvelope(wire::NewMessage(digest, message.channel)));
    } else if (const auto* request = message.As<wire::PullRequest>()) {
      wire::PullUpdate update{.nonce = request->nonce, .data = {}, .type = request->type};
      for (const wire::Envelope& item : updates_[message.channel]) {
        if (std::ranges::find(request->digests, IdOf(item)) != request->digests.end()) update.data.push_back(item);
      }
      Send(wire::UnsignedEnvelope(wire::NewMessage(std::move(update), message.channel)));
    }
  }

  Host& host_;
  wire::Envelope conn_;
  base::Handle dial_;
  std::unique_ptr<base::Connection> connection_;
  std::unique_ptr<base::Stream> stream_;
  std::map<std::string, wire::PullDigest> digests_;             // by channel; empty: identities
  std::map<std::string, std::vector<wire::Envelope>> updates_;  // likewise
  std::vector<wire::Message> heard_;
  bool ended_ = false;
  base::Status status_;
};

class Replay {
 public:
  // `peer` is who the node is.
  Replay(Recording recording, const std::string& peer, bool joined = true)
      : recording_(std::move(recording)), host_(world_.AddHost(peer)) {
    host_.executor().SetWallOffset(recording_.start - host_.executor().WallNow());
    crypto_ = std::make_unique<msp::MspMessageCrypto>(host_.environment(), LoadPeer(peer, recording_.start));
    if (joined) crypto_->SetChannel(kChannel, msp::FixtureChannelOf("genesis").config);
    channel::GossipConfig config;
    config.membership.endpoint = host_.endpoint();
    config.membership.external_endpoint = host_.endpoint();
    // Whatever a remote asks, the node knows its own state.
    config.channel.publish_state_info_interval = 10ms;
    service_ = std::make_unique<channel::GossipService>(
        host_.environment(),
        channel::GossipParts{.transport = host_.transport(), .server = host_.server(), .crypto = *crypto_},
        crypto_->own_identity(), config);
    service_->Start();
    if (joined) {
      service_->JoinChannel(
          kChannel, {.sequence = 1, .organizations = {"Org1MSP", "Org2MSP"}, .anchor_peers = {}},
          [this](std::uint64_t number, const base::Bytes&, std::uint64_t) { blocks_.insert(number); });
      service_->UpdateLedgerHeight(kChannel, 1);
    }
  }

  // The node knows these identities from elsewhere, as the observer did.
  void KnowIdentities(const std::vector<std::string>& peers) {
    for (const std::string& peer : peers) {
      const base::Bytes identity(testing::ReadFixture("identities/" + peer + ".bin"));
      puts_.push_back(service_->identities().Put(*crypto_->PkiIdOf(identity), identity, [](auto) {}));
    }
    world_.scheduler().RunFor(10ms);
  }

  // Plays everything that the observer received.
  void Run() {
    for (const RecordedMessage& message : recording_.messages) {
      if (!message.received) continue;
      if (message.type == "conn") {
        const std::string host = message.remote + "/" + std::to_string(message.stream);
        world_.After(message.at, [this, host, &message] {
          remotes_[message.stream] = std::make_unique<Remote>(world_, host, host_.endpoint(), message);
          Provide(*remotes_[message.stream], message.stream);
        });
      } else if (message.message.As<wire::PullDigest>() == nullptr &&
                 message.message.As<wire::PullUpdate>() == nullptr) {
        // A little later than recorded: the stream must be authenticated here too.
        world_.After(message.at + 10ms, [this, &message] { remotes_.at(message.stream)->Send(message.envelope); });
      }
    }
    world_.scheduler().RunFor(recording_.messages.back().at + 5s);
  }

  Recording& recording() { return recording_; }
  Remote& remote(int stream) { return *remotes_.at(stream); }
  channel::GossipService& service() { return *service_; }
  const std::set<std::uint64_t>& blocks() const { return blocks_; }
  // "type: reason" -> how often, without what was known already.
  std::map<std::string, std::int64_t> Refused() {
    static const std::regex kRefusal(R"re(.*_refused\{type="(.*)",reason="(.*)"\})re");
    static const std::set<std::string> kNothingNew = {"duplicate", "older", "own", "known"};
    std::map<std::string, std::int64_t> refused;
    for (const auto& [counter, value] : host_.metrics().Snapshot()) {
      std::smatch parts;
      if (value == 0 || !std::regex_match(counter, parts, kRefusal) || kNothingNew.contains(parts[2].str())) continue;
      refused[parts[1].str() + ": " + parts[2].str()] += value;
    }
    return refused;
  }

 private:
  // What the remote of this stream answers when the node asks: its digests, and whatever any remote has given, because
  // the node need not ask the same one.
  void Provide(Remote& remote, int stream) {
    for (const RecordedMessage& message : recording_.messages) {
      if (!message.received) continue;
      const auto* digest = message.message.As<wire::PullDigest>();
      const auto* update = message.message.As<wire::PullUpdate>();
      if (digest != nullptr && message.stream == stream) remote.AddDigest(*digest, message.message.channel);
      if (update != nullptr) remote.AddUpdate(*update, message.message.channel);
    }
  }

  World world_{17};  // a run in which the node pulls identities no earlier than the recorded peer did
  Recording recording_;
  Host& host_;
  std::unique_ptr<msp::MspMessageCrypto> crypto_;
  std::unique_ptr<channel::GossipService> service_;
  std::vector<base::Handle> puts_;
  std::map<int, std::unique_ptr<Remote>> remotes_;
  std::set<std::uint64_t> blocks_;
};

// ---- Answers

bool IsAnswer(const wire::Message& message) {
  return message.As<wire::MembershipResponse>() != nullptr || message.As<wire::PullDigest>() != nullptr ||
         message.As<wire::PullUpdate>() != nullptr || message.As<wire::StateInfoSnapshot>() != nullptr;
}

std::uint64_t NonceOf(const wire::Message& message) {
  if (const auto* digest = message.As<wire::PullDigest>()) return digest->nonce;
  if (const auto* update = message.As<wire::PullUpdate>()) return update->nonce;
  return message.nonce;
}

// Everything about an answer that is fixed by its request.
std::string Outline(const wire::Message& message) {
  return fmt::format("{} type {} nonce {} tag {} channel '{}'", wire::TypeName(message.content),
                     static_cast<int>(wire::PullTypeOf(message)), NonceOf(message), static_cast<int>(message.tag),
                     message.channel);
}

std::vector<wire::Envelope> ElementsOf(const wire::Message& message) {
  std::vector<wire::Envelope> elements;
  if (const auto* response = message.As<wire::MembershipResponse>()) {
    elements = response->alive;
    elements.insert(elements.end(), response->dead.begin(), response->dead.end());
  }
  if (const auto* update = message.As<wire::PullUpdate>()) elements = update->data;
  if (const auto* snapshot = message.As<wire::StateInfoSnapshot>()) elements = snapshot->elements;
  return elements;
}

// Whom an answer tells of, as PKI-IDs.
std::set<std::string> SubjectsOf(const wire::Message& message) {
  std::set<std::string> subjects;
  if (const auto* digest = message.As<wire::PullDigest>()) {
    for (const base::Bytes& id : digest->digests) subjects.insert(base::ToHex(id));
  }
  for (const wire::Envelope& element : ElementsOf(message)) {
    const auto inside = wire::DecodeMessage(element.payload());
    if (!inside) continue;
    if (const auto* alive = inside->As<wire::AliveMessage>()) subjects.insert(alive->membership.pki_id.ToHex());
    if (const auto* identity = inside->As<wire::PeerIdentity>()) subjects.insert(identity->pki_id.ToHex());
    if (const auto* info = inside->As<wire::StateInfo>()) subjects.insert(info->pki_id.ToHex());
  }
  return subjects;
}

bool TellsInternalEndpoints(const wire::Message& message) {
  return std::ranges::any_of(ElementsOf(message), [](const auto& element) { return element.secret().has_value(); });
}

// Without those about blocks: the node has only the blocks that it pulled, because state transfer is not part of this.
std::vector<wire::Message> AnswersIn(const std::vector<wire::Message>& messages) {
  std::vector<wire::Message> answers;
  for (const wire::Message& message : messages) {
    if (IsAnswer(message) && wire::PullTypeOf(message) != wire::PullType::kBlock) answers.push_back(message);
  }
  return answers;
}

std::vector<std::string> Outlines(const std::vector<wire::Message>& messages) {
  std::vector<std::string> outlines;
  for (const wire::Message& message : messages) outlines.push_back(Outline(message));
  return outlines;
}

void ExpectSameAnswers(Replay& replay, int stream) {
  SCOPED_TRACE("stream " + std::to_string(stream));
  const auto fabric = AnswersIn(replay.recording().Sent(stream));
  const auto node = AnswersIn(replay.remote(stream).heard());
  ASSERT_EQ(Outlines(node), Outlines(fabric));
  for (std::size_t i = 0; i < node.size(); ++i) {
    SCOPED_TRACE(Outline(node[i]));
    // The observer had more streams than those that are played, so that it may have known more.
    EXPECT_THAT(SubjectsOf(fabric[i]), ::testing::IsSupersetOf(SubjectsOf(node[i])));
    EXPECT_EQ(TellsInternalEndpoints(node[i]), TellsInternalEndpoints(fabric[i]));
    EXPECT_TRUE(SubjectsOf(node[i]).contains(replay.service().Self().pki_id.ToHex()));
  }
}

const std::vector<std::string> kAllPeers = {"peer0.org1", "peer1.org1", "peer2.org1", "peer3.org1",
                                            "peer0.org2", "peer1.org2", "peer2.org2", "peer3.org2"};

// What says nothing new is refused here as in Fabric, and so is, in each test, what its comment names.
using Refusals = std::map<std::string, std::int64_t>;

// Given the stream of a restarted peer to one of its own organisation. Hellos about blocks come before the state info
// of their sender, which the recorded peer had from another stream.
TEST(Replay, AStreamOfTheOwnOrganization) {
  Replay replay(ReadRecording("connection-same-org", "peer1.org1"), "peer1.org1");
  replay.KnowIdentities(kAllPeers);
  replay.Run();
  EXPECT_FALSE(replay.remote(1).ended()) << replay.remote(1).status().message;
  ExpectSameAnswers(replay, 1);
  EXPECT_EQ(replay.Refused(), (Refusals{{"hello: not_eligible", 5}}));
}

// Given the stream between two organisations, then nothing is told of what is hidden from the other one.
TEST(Replay, AStreamOfAnotherOrganization) {
  Replay replay(ReadRecording("connection-other-org", "peer0.org2"), "peer0.org2");
  replay.KnowIdentities(kAllPeers);
  replay.Run();
  EXPECT_FALSE(replay.remote(1).ended()) << replay.remote(1).status().message;
  ExpectSameAnswers(replay, 1);
  EXPECT_EQ(replay.Refused(), Refusals{});
}

// Given all streams of a peer from its first start, then it learns the identities that it needs from them alone: until
// then alive messages that do not carry theirs are refused. Some messages are its own state infos, which come back.
TEST(Replay, AllStreamsOfALateJoiner) {
  Replay replay(ReadRecording("late-join", "peer2.org1"), "peer2.org1");
  replay.Run();
  for (const int stream : {2, 5, 6, 7}) {
    EXPECT_FALSE(replay.remote(stream).ended()) << stream << ": " << replay.remote(stream).status().message;
    ExpectSameAnswers(replay, stream);
  }
  EXPECT_EQ(replay.blocks(), replay.recording().BlocksPulled());
  EXPECT_EQ(replay.Refused(), (Refusals{{"hello: not_eligible", 2}, {"response_alive: unknown_identity", 3}}));
}

// Given two peers that dial each other again and again, then every stream is authenticated.
TEST(Replay, CrossingDials) {
  Recording recording = ReadRecording("crossing-dials", "peer0.org1");
  recording.messages.pop_back();  // a request whose answer is no longer part of the recording
  Replay replay(std::move(recording), "peer0.org1");
  replay.KnowIdentities(kAllPeers);
  replay.Run();
  for (const int stream : {2, 4, 5, 7, 10, 12}) {
    EXPECT_TRUE(replay.remote(stream).authenticated()) << stream;
    ExpectSameAnswers(replay, stream);
  }
  EXPECT_EQ(replay.Refused(), Refusals{});
}

// Given a node that has not joined the channel, then it does not know the other organisation: its own message crosses,
// the stream ends with an error, and the membership request is not answered.
TEST(Replay, AStrangerIsRefused) {
  Recording recording = ReadRecording("connection-refused", "peer0.org1");
  for (RecordedMessage& message : recording.messages) message.received = !message.received;  // seen from the other end
  Replay replay(std::move(recording), "peer0.org2", false);
  replay.Run();
  EXPECT_TRUE(replay.remote(1).authenticated());
  EXPECT_TRUE(replay.remote(1).ended());
  EXPECT_EQ(replay.remote(1).status().code, base::StatusCode::kUnknown);
  EXPECT_EQ(replay.remote(1).heard().size(), 1U);
}

}  // namespace
}  // namespace grapevine::transcripts

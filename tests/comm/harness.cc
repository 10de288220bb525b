#include "harness.h"

#include <utility>

namespace grapevine::comm {

wire::Envelope Text(const std::string& text) {
  wire::DataMessage data;
  data.payload.number = 1;
  data.payload.block = base::Bytes::Copy(text);
  return wire::UnsignedEnvelope(wire::NewMessage(std::move(data), "channel"));
}

wire::Envelope Alive(std::uint64_t sequence) {
  wire::AliveMessage alive;
  alive.membership.endpoint = "somewhere:7051";
  alive.membership.pki_id = *wire::PkiId::From(std::string(32, 'a'));
  alive.timestamp = {1, sequence};
  return wire::UnsignedEnvelope(wire::NewMessage(std::move(alive)));
}

std::string Describe(const wire::Message& message) {
  if (const auto* data = message.As<wire::DataMessage>()) return data->payload.block.ToString();
  if (const auto* alive = message.As<wire::AliveMessage>()) return "alive " + std::to_string(alive->timestamp.sequence);
  return wire::TypeName(message.content);
}

Node::Node(simulation::Host& on, simulation::Authority& authority, const std::string& organization, CommConfig config)
    : host(on) {
  const base::Bytes identity = authority.Issue(organization, host.name());
  crypto = std::make_unique<simulation::SimulatedCrypto>(host.environment(), authority, identity);
  mapper = std::make_unique<msp::IdentityMapper>(host.environment(), *crypto, identity);
  comm = std::make_unique<Comm>(host.environment(), host.transport(), host.server(), *mapper, *crypto, config);
  handles.push_back(comm->OnPresumedDead([this](const wire::PkiId& peer) { presumed_dead.push_back(peer); }));
  handles.push_back(comm->OnIdentitySwitch([this](const wire::PkiId& peer) { switched.push_back(peer); }));
}

Node::~Node() = default;

void Node::ReceiveAll() {
  messages = comm->Accept("test", [](const ReceivedMessage&) { return true; });
  messages.ReceiveAll([this](const ReceivedMessagePtr& message) {
    arrivals.push_back(message);
    received.push_back(Describe(message->message()));
  });
}

std::uint64_t Node::Count(const std::string& metric, const base::Labels& labels) const {
  return host.metrics().CounterValue("gossip_comm_" + metric, labels);
}
std::uint64_t Node::Dropped(const std::string& direction, const std::string& reason) const {
  return Count("dropped_messages", {{"direction", direction}, {"reason", reason}});
}
std::uint64_t Node::Handshakes(const std::string& role, const std::string& result) const {
  return Count("handshakes", {{"role", role}, {"result", result}});
}
std::uint64_t Node::StreamEnds(const std::string& direction, const std::string& reason) const {
  return Count("stream_ends", {{"direction", direction}, {"reason", reason}});
}

PeerState Node::StateOf(const wire::PkiId& peer) const {
  for (const PeerState& state : comm->Peers()) {
    if (state.pki_id == peer) return state;
  }
  return {};
}

PlayedStream::PlayedStream(std::unique_ptr<base::Stream> with, std::size_t credit) : stream(std::move(with)) {
  stream->SetHandler(*this);
  if (credit > 0) stream->Read(credit);
}

std::vector<std::string> PlayedStream::Texts() const {
  std::vector<std::string> texts;
  for (std::size_t i = 1; i < messages.size(); ++i) {
    texts.push_back(Describe(*wire::DecodeMessage(wire::Envelope::Decode(messages[i])->payload())));
  }
  return texts;
}

PlayedPeer::PlayedPeer(simulation::World& in, simulation::Host& on, simulation::Authority& by,
                       const std::string& organization)
    : world(in), host(on), authority(by), identity(by.Issue(organization, on.name())) {}

base::Bytes PlayedPeer::Conn(const base::Stream& stream, const ConnOptions& options) const {
  wire::ConnEstablish conn;
  conn.identity = options.identity.value_or(identity);
  conn.pki_id = options.pki_id.value_or(*simulation::Authority::PkiIdOf(conn.identity));
  const base::PeerInfo& info = stream.peer();
  if (info.secure) conn.tls_cert_hash = base::Bytes(crypto::Sha256(info.local_certificate).ToString());
  if (options.tls_cert_hash.has_value()) conn.tls_cert_hash = base::Bytes(*options.tls_cert_hash);
  conn.probe = options.probe;
  const base::Bytes signer = conn.identity;
  const base::Bytes payload = wire::EncodeMessage(wire::NewMessage(std::move(conn)));
  const base::Bytes signature = options.signature.value_or(authority.Sign(signer, payload));
  return wire::Envelope::Make(payload, signature, options.secret).encoded();
}

void PlayedPeer::Serve(bool answer, std::size_t credit) {
  services.push_back(host.server().ServeUnary("/gossip.Gossip/Ping",
                                              [](std::unique_ptr<base::UnaryCall> call) { call->Respond({}); }));
  services.push_back(host.server().ServeStream(
      "/gossip.Gossip/GossipStream", [this, answer, credit](std::unique_ptr<base::Stream> stream) {
        accepted.push_back(std::make_unique<PlayedStream>(std::move(stream), credit));
        if (answer) accepted.back()->stream->Send(Conn(*accepted.back()->stream));
      }));
}

std::unique_ptr<PlayedStream> PlayedPeer::Open(const simulation::Host& target, bool authenticate, std::size_t credit) {
  std::unique_ptr<PlayedStream> opened;
  const auto dial =
      host.transport().Dial(target.endpoint(), 3s, [&](base::Result<std::unique_ptr<base::Connection>> connection) {
        ASSERT_TRUE(connection.has_value()) << connection.error().message;
        connections.push_back(std::move(*connection));
        auto stream = connections.back()->Open("/gossip.Gossip/GossipStream", {});
        opened = std::make_unique<PlayedStream>(std::move(stream), credit);
        if (authenticate) opened->stream->Send(Conn(*opened->stream));
      });
  EXPECT_TRUE(world.scheduler().RunUntil([&] { return opened != nullptr; }, 5s));
  if (authenticate) {
    EXPECT_TRUE(world.scheduler().RunUntil([&] { return !opened->messages.empty(); }, 5s));
    world.scheduler().RunFor(20ms);  // the other side checks ours
  }
  return opened;
}

Node& CommTest::AddNode(const std::string& name, const std::string& organization, CommConfig config) {
  return AddNode(world.AddHost(name), organization, config);
}

Node& CommTest::AddNode(simulation::Host& host, const std::string& organization, CommConfig config) {
  nodes.push_back(std::make_unique<Node>(host, authority, organization, config));
  nodes.back()->ReceiveAll();
  return *nodes.back();
}

std::pair<Node*, Node*> CommTest::AddOrderedPair(CommConfig config) {
  Node* first = &AddNode("left", kOrg1, config);
  Node* second = &AddNode("right", kOrg1, config);
  if (second->pki_id() < first->pki_id()) std::swap(first, second);
  return {first, second};
}

PlayedPeer& CommTest::AddPlayed(const std::string& name, const std::string& organization,
                                simulation::HostOptions options) {
  played.push_back(
      std::make_unique<PlayedPeer>(world, world.AddHost(name, std::move(options)), authority, organization));
  return *played.back();
}

PlayedPeer& CommTest::AddPlayedOrdered(const Node& node, bool smaller) {
  for (int i = 0;; ++i) {
    const std::string name = "played" + std::to_string(i);
    const auto pki_id = *simulation::Authority::PkiIdOf(authority.Issue(kOrg1, name));
    if ((pki_id < node.pki_id()) == smaller) return AddPlayed(name);
  }
}

}  // namespace grapevine::comm

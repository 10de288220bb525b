// The rejections of specification 02, 3.4, in both roles, and the order of the handshake (3.2, 3.3; 14.2 R2; 15 #1,
// #2).
#include <functional>

#include "harness.h"

namespace grapevine::comm {
namespace {

using simulation::HostOptions;

// What the other side does wrong, and how it is counted.
struct Row {
  const char* name;
  const char* result;
  std::function<base::Bytes(CommTest&, PlayedPeer&, base::Stream&)> message;  // null: says nothing
};

base::Bytes Encoded(const std::string& payload, const std::string& signature = {}) {
  return wire::Envelope::Make(payload, signature).encoded();
}

std::vector<Row> Rows() {
  const auto with = [](ConnOptions options) {
    return [options](CommTest&, PlayedPeer& peer, base::Stream& stream) { return peer.Conn(stream, options); };
  };
  const auto raw = [](base::Bytes message) {
    return [message](CommTest&, PlayedPeer&, base::Stream&) { return message; };
  };
  return {
      {"2 nothing received", "nothing_received", nullptr},
      {"2 undecodable envelope", "undecodable", raw(base::Bytes("\xff\xff\xff"))},
      {"2 undecodable payload", "undecodable", raw(Encoded("\xff\xff\xff", "s"))},
      {"3 not a conn message", "not_conn", raw(Alive(1).encoded())},
      {"3 no content", "not_conn", raw(Encoded(std::string("\x18\x01", 2), "s"))},
      // conn {identity "i"}, tag EMPTY
      {"4 no PKI-ID", "no_pki_id", raw(Encoded(std::string("\x18\x01\x72\x03\x12\x01i", 7), "s"))},
      {"5 PKI-ID of another length", "identity_refused",
       raw(Encoded(std::string("\x18\x01\x72\x06\x0a\x01p\x12\x01i", 10), "s"))},
      {"5 PKI-ID of another identity", "identity_refused", with({.pki_id = *wire::PkiId::From(std::string(32, 'x'))})},
      {"5 identity of an unknown CA", "identity_refused",
       [](CommTest&, PlayedPeer& peer, base::Stream& stream) {
         return peer.Conn(stream, {.identity = peer.authority.IssueByUnknownCa(kOrg1, "mallory")});
       }},
      {"5 expired", "identity_refused",
       [](CommTest&, PlayedPeer& peer, base::Stream& stream) {
         return peer.Conn(stream,
                          {.identity = peer.authority.Issue(kOrg1, "old", base::WallTime(std::chrono::seconds(1)))});
       }},
      {"5 revoked", "identity_refused",
       [](CommTest&, PlayedPeer& peer, base::Stream& stream) {
         peer.authority.Revoke(peer.identity);
         return peer.Conn(stream);
       }},
      {"6 another TLS certificate", "tls_binding", with({.tls_cert_hash = std::string(32, 'h')})},
      {"6 no hash", "tls_binding", with({.tls_cert_hash = ""})},
      {"7 no signature", "bad_signature", with({.signature = base::Bytes()})},
      {"7 wrong signature", "bad_signature", with({.signature = base::Bytes("forged")})},
      {"7 unsigned secret", "bad_signature", with({.secret = wire::SecretEnvelope{base::Bytes("secret"), {}}})},
      {"7 wrongly signed secret", "bad_signature",
       with({.secret = wire::SecretEnvelope{base::Bytes("secret"), base::Bytes("forged")}})},
  };
}

class HandshakeTest : public CommTest {};

TEST_F(HandshakeTest, ResponderRefusesEveryRowOfTheTable) {
  for (const Row& row : Rows()) {
    SCOPED_TRACE(row.name);
    Node& node = AddNode("responder" + std::to_string(nodes.size()));
    PlayedPeer& peer = AddPlayed("peer" + std::to_string(played.size()));
    auto stream = peer.Open(node.host, /*authenticate=*/false);
    if (row.message) stream->stream->Send(row.message(*this, peer, *stream->stream));

    ASSERT_TRUE(RunUntil([&] { return stream->ended.has_value(); }));
    EXPECT_EQ(stream->ended->code, base::StatusCode::kUnknown);
    EXPECT_FALSE(stream->ended->message.empty());
    EXPECT_EQ(node.Handshakes("responder", row.result), 1u);
    EXPECT_EQ(node.Handshakes("responder", "ok"), 0u);
    EXPECT_TRUE(node.comm->Peers().empty()) << "nothing is registered";
  }
}

TEST_F(HandshakeTest, InitiatorRefusesEveryRowOfTheTableWithoutSendingItsOwnMessage) {
  for (const Row& row : Rows()) {
    SCOPED_TRACE(row.name);
    Node& node = AddNode("initiator" + std::to_string(nodes.size()));
    PlayedPeer& peer = AddPlayed("server" + std::to_string(played.size()));
    peer.Serve(/*answer=*/false);
    node.comm->Send(Text("hello"), {peer.remote()});
    ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty(); }));
    PlayedStream& stream = *peer.accepted.back();
    if (row.message) stream.stream->Send(row.message(*this, peer, *stream.stream));

    ASSERT_TRUE(RunUntil([&] { return !node.presumed_dead.empty(); }));
    EXPECT_EQ(node.presumed_dead, std::vector{peer.pki_id()});
    EXPECT_EQ(node.Handshakes("initiator", row.result), 1u);
    EXPECT_EQ(node.Handshakes("initiator", "ok"), 0u);
    RunFor(1s);
    EXPECT_TRUE(stream.messages.empty()) << "R2: giving up costs the responder nothing";
    ASSERT_TRUE(stream.ended.has_value());
    EXPECT_EQ(stream.ended->code, base::StatusCode::kCancelled);
  }
}

// Row 2, with the status of a transport that refuses to buffer the message.
TEST_F(HandshakeTest, ResponderRefusesAHandshakeMessageAboveTheLimit) {
  Node& node = AddNode("node");
  const std::size_t limit = CommConfig{}.max_handshake_bytes;
  PlayedPeer& peer = AddPlayed("peer");
  auto at_limit = peer.Open(node.host, /*authenticate=*/false);
  auto above = peer.Open(node.host, /*authenticate=*/false);
  at_limit->stream->Send(base::Bytes(std::string(limit, '\xff')));
  above->stream->Send(base::Bytes(std::string(limit + 1, '\xff')));
  ASSERT_TRUE(RunUntil([&] { return at_limit->ended && above->ended; }));
  EXPECT_EQ(at_limit->ended->code, base::StatusCode::kUnknown);
  EXPECT_EQ(above->ended->code, base::StatusCode::kResourceExhausted);
  EXPECT_EQ(node.Handshakes("responder", "undecodable"), 1u);
  EXPECT_EQ(node.Handshakes("responder", "too_large"), 1u);
}

TEST_F(HandshakeTest, InitiatorRefusesAHandshakeMessageAboveTheLimit) {
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(/*answer=*/false);
  node.comm->Send(Text("hello"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty(); }));
  peer.accepted[0]->stream->Send(base::Bytes(std::string(CommConfig{}.max_handshake_bytes + 1, '\xff')));
  ASSERT_TRUE(RunUntil([&] { return !node.presumed_dead.empty(); }));
  EXPECT_EQ(node.Handshakes("initiator", "too_large"), 1u);
  RunFor(1s);
  EXPECT_TRUE(peer.accepted[0]->messages.empty());
  EXPECT_TRUE(peer.accepted[0]->ended.has_value());
}

TEST_F(HandshakeTest, TheLimitOfTheHandshakeEndsWithItInBothRoles) {
  Node& node = AddNode("node");
  const std::string large(2 * CommConfig{}.max_handshake_bytes, 'x');
  PlayedPeer& client = AddPlayed("client");
  auto incoming = client.Open(node.host);
  incoming->stream->Send(Text(large).encoded());
  PlayedPeer& server = AddPlayed("server");
  server.Serve(/*answer=*/true);
  node.comm->Send(Text("hello"), {server.remote()});
  ASSERT_TRUE(RunUntil([&] { return !server.accepted.empty() && server.accepted[0]->messages.size() == 2; }));
  server.accepted[0]->stream->Send(Text(large).encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 2; }));
  EXPECT_EQ(node.received, (std::vector{large, large}));
}

// Messages sent right behind the handshake message wait until it has been checked, whatever their size.
TEST_F(HandshakeTest, ALargeMessageBehindTheHandshakeMessageIsNotRefused) {
  Node& node = AddNode("node");
  const std::string large(2 * CommConfig{}.max_handshake_bytes, 'x');
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host, /*authenticate=*/false);
  stream->stream->Send(peer.Conn(*stream->stream));
  stream->stream->Send(Text(large).encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 1; }));
  EXPECT_EQ(node.received[0], large);
}

TEST_F(HandshakeTest, Row1ResponderWithoutRemoteCertificateRefusesBeforeSendingAnything) {
  Node& node = AddNode("node");
  HostOptions options;
  options.tls.presents_client_certificate = false;
  PlayedPeer& peer = AddPlayed("peer", kOrg1, options);
  auto stream = peer.Open(node.host, false);
  ASSERT_TRUE(RunUntil([&] { return stream->ended.has_value(); }));
  EXPECT_TRUE(stream->messages.empty());
  EXPECT_EQ(stream->ended->code, base::StatusCode::kUnknown);
  EXPECT_EQ(node.Handshakes("responder", "no_tls_certificate"), 1u);
}

TEST_F(HandshakeTest, Row1InitiatorWithoutRemoteCertificateGivesUpBeforeSendingAnything) {
  Node& node = AddNode("node");
  HostOptions options;
  options.tls.presents_server_certificate = false;
  PlayedPeer& peer = AddPlayed("peer", kOrg1, options);
  peer.Serve(/*answer=*/true);
  node.comm->Send(Text("hello"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !node.presumed_dead.empty(); }));
  EXPECT_EQ(node.presumed_dead, std::vector{peer.pki_id()});
  EXPECT_EQ(node.Handshakes("initiator", "no_tls_certificate"), 1u);
  RunFor(1s);
  EXPECT_TRUE(peer.accepted.at(0)->messages.empty());
  EXPECT_TRUE(peer.accepted.at(0)->ended.has_value());
  EXPECT_FALSE(node.mapper->Get(peer.pki_id()).has_value()) << "refused before anything is read";
}

// 15 #11: both sides bind to the certificates that the connection at hand uses.
TEST_F(HandshakeTest, AReplacedTlsCertificateIsBoundToFromTheNextHandshakeOn) {
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer");
  auto before = peer.Open(node.host);
  const auto bound_to = [](const PlayedStream& stream) {
    const auto conn = wire::DecodeMessage(wire::Envelope::Decode(stream.messages.at(0))->payload());
    return conn->As<wire::ConnEstablish>()->tls_cert_hash.ToString();
  };
  const std::string old_server = crypto::Sha256(before->stream->peer().certificate).ToString();
  const std::string old_client = crypto::Sha256(before->stream->peer().local_certificate).ToString();
  EXPECT_EQ(bound_to(*before), old_server);

  node.host.SetTls({.server_certificate = "the node's new one", .client_certificate = "the node's new one"});
  peer.host.SetTls({.server_certificate = "the peer's new one", .client_certificate = "the peer's new one"});
  auto after = peer.Open(node.host);
  EXPECT_EQ(bound_to(*after), crypto::Sha256("the node's new one").ToString());
  EXPECT_EQ(node.Handshakes("responder", "ok"), 2u) << "and the peer's new binding is accepted";
  EXPECT_FALSE(before->ended.has_value()) << "the first connection goes on";

  auto outdated = peer.Open(node.host, /*authenticate=*/false);
  outdated->stream->Send(peer.Conn(*outdated->stream, {.tls_cert_hash = old_client}));
  ASSERT_TRUE(RunUntil([&] { return outdated->ended.has_value(); }));
  EXPECT_EQ(node.Handshakes("responder", "tls_binding"), 1u);
}

TEST_F(HandshakeTest, AnInitiatorBindsToAReplacedTlsCertificate) {  // 15 #11
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(/*answer=*/false);
  std::vector<base::Result<ConnectionInfo>> results;
  const auto visit = [&] { return node.comm->Handshake(peer.remote(), [&](auto info) { results.push_back(info); }); };
  const auto first = visit();
  ASSERT_TRUE(RunUntil([&] { return peer.accepted.size() == 1; }));
  const std::string old_server = crypto::Sha256(peer.accepted[0]->stream->peer().local_certificate).ToString();
  peer.accepted[0]->stream->Send(peer.Conn(*peer.accepted[0]->stream));
  ASSERT_TRUE(RunUntil([&] { return peer.accepted[0]->messages.size() == 1; }));
  peer.accepted[0]->stream->Finish({});
  ASSERT_TRUE(RunUntil([&] { return results.size() == 1; }));

  node.host.SetTls({.server_certificate = "the node's new one", .client_certificate = "the node's new one"});
  peer.host.SetTls({.server_certificate = "the peer's new one", .client_certificate = "the peer's new one"});
  const auto second = visit();
  ASSERT_TRUE(RunUntil([&] { return peer.accepted.size() == 2; }));
  peer.accepted[1]->stream->Send(peer.Conn(*peer.accepted[1]->stream));
  ASSERT_TRUE(RunUntil([&] { return peer.accepted[1]->messages.size() == 1; }));
  const auto conn = wire::DecodeMessage(wire::Envelope::Decode(peer.accepted[1]->messages[0])->payload());
  EXPECT_EQ(conn->As<wire::ConnEstablish>()->tls_cert_hash.ToString(), crypto::Sha256("the node's new one").ToString());
  peer.accepted[1]->stream->Finish({});
  ASSERT_TRUE(RunUntil([&] { return results.size() == 2; }));

  const auto third = visit();
  ASSERT_TRUE(RunUntil([&] { return peer.accepted.size() == 3; }));
  peer.accepted[2]->stream->Send(peer.Conn(*peer.accepted[2]->stream, {.tls_cert_hash = old_server}));
  ASSERT_TRUE(RunUntil([&] { return results.size() == 3; }));
  EXPECT_TRUE(results[0].has_value());
  EXPECT_TRUE(results[1].has_value());
  EXPECT_FALSE(results[2].has_value());
  EXPECT_EQ(node.Handshakes("initiator", "tls_binding"), 1u);
}

TEST_F(HandshakeTest, WithoutTlsThereIsNoBinding) {
  HostOptions options;
  options.tls.enabled = false;
  Node& node = AddNode(world.AddHost("node", options));
  PlayedPeer& peer = AddPlayed("peer", kOrg1, options);
  auto stream = peer.Open(node.host);
  EXPECT_EQ(node.StateOf(peer.pki_id()).incoming, 1u);
  const auto conn = wire::DecodeMessage(wire::Envelope::Decode(stream->messages[0])->payload());
  EXPECT_TRUE(conn->As<wire::ConnEstablish>()->tls_cert_hash.empty());
}

TEST_F(HandshakeTest, ResponderSendsAtOnceAndItsMessageIsAsSpecified) {
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host, false);
  ASSERT_TRUE(RunUntil([&] { return !stream->messages.empty(); }, 100ms)) << "without waiting for ours";
  const auto envelope = *wire::Envelope::Decode(stream->messages[0]);
  const auto message = *wire::DecodeMessage(envelope.payload());
  const auto* conn = message.As<wire::ConnEstablish>();
  ASSERT_NE(conn, nullptr);
  EXPECT_EQ(message.tag, wire::Tag::kEmpty);
  EXPECT_EQ(message.nonce, 0u);
  EXPECT_EQ(conn->pki_id, node.pki_id());
  EXPECT_EQ(conn->identity, node.mapper->own_identity());
  EXPECT_FALSE(conn->probe);
  EXPECT_EQ(conn->tls_cert_hash.ToString(), crypto::Sha256(stream->stream->peer().certificate).ToString());
  EXPECT_TRUE(authority.CheckSignature(conn->identity, envelope.signature(), envelope.payload()).has_value());
  EXPECT_FALSE(envelope.secret().has_value());
}

TEST_F(HandshakeTest, InitiatorSendsItsMessageOnlyAfterTheResponders) {
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(/*answer=*/false);
  node.comm->Send(Text("hello"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty(); }));
  PlayedStream& stream = *peer.accepted.back();
  RunFor(1s);
  EXPECT_TRUE(stream.messages.empty());
  stream.stream->Send(peer.Conn(*stream.stream));
  ASSERT_TRUE(RunUntil([&] { return stream.messages.size() == 2; }, 100ms));
  const auto conn = wire::DecodeMessage(wire::Envelope::Decode(stream.messages[0])->payload());
  EXPECT_EQ(conn->As<wire::ConnEstablish>()->pki_id, node.pki_id());
  EXPECT_EQ(conn->As<wire::ConnEstablish>()->tls_cert_hash.ToString(),
            crypto::Sha256(stream.stream->peer().certificate).ToString())
      << "the client certificate in this role";
  EXPECT_EQ(stream.Texts(), std::vector<std::string>{"hello"});
}

TEST_F(HandshakeTest, ConnectionInfoHoldsTheEvidence) {
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer", kOrg2);
  auto stream = peer.Open(node.host);
  stream->stream->Send(Text("x").encoded());
  ASSERT_TRUE(RunUntil([&] { return !node.arrivals.empty(); }));
  const ConnectionInfo& info = node.arrivals[0]->connection();
  EXPECT_EQ(info.pki_id, peer.pki_id());
  EXPECT_EQ(info.identity, peer.identity);
  EXPECT_EQ(info.organization, kOrg2);
  EXPECT_FALSE(info.remote_address.empty());
  EXPECT_TRUE(authority.CheckSignature(info.identity, info.evidence_signature, info.evidence_payload).has_value());
  EXPECT_EQ(node.arrivals[0]->envelope().encoded(), Text("x").encoded());
}

TEST_F(HandshakeTest, AnIdentityIsLearnedEvenIfTheStreamIsRefused) {
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host, false);
  stream->stream->Send(peer.Conn(*stream->stream, {.signature = base::Bytes("forged")}));
  ASSERT_TRUE(RunUntil([&] { return stream->ended.has_value(); }));
  EXPECT_TRUE(node.mapper->Get(peer.pki_id()).has_value());
}

TEST_F(HandshakeTest, AStreamThatEndsDuringTheHandshakeFailsAtOnce) {  // 15 #1
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host, false);
  RunFor(100ms);
  stream.reset();
  ASSERT_TRUE(RunUntil([&] { return node.Handshakes("responder", "stream_ended") == 1; }, 100ms));

  peer.Serve(false);
  node.comm->Send(Text("hello"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty(); }));
  peer.accepted.back()->stream->Finish({base::StatusCode::kUnknown, "go away", ""});
  ASSERT_TRUE(RunUntil([&] { return node.Handshakes("initiator", "stream_ended") == 1; }, 100ms));
}

TEST_F(HandshakeTest, AnInitiatorWhoseChecksTakeTooLongGivesUp) {  // R2: the responder waits 2 s at most
  HostOptions slow;
  slow.costs.verify = 1500ms;
  Node& node = AddNode(world.AddHost("slow", slow));
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  node.comm->Send(Text("hello"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return node.Handshakes("initiator", "too_late") == 1; }));
  EXPECT_TRUE(peer.accepted.back()->messages.empty());
}

TEST_F(HandshakeTest, ProbeIsAnsweredLearnedAndEndedWithOk) {
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host, false);
  stream->stream->Send(peer.Conn(*stream->stream, {.probe = true}));
  ASSERT_TRUE(RunUntil([&] { return stream->ended.has_value(); }));
  EXPECT_TRUE(stream->ended->ok());
  EXPECT_EQ(stream->messages.size(), 1u);
  EXPECT_TRUE(node.mapper->Get(peer.pki_id()).has_value());
  EXPECT_TRUE(node.comm->Peers().empty());
  EXPECT_EQ(node.Handshakes("responder", "probe"), 1u);
}

TEST_F(HandshakeTest, AProbeThatLeavesBeforeItIsCheckedIsAProbe) {  // 3.3, as a Fabric peer does
  simulation::HostOptions slow;
  slow.costs.verify = 200ms;
  Node& node = AddNode(world.AddHost("node", slow));
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host, false);
  stream->stream->Send(peer.Conn(*stream->stream, {.probe = true}));
  ASSERT_TRUE(RunUntil([&] { return !stream->messages.empty(); }));
  RunFor(50ms);
  stream.reset();
  ASSERT_TRUE(RunUntil([&] { return node.Handshakes("responder", "probe") == 1; }, 1s));
  EXPECT_EQ(node.Handshakes("responder", "stream_ended"), 0u);
  EXPECT_TRUE(node.mapper->Get(peer.pki_id()).has_value());
  EXPECT_TRUE(node.comm->Peers().empty());
}

TEST_F(HandshakeTest, AProbeFlagFromTheResponderFails) {
  Node& node = AddNode("node");
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(false);
  node.comm->Send(Text("hello"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty(); }));
  peer.accepted.back()->stream->Send(peer.Conn(*peer.accepted.back()->stream, {.probe = true}));
  ASSERT_TRUE(RunUntil([&] { return node.Handshakes("initiator", "probe_from_responder") == 1; }));
}

TEST_F(HandshakeTest, HandshakeLeavesBothSidesWithTheOthersIdentity) {
  Node& left = AddNode("left");
  Node& right = AddNode("right", kOrg2);
  std::optional<base::Result<ConnectionInfo>> result;
  const auto handle = left.comm->Handshake({right.host.endpoint(), {}}, [&](auto info) { result = std::move(info); });
  ASSERT_TRUE(RunUntil([&] { return result.has_value(); }));
  ASSERT_TRUE(result->has_value()) << result->error().message;
  EXPECT_EQ((*result)->pki_id, right.pki_id());
  EXPECT_TRUE(left.mapper->Get(right.pki_id()).has_value());
  EXPECT_TRUE(right.mapper->Get(left.pki_id()).has_value());
  RunFor(2s);
  EXPECT_EQ(world.network().connections(), 0u);
  EXPECT_TRUE(left.comm->Peers().empty());
  EXPECT_TRUE(right.comm->Peers().empty());
}

TEST_F(HandshakeTest, HandshakeWithAnotherPeerThanExpectedFailsEvenInTheOwnOrganisation) {
  Node& left = AddNode("left");
  Node& right = AddNode("right");
  Node& other = AddNode("other");
  std::optional<base::Result<ConnectionInfo>> result;
  const auto handle =
      left.comm->Handshake({right.host.endpoint(), other.pki_id()}, [&](auto info) { result = std::move(info); });
  ASSERT_TRUE(RunUntil([&] { return result.has_value(); }));
  ASSERT_FALSE(result->has_value());
  EXPECT_EQ(result->error().code, base::ErrorCode::kDenied);
}

TEST_F(HandshakeTest, HandshakeReportsARefusal) {
  Node& left = AddNode("left");
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  std::optional<base::Result<ConnectionInfo>> result;
  const auto handle = left.comm->Handshake(peer.remote(), [&](auto info) { result = std::move(info); });
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty() && !peer.accepted[0]->messages.empty(); }));
  peer.accepted[0]->stream->Finish({base::StatusCode::kUnknown, "who are you", ""});
  ASSERT_TRUE(RunUntil([&] { return result.has_value(); }));
  ASSERT_FALSE(result->has_value());
  EXPECT_NE(result->error().message.find("who are you"), std::string::npos);
}

TEST_F(HandshakeTest, HandshakeIsLimitedToTenSeconds) {
  Node& left = AddNode("left");
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  std::optional<base::Result<ConnectionInfo>> result;
  const auto handle = left.comm->Handshake(peer.remote(), [&](auto info) { result = std::move(info); });
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty(); }));
  const auto opened = world.scheduler().Now();
  ASSERT_TRUE(RunUntil([&] { return result.has_value(); }, 30s));
  EXPECT_FALSE(result->has_value());
  EXPECT_LE(world.scheduler().Now() - opened, 10s);
}

TEST_F(HandshakeTest, ProbeDialsAndPingsOnly) {
  Node& left = AddNode("left");
  Node& right = AddNode("right");
  std::optional<base::Result<void>> good, bad;
  const auto first = left.comm->Probe(right.host.endpoint(), [&](auto result) { good = result; });
  const auto second = left.comm->Probe("nobody:7051", [&](auto result) { bad = result; });
  ASSERT_TRUE(RunUntil([&] { return good.has_value() && bad.has_value(); }));
  EXPECT_TRUE(good->has_value());
  EXPECT_FALSE(bad->has_value());
  EXPECT_FALSE(left.mapper->Get(right.pki_id()).has_value()) << "no identity is exchanged";
}

TEST_F(HandshakeTest, UnauthenticatedStreamsAreBoundedAndTheOldestMakesRoom) {
  CommConfig config;
  config.max_unauthenticated_streams = 4;
  Node& node = AddNode("node", kOrg1, config);
  PlayedPeer& flood = AddPlayed("flood");
  std::vector<std::unique_ptr<PlayedStream>> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(flood.Open(node.host, false));
  RunFor(10ms);
  EXPECT_EQ(node.Count("unauthenticated_evicted"), 16u);
  PlayedPeer& honest = AddPlayed("honest");
  auto stream = honest.Open(node.host);
  EXPECT_EQ(node.StateOf(honest.pki_id()).incoming, 1u) << "a slow flood cannot keep others out";
}

}  // namespace
}  // namespace grapevine::comm

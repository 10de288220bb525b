// The connection record: specification 02, 14.3 row by row, and R1, R4 to R7 of 14.2 against peers played by hand.
#include "harness.h"

namespace grapevine::comm {
namespace {

using Strings = std::vector<std::string>;

class RecordTest : public CommTest {
 protected:
  Node& node = AddNode("node");
  // An own stream of the node to `peer`, with one message on it.
  PlayedStream& OwnStream(PlayedPeer& peer) {
    peer.Serve(true);
    node.comm->Send(Text("first"), {peer.remote()});
    EXPECT_TRUE(RunUntil([&] { return !peer.accepted.empty() && peer.accepted.back()->messages.size() == 2; }));
    return *peer.accepted.back();
  }
};

TEST_F(RecordTest, R1SecondIncomingStreamIsServedInParallel) {
  PlayedPeer& peer = AddPlayed("peer");
  auto first = peer.Open(node.host);
  auto second = peer.Open(node.host);
  EXPECT_EQ(node.StateOf(peer.pki_id()).incoming, 2u);
  first->stream->Send(Text("on first").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 1; }));
  second->stream->Send(Text("on second").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 2; }));
  EXPECT_EQ(node.received, (Strings{"on first", "on second"}));

  second.reset();  // R4: the end of a stream removes exactly that stream
  ASSERT_TRUE(RunUntil([&] { return node.StateOf(peer.pki_id()).incoming == 1; }));
  first->stream->Send(Text("again").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 3; }));
  EXPECT_FALSE(first->ended.has_value());
  EXPECT_TRUE(node.presumed_dead.empty());
}

TEST_F(RecordTest, EndingTheFirstOfTwoIncomingStreamsLeavesTheSecond) {
  PlayedPeer& peer = AddPlayed("peer");
  auto first = peer.Open(node.host);
  auto second = peer.Open(node.host);
  first.reset();
  ASSERT_TRUE(RunUntil([&] { return node.StateOf(peer.pki_id()).incoming == 1; }));
  node.comm->Send(Text("down"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return second->messages.size() == 2; }));
}

TEST_F(RecordTest, BeyondThreeIncomingTheOneLongestSilentIsClosed) {
  PlayedPeer& peer = AddPlayed("peer");
  auto first = peer.Open(node.host);
  auto second = peer.Open(node.host);
  auto third = peer.Open(node.host);
  first->stream->Send(Text("awake").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 1; }));
  auto fourth = peer.Open(node.host);
  ASSERT_TRUE(RunUntil([&] { return second->ended.has_value(); }, 1s));
  EXPECT_TRUE(second->ended->ok());
  EXPECT_FALSE(first->ended || third->ended || fourth->ended);
  EXPECT_EQ(node.StateOf(peer.pki_id()).incoming, 3u);
  EXPECT_EQ(node.StreamEnds("incoming", "too_many"), 1u);
}

TEST_F(RecordTest, SendsOnTheNewestSettledIncomingStream) {
  PlayedPeer& peer = AddPlayed("peer");
  auto old = peer.Open(node.host);
  RunFor(1s);  // settled by age
  auto fresh = peer.Open(node.host);
  node.comm->Send(Text("1"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return old->messages.size() == 2; }, 100ms)) << "the newest has not settled";
  fresh->stream->Send(Text("settles").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 1; }));
  node.comm->Send(Text("2"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return fresh->messages.size() == 2; }, 100ms)) << "settled by a message";
  EXPECT_TRUE(peer.accepted.empty()) << "never dialled";
}

TEST_F(RecordTest, SendsOnTheNewestIncomingStreamIfNoneHasSettled) {
  PlayedPeer& peer = AddPlayed("peer");
  auto first = peer.Open(node.host);
  auto second = peer.Open(node.host);
  node.comm->Send(Text("1"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return second->messages.size() == 2; }, 100ms));
}

TEST_F(RecordTest, SendsOnTheOwnStreamIfOpen) {
  PlayedPeer& peer = AddPlayed("peer");
  PlayedStream& own = OwnStream(peer);
  auto incoming = peer.Open(node.host);
  incoming->stream->Send(Text("settled").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 1; }));
  EXPECT_FALSE(own.ended.has_value()) << "R1: not closed because an incoming one appeared";
  node.comm->Send(Text("second"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return own.messages.size() == 3; }));
  EXPECT_EQ(own.Texts(), (Strings{"first", "second"}));
}

TEST_F(RecordTest, NeverDialsWhileAnIncomingStreamIsOpen) {  // also 14.5
  PlayedPeer& peer = AddPlayed("peer");
  auto incoming = peer.Open(node.host);
  node.comm->Send(Text("down"), {{"", peer.pki_id()}});
  ASSERT_TRUE(RunUntil([&] { return incoming->messages.size() == 2; }));
  EXPECT_TRUE(node.presumed_dead.empty());
}

TEST_F(RecordTest, AnswersGoToTheStreamOfTheRequestOrToAnyOther) {
  PlayedPeer& peer = AddPlayed("peer");
  auto first = peer.Open(node.host);
  RunFor(2s);
  auto second = peer.Open(node.host);
  RunFor(2s);  // both have settled; the second is the newest
  first->stream->Send(Text("request").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.arrivals.size() == 1; }));
  node.arrivals[0]->Respond(Text("answer"));
  ASSERT_TRUE(RunUntil([&] { return first->messages.size() == 2; }));
  first.reset();
  ASSERT_TRUE(RunUntil([&] { return node.StateOf(peer.pki_id()).incoming == 1; }));
  node.arrivals[0]->Respond(Text("late answer"));
  ASSERT_TRUE(RunUntil([&] { return second->messages.size() == 2; }));
  second.reset();
  RunFor(1s);
  node.arrivals[0]->Respond(Text("too late"));
  EXPECT_EQ(node.Dropped("sent", "no_stream"), 1u);
  EXPECT_TRUE(peer.accepted.empty()) << "an answer never dials";
}

TEST_F(RecordTest, AnAckIsUnsignedAndCopiesTheNonce) {
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  wire::Message request = wire::NewMessage(wire::DataMessage{{1, base::Bytes("request"), {}}}, "channel", 77);
  stream->stream->Send(wire::UnsignedEnvelope(request).encoded());
  ASSERT_TRUE(RunUntil([&] { return node.arrivals.size() == 1; }));
  node.arrivals[0]->Ack("refused");
  ASSERT_TRUE(RunUntil([&] { return stream->messages.size() == 2; }));
  const auto envelope = *wire::Envelope::Decode(stream->messages[1]);
  const auto message = *wire::DecodeMessage(envelope.payload());
  EXPECT_FALSE(envelope.is_signed());
  EXPECT_EQ(message.nonce, 77u);
  EXPECT_EQ(message.As<wire::Acknowledgement>()->error, "refused");
}

TEST_F(RecordTest, ASilentIncomingStreamIsClosedOnceANewerOneHasSettled) {
  PlayedPeer& peer = AddPlayed("peer");
  auto old = peer.Open(node.host);
  RunFor(10s);
  auto fresh = peer.Open(node.host);
  const auto keep_talking = [&] {
    fresh->stream->Send(Text("here").encoded());
    RunFor(1s);
  };
  for (int i = 0; i < 14; ++i) keep_talking();
  EXPECT_FALSE(old->ended.has_value()) << "24 s of silence";
  keep_talking();
  keep_talking();
  ASSERT_TRUE(old->ended.has_value()) << "25 s of silence";
  EXPECT_TRUE(old->ended->ok());
  EXPECT_FALSE(fresh->ended.has_value());
  EXPECT_EQ(node.StreamEnds("incoming", "silent"), 1u);
}

TEST_F(RecordTest, AnOnlyIncomingStreamIsNeverClosedForSilence) {
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  RunFor(600s);
  EXPECT_FALSE(stream->ended.has_value());
}

TEST_F(RecordTest, WhatAStreamDidNotSendIsPutBackAndSentOnTheNext) {
  PlayedPeer& peer = AddPlayed("peer");
  auto stuck = peer.Open(node.host, true, /*credit=*/1);  // reads the handshake message only
  RunFor(1s);
  const std::string large(70000, 'x');  // fills the window
  for (int i = 0; i < 4; ++i) node.comm->Send(Text(large + std::to_string(i)), {peer.remote()});
  RunFor(1s);
  peer.Serve(true);
  stuck.reset();
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty() && peer.accepted[0]->messages.size() >= 4; }));
  RunFor(1s);
  const Strings texts = peer.accepted[0]->Texts();
  EXPECT_EQ(texts, (Strings{large + "1", large + "2", large + "3"})) << "the first one had left; order is kept";
  EXPECT_TRUE(node.presumed_dead.empty()) << "15 #3: not before a dial has failed";
}

TEST_F(RecordTest, AMessageIsPutBackOnlyOnce) {
  PlayedPeer& peer = AddPlayed("peer");
  auto first = peer.Open(node.host, true, 1);
  auto second = peer.Open(node.host, true, 1);
  RunFor(2s);
  const std::string large(70000, 'x');
  for (int i = 0; i < 2; ++i) node.comm->Send(Text(large), {peer.remote()});  // one leaves, one stays
  RunFor(100ms);
  node.comm->Send(Text(large), {peer.remote()});
  second.reset();
  RunFor(1s);  // two are on the first stream now: one leaves, one stays
  first.reset();
  ASSERT_TRUE(RunUntil([&] { return node.Dropped("sent", "stream_broke_twice") == 1; }));
}

TEST_F(RecordTest, TheEndOfAnIdleStreamIsNoReasonToDialOrToPresumeDeath) {  // 15 #3
  PlayedPeer& peer = AddPlayed("peer");
  PlayedStream& own = OwnStream(peer);
  RunFor(3s);
  own.stream->Finish({});
  RunFor(20s);
  EXPECT_TRUE(node.comm->Peers().empty()) << "removed at its end";
  EXPECT_EQ(peer.accepted.size(), 1u);
  EXPECT_TRUE(node.presumed_dead.empty());
  node.comm->Send(Text("again"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return peer.accepted.size() == 2 && peer.accepted[1]->messages.size() == 2; }));
}

TEST_F(RecordTest, PresumedDeadIsRaisedOncePerFailedDialAndTheQueueIsDropped) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.host.SetListening(false);
  for (int i = 0; i < 5; ++i) node.comm->Send(Text("lost"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !node.presumed_dead.empty(); }));
  EXPECT_EQ(node.presumed_dead, std::vector{peer.pki_id()});
  EXPECT_EQ(node.Dropped("sent", "unreachable"), 5u);
  RunFor(1s);
  EXPECT_TRUE(node.comm->Peers().empty());
}

TEST_F(RecordTest, CloseConnEndsAllStreamsAndTheDial) {
  PlayedPeer& peer = AddPlayed("peer");
  auto first = peer.Open(node.host);
  auto second = peer.Open(node.host);
  PlayedPeer& other = AddPlayed("other");
  PlayedStream& own = OwnStream(other);
  node.comm->CloseConn(peer.pki_id());
  node.comm->CloseConn(other.pki_id());
  EXPECT_EQ(node.StateOf(peer.pki_id()).incoming, 0u);
  EXPECT_FALSE(node.StateOf(other.pki_id()).outgoing);
  ASSERT_TRUE(RunUntil([&] { return first->ended && second->ended && own.half_closed; }, 1s));
  EXPECT_TRUE(first->ended->ok()) << "the remote sees status OK";

  PlayedPeer& dialled = AddPlayed("dialled");
  dialled.Serve(false);
  node.comm->Send(Text("held"), {dialled.remote()});
  ASSERT_TRUE(RunUntil([&] { return !dialled.accepted.empty(); }));
  node.comm->CloseConn(dialled.pki_id());
  ASSERT_TRUE(RunUntil([&] { return dialled.accepted[0]->ended.has_value(); }, 1s));
  EXPECT_EQ(node.Dropped("sent", "closed"), 1u);
  RunFor(5s);
  EXPECT_TRUE(node.presumed_dead.empty());
  EXPECT_TRUE(node.comm->Peers().empty());
}

TEST_F(RecordTest, R6NextOwnStreamWaitsForTheFinalStatusOfTheLast) {
  PlayedPeer& peer = AddPlayed("peer");
  PlayedStream& own = OwnStream(peer);
  node.comm->CloseConn(peer.pki_id());
  node.comm->Send(Text("next"), {peer.remote()});
  RunFor(500ms);
  EXPECT_TRUE(own.half_closed);
  EXPECT_EQ(peer.accepted.size(), 1u) << "no second stream before the status of the first";
  own.stream->Finish({});
  ASSERT_TRUE(RunUntil([&] { return peer.accepted.size() == 2 && peer.accepted[1]->messages.size() == 2; }));
}

TEST_F(RecordTest, R6NextOwnStreamComesOneSecondAfterCancellingOneThatNeverEnds) {
  PlayedPeer& peer = AddPlayed("peer");
  OwnStream(peer);
  node.comm->CloseConn(peer.pki_id());
  node.comm->Send(Text("next"), {peer.remote()});
  RunFor(1s);
  EXPECT_EQ(peer.accepted.size(), 1u);
  ASSERT_TRUE(RunUntil([&] { return peer.accepted.size() == 2; }, 100ms));
}

TEST_F(RecordTest, R6DialsAreSingleFlight) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  for (int i = 0; i < 10; ++i) node.comm->Send(Text(std::to_string(i)), {peer.remote()});
  for (int i = 0; i < 10; ++i) node.comm->Send(Text("e" + std::to_string(i)), {{peer.host.endpoint(), {}}});
  RunFor(5s);
  // One dial for the PKI-ID, one for the bare endpoint: whichever came second was cancelled without harm.
  ASSERT_EQ(peer.accepted.size(), 2u);
  Strings texts;
  std::size_t committed = 0;
  for (const auto& stream : peer.accepted) {
    if (!stream->messages.empty()) ++committed;
    const Strings more = stream->Texts();
    texts.insert(texts.end(), more.begin(), more.end());
  }
  EXPECT_EQ(committed, 1u);
  EXPECT_EQ(texts, (Strings{"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8",  "9",
                            "e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"}));
}

TEST_F(RecordTest, R7AnOwnStreamThatDiesAtOnceIsDialledAgainQuickly) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  node.comm->Send(Text("hello"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty() && peer.accepted[0]->messages.size() == 2; }));
  const auto ended = world.scheduler().Now();
  peer.accepted[0]->stream->Finish({});
  ASSERT_TRUE(RunUntil([&] { return peer.accepted.size() == 2 && peer.accepted[1]->messages.size() == 1; }));
  EXPECT_GE(world.scheduler().Now() - ended, 50ms);
  EXPECT_LE(world.scheduler().Now() - ended, 300ms);
  EXPECT_EQ(node.Count("quick_redials"), 1u);
  EXPECT_TRUE(node.presumed_dead.empty());
}

TEST_F(RecordTest, R7ThreeQuickRedialsThenPresumedDead) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  node.comm->Send(Text("hello"), {peer.remote()});
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(RunUntil([&] { return peer.accepted.size() == i + 1 && !peer.accepted[i]->messages.empty(); }));
    EXPECT_TRUE(node.presumed_dead.empty());
    peer.accepted[i]->stream->Finish({base::StatusCode::kUnknown, "refused", ""});
  }
  ASSERT_TRUE(RunUntil([&] { return !node.presumed_dead.empty(); }, 100ms));
  RunFor(10s);
  EXPECT_EQ(peer.accepted.size(), 4u);
  EXPECT_EQ(node.presumed_dead.size(), 1u);
}

TEST_F(RecordTest, R7DoesNotRedialWhileAnIncomingStreamIsOpen) {
  PlayedPeer& peer = AddPlayed("peer");
  PlayedStream& own = OwnStream(peer);
  auto incoming = peer.Open(node.host);
  own.stream->Finish({});
  RunFor(5s);
  EXPECT_EQ(peer.accepted.size(), 1u);
  node.comm->Send(Text("down"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return incoming->messages.size() == 2; }));
}

TEST_F(RecordTest, R5TheGreaterGivesItsStreamUpForTheSmallersAfterTenSeconds) {
  PlayedPeer& peer = AddPlayedOrdered(node, /*smaller=*/true);
  PlayedStream& own = OwnStream(peer);
  auto winner = peer.Open(node.host);
  RunFor(9s);
  winner->stream->Send(Text("too early").encoded());
  RunFor(500ms);
  EXPECT_FALSE(own.half_closed);
  RunFor(10s);
  EXPECT_FALSE(own.half_closed) << "needs a message on the winner";
  winner->stream->Send(Text("evidence").encoded());
  ASSERT_TRUE(RunUntil([&] { return own.half_closed; }, 100ms));
  node.comm->Send(Text("moved"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return winner->messages.size() == 2; }, 100ms));
  own.stream->Send(Text("still read").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 3; }, 100ms)) << "reads until the other end finishes";
  EXPECT_FALSE(own.ended.has_value());
  own.stream->Finish({});
  RunFor(10s);
  EXPECT_EQ(node.Count("stream_trims"), 1u);
  EXPECT_FALSE(winner->ended.has_value());
  EXPECT_FALSE(node.StateOf(peer.pki_id()).outgoing);
  EXPECT_EQ(node.StateOf(peer.pki_id()).incoming, 1u);
}

TEST_F(RecordTest, R5ClosesTheLoserAfterFiveSecondsAtTheLatest) {
  PlayedPeer& peer = AddPlayedOrdered(node, true);
  PlayedStream& own = OwnStream(peer);
  auto winner = peer.Open(node.host);
  RunFor(11s);
  winner->stream->Send(Text("evidence").encoded());
  ASSERT_TRUE(RunUntil([&] { return own.half_closed; }, 100ms));
  RunFor(4900ms);
  EXPECT_FALSE(own.ended.has_value());
  ASSERT_TRUE(RunUntil([&] { return own.ended.has_value(); }, 200ms));
}

TEST_F(RecordTest, R5TheSmallerKeepsItsStream) {
  PlayedPeer& peer = AddPlayedOrdered(node, /*smaller=*/false);
  PlayedStream& own = OwnStream(peer);
  auto loser = peer.Open(node.host);
  RunFor(20s);
  loser->stream->Send(Text("evidence").encoded());
  RunFor(20s);
  EXPECT_FALSE(own.half_closed || own.ended || loser->ended);
  loser->stream->HalfClose();  // what the greater does
  ASSERT_TRUE(RunUntil([&] { return loser->ended.has_value(); }, 100ms));
  EXPECT_TRUE(loser->ended->ok());
  EXPECT_FALSE(own.ended.has_value());
}

TEST_F(RecordTest, R5WaitsLongerIfTheTimeoutsAreRaised) {
  CommConfig config;
  config.dial_timeout = 10s;
  Node& patient = AddNode("patient", kOrg1, config);
  PlayedPeer& peer = AddPlayedOrdered(patient, true);
  peer.Serve(true);
  patient.comm->Send(Text("first"), {peer.remote()});
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty() && peer.accepted[0]->messages.size() == 2; }));
  auto winner = peer.Open(patient.host);
  RunFor(16s);
  winner->stream->Send(Text("before 10 + 2 * 2 + 3 s").encoded());
  RunFor(1500ms);
  EXPECT_FALSE(peer.accepted[0]->half_closed);
  winner->stream->Send(Text("after").encoded());
  ASSERT_TRUE(RunUntil([&] { return peer.accepted[0]->half_closed; }, 100ms));
}

TEST_F(RecordTest, IdentityOfTheSameOrganisationIsAcceptedInsteadOfTheExpectedOne) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  PlayedPeer& before = AddPlayed("before");
  auto known = before.Open(node.host);  // the node knows the old identity
  known.reset();
  RunFor(1s);
  node.comm->Send(Text("hello"), {{peer.host.endpoint(), before.pki_id()}});
  ASSERT_TRUE(RunUntil([&] { return !peer.accepted.empty() && peer.accepted[0]->messages.size() == 2; }));
  EXPECT_EQ(node.switched, std::vector{before.pki_id()});
  EXPECT_TRUE(node.presumed_dead.empty());
  RunFor(1s);
  EXPECT_TRUE(node.StateOf(peer.pki_id()).outgoing);
  EXPECT_EQ(node.comm->Peers().size(), 1u);
}

TEST_F(RecordTest, AnotherIdentityIsRefusedIfForeignOrIfTheExpectedOneIsUnknown) {
  PlayedPeer& peer = AddPlayed("peer");
  peer.Serve(true);
  PlayedPeer& foreign = AddPlayed("foreign", kOrg2);
  auto known = foreign.Open(node.host);
  known.reset();
  RunFor(1s);
  node.comm->Send(Text("hello"), {{peer.host.endpoint(), foreign.pki_id()}});
  const auto unknown = *wire::PkiId::From(std::string(32, 'u'));
  node.comm->Send(Text("hello"), {{peer.host.endpoint(), unknown}});
  ASSERT_TRUE(RunUntil([&] { return node.presumed_dead.size() == 2; }));
  EXPECT_TRUE(node.switched.empty());
  EXPECT_EQ(node.Handshakes("initiator", "unexpected_peer"), 2u);
  RunFor(1s);
  for (const auto& stream : peer.accepted) EXPECT_TRUE(stream->messages.empty()) << "R2: never committed";
}

TEST_F(RecordTest, APurgedIdentityLosesItsStreams) {  // 9.2 (b), 9.3
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  node.mapper->Purge(peer.pki_id());
  ASSERT_TRUE(RunUntil([&] { return stream->ended.has_value(); }, 1s));
  EXPECT_EQ(node.switched, std::vector{peer.pki_id()});
  RunFor(5s);
  EXPECT_TRUE(node.comm->Peers().empty());
}

TEST_F(RecordTest, AnIdentityThatExpiresWhileConnectedLosesItsStreams) {  // 9.3; 03, 2.2
  PlayedPeer& peer = AddPlayed("peer");
  const base::WallTime expiry = node.host.executor().WallNow() + 60s;
  peer.identity = authority.Issue(kOrg1, "short-lived", expiry);
  PlayedPeer& other = AddPlayed("other");
  PlayedStream& own = OwnStream(peer);
  auto incoming = peer.Open(node.host);
  auto unaffected = other.Open(node.host);
  RunFor(expiry - node.host.executor().WallNow());
  EXPECT_FALSE(own.ended || incoming->ended) << "valid until then";
  EXPECT_TRUE(node.switched.empty());

  ASSERT_TRUE(RunUntil([&] { return own.ended && incoming->ended; }, 5s));
  EXPECT_EQ(node.switched, std::vector{peer.pki_id()});
  EXPECT_FALSE(node.mapper->Get(peer.pki_id()).has_value());
  RunFor(5s);
  EXPECT_EQ(node.comm->Peers().size(), 1u);
  EXPECT_FALSE(unaffected->ended.has_value());

  auto again = peer.Open(node.host, /*authenticate=*/false);
  again->stream->Send(peer.Conn(*again->stream));
  ASSERT_TRUE(RunUntil([&] { return again->ended.has_value(); }));
  EXPECT_EQ(node.Handshakes("responder", "identity_refused"), 1u);
}

TEST_F(RecordTest, AHundredPurgesAtOnceEndAllStreams) {  // acceptance 9; 15 #6
  std::vector<std::unique_ptr<PlayedStream>> streams;
  for (int i = 0; i < 100; ++i) streams.push_back(AddPlayed("peer" + std::to_string(i)).Open(node.host));
  bool done = false;
  for (const auto& peer : played) authority.Revoke(peer->identity);
  node.mapper->Suspect([&](const auto& entry) { return entry.pki_id != node.pki_id(); }, [&] { done = true; });
  ASSERT_TRUE(RunUntil([&] { return done; }, 60s));
  RunFor(3s);
  for (const auto& stream : streams) EXPECT_TRUE(stream->ended.has_value());
  EXPECT_EQ(node.switched.size(), 100u);
  EXPECT_TRUE(node.comm->Peers().empty());
}

TEST_F(RecordTest, AnUndecodableMessageEndsItsStreamOnly) {  // 01, section 10
  PlayedPeer& peer = AddPlayed("peer");
  auto good = peer.Open(node.host);
  auto bad = peer.Open(node.host);
  bad->stream->Send(base::Bytes("\xff\xff\xff\xff"));
  ASSERT_TRUE(RunUntil([&] { return bad->ended.has_value(); }));
  EXPECT_EQ(bad->ended->code, base::StatusCode::kUnknown);
  EXPECT_EQ(node.Dropped("received", "malformed_envelope"), 1u);
  EXPECT_FALSE(good->ended.has_value());
  EXPECT_TRUE(node.presumed_dead.empty());
}

TEST_F(RecordTest, UselessMessagesAreCountedAndTheStreamGoesOn) {
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  stream->stream->Send(peer.Conn(*stream->stream));                                         // conn after the handshake
  stream->stream->Send(wire::Envelope::Make(std::string("\x18\x01", 2)).encoded());         // no content
  stream->stream->Send(wire::UnsignedEnvelope(wire::NewMessage(wire::Empty{})).encoded());  // empty
  for (int i = 0; i < 30; ++i) stream->stream->Send(Text(std::to_string(i)).encoded());
  ASSERT_TRUE(RunUntil([&] { return node.received.size() == 30; })) << "their credit is renewed";
  EXPECT_EQ(node.Dropped("received", "ignored"), 2u);
  EXPECT_EQ(node.Dropped("received", "no_content"), 1u);
  EXPECT_EQ(node.Count("messages_received"), 33u);
}

TEST_F(RecordTest, PeersAreBounded) {
  CommConfig config;
  config.max_peers = 2;
  Node& small = AddNode("small", kOrg1, config);
  auto first = AddPlayed("a").Open(small.host);
  auto second = AddPlayed("b").Open(small.host);
  auto third = AddPlayed("c").Open(small.host);
  ASSERT_TRUE(RunUntil([&] { return third->ended.has_value(); }));
  EXPECT_EQ(small.StreamEnds("incoming", "too_many_peers"), 1u);
  small.comm->Send(Text("x"), {{"d:7051", *wire::PkiId::From(std::string(32, 'd'))}});
  EXPECT_EQ(small.Dropped("sent", "too_many_peers"), 1u);
  EXPECT_FALSE(first->ended || second->ended);
}

}  // namespace
}  // namespace grapevine::comm

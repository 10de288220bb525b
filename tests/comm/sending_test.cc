// Sending, receiving and their bounds: specification 02, sections 6 to 8, D-4, D-18, D-27, 15 #7 to #9.
#include "comm/send_queue.h"
#include "harness.h"

namespace grapevine::comm {
namespace {

using Strings = std::vector<std::string>;

OutgoingMessage Item(const std::string& text, Lane lane = Lane::kBulk) {
  OutgoingMessage message;
  message.bytes = base::Bytes(text);
  message.lane = lane;
  return message;
}

Strings Contents(SendQueue& queue) {
  Strings contents;
  queue.ForEach([&](OutgoingMessage& message) {
    contents.push_back(message.bytes.ToString());
    return SendQueue::Step::kTaken;
  });
  return contents;
}

TEST(SendQueueTest, LivenessGoesFirstAndDisplacesTheNewestBulkWhenFull) {
  SendQueue queue(2, 1000);
  EXPECT_FALSE(queue.Push(Item("b1")).has_value());
  EXPECT_FALSE(queue.Push(Item("b2")).has_value());
  EXPECT_EQ(queue.Push(Item("b3"))->bytes.view(), "b3");
  EXPECT_EQ(queue.Push(Item("a1", Lane::kLiveness))->bytes.view(), "b2");
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.Push(Item("a2", Lane::kLiveness))->bytes.view(), "b1");
  EXPECT_EQ(queue.Push(Item("a3", Lane::kLiveness))->bytes.view(), "a3") << "the lane itself is bounded";
  EXPECT_EQ(Contents(queue), (Strings{"a1", "a2"}));
}

TEST(SendQueueTest, BytesAreBoundedButAnEmptyQueueTakesAnything) {
  SendQueue queue(10, 5);
  EXPECT_FALSE(queue.Push(Item("larger than five")).has_value());
  EXPECT_TRUE(queue.Push(Item("x")).has_value());
  EXPECT_EQ(Contents(queue), Strings{"larger than five"});
  EXPECT_FALSE(queue.Push(Item("123")).has_value());
  EXPECT_FALSE(queue.Push(Item("45")).has_value());
  EXPECT_TRUE(queue.Push(Item("6")).has_value());
}

TEST(SendQueueTest, MessagesWithDeadlineWaitInASecondHalf) {
  SendQueue queue(1, 1000);
  const base::SteadyTime deadline{std::chrono::seconds(5)};
  queue.Push(Item("plain"));
  auto reply = Item("reply");
  reply.terms = std::make_unique<Terms>(Terms{.deadline = deadline});
  EXPECT_FALSE(queue.Push(std::move(reply)).has_value());
  auto second = Item("second");
  second.terms = std::make_unique<Terms>(Terms{.deadline = deadline});
  EXPECT_EQ(queue.Push(std::move(second))->bytes.view(), "second");
  EXPECT_EQ(queue.NextDeadline(), deadline);
  EXPECT_TRUE(queue.Expire(deadline - 1ns).empty());
  EXPECT_EQ(queue.Expire(deadline).size(), 1u);
  EXPECT_EQ(Contents(queue), Strings{"plain"});
}

class SendingTest : public CommTest {};

TEST_F(SendingTest, SendsInOrderAndCounts) {
  Node& left = AddNode("left");
  Node& right = AddNode("right", kOrg2);
  Strings expected;
  for (int i = 0; i < 100; ++i) {
    left.comm->Send(Text(std::to_string(i)), {right.remote()});
    expected.push_back(std::to_string(i));
  }
  ASSERT_TRUE(RunUntil([&] { return right.received.size() == 100; }));
  EXPECT_EQ(right.received, expected);
  EXPECT_EQ(left.Count("messages_sent"), 100u) << "the handshake is not counted";
  EXPECT_EQ(right.Count("messages_received"), 100u);
  right.comm->Send(Text("back"), {left.remote()});
  ASSERT_TRUE(RunUntil([&] { return left.received.size() == 1; }));
  EXPECT_EQ(world.network().connections(), 1u) << "one stream serves both directions";
}

TEST_F(SendingTest, APeerThatNeverReadsCostsItsQueueAndNothingElse) {  // D-4
  CommConfig config;
  config.send_buffer = 10;
  Node& node = AddNode("node", kOrg1, config);
  PlayedPeer& mute = AddPlayed("mute");
  auto stuck = mute.Open(node.host, true, /*credit=*/1);
  Node& good = AddNode("good");
  const std::string large(70000, 'x');
  for (int i = 0; i < 1000; ++i) node.comm->Send(Text(large), {mute.remote(), good.remote()});
  RunFor(10s);
  EXPECT_LE(node.StateOf(mute.pki_id()).queued, 10u);
  EXPECT_GT(node.Count("overflow_count"), 900u);
  node.comm->Send(Text("alive and well"), {good.remote()});
  ASSERT_TRUE(RunUntil([&] { return !good.received.empty() && good.received.back() == "alive and well"; }));
  EXPECT_TRUE(node.presumed_dead.empty());
}

TEST_F(SendingTest, LivenessOvertakesQueuedBulk) {  // D-18
  CommConfig config;
  config.stream_window_messages = 1;
  Node& left = AddNode("left", kOrg1, config);
  Node& right = AddNode("right");
  for (int i = 0; i < 5; ++i) left.comm->Send(Text("bulk " + std::to_string(i)), {right.remote()});
  left.comm->Send(Alive(1), {right.remote()});
  ASSERT_TRUE(RunUntil([&] { return right.received.size() == 6; }));
  EXPECT_EQ(right.received[0], "alive 1");
}

// As gossip sends them (gossip::EmitterConfig::max_patient_burst); peer.gossip.sendBuffSize is 20 by default.
TEST_F(SendingTest, ABurstOfAliveMessagesNeedsNoQueue) {
  CommConfig config;
  config.send_buffer = 1;
  Node& left = AddNode("left", kOrg1, config);
  Node& right = AddNode("right");
  left.comm->Send(Alive(0), {right.remote()});
  ASSERT_TRUE(RunUntil([&] { return right.received.size() == 1; }));
  for (int i = 1; i <= 50; ++i) left.comm->Send(Alive(i), {right.remote()});
  ASSERT_TRUE(RunUntil([&] { return right.received.size() == 51; }));
  EXPECT_EQ(left.Count("overflow_count"), 0u);
}

TEST_F(SendingTest, AnswersToAPeerThatDoesNotReadExpire) {  // 15 #9
  Node& node = AddNode("node");
  PlayedPeer& mute = AddPlayed("mute");
  auto stuck = mute.Open(node.host, true, 1);
  stuck->stream->Send(Text("request").encoded());
  ASSERT_TRUE(RunUntil([&] { return node.arrivals.size() == 1; }));
  const std::string large(70000, 'x');
  for (int i = 0; i < 20; ++i) node.arrivals[0]->Respond(Text(large));
  EXPECT_EQ(node.StateOf(mute.pki_id()).queued, 16u) << "four fill the stream's window of bytes";
  RunFor(1999ms);
  EXPECT_EQ(node.Dropped("sent", "deadline"), 0u);
  RunFor(1ms);
  EXPECT_EQ(node.Dropped("sent", "deadline"), 15u) << "the first one left, making room for one";
  EXPECT_EQ(node.StateOf(mute.pki_id()).queued, 0u);
}

TEST_F(SendingTest, ASlowConsumerStopsItsConnectionsReadingOnlyAndLivenessPasses) {
  CommConfig config;
  config.receive_buffer = 5;
  Node& node = AddNode("node", kOrg1, config);
  node.messages.Cancel();
  auto slow = node.comm->Accept(
      "blocks", [](const ReceivedMessage& m) { return m.message().As<wire::DataMessage>() != nullptr; }, 2);
  auto liveness = node.comm->Accept(
      "liveness", [](const ReceivedMessage& m) { return m.message().As<wire::AliveMessage>() != nullptr; }, 2);
  PlayedPeer& busy = AddPlayed("busy");
  PlayedPeer& other = AddPlayed("other");
  auto flood = busy.Open(node.host);
  auto quiet = other.Open(node.host);
  for (int i = 0; i < 6; ++i) flood->stream->Send(Text(std::to_string(i)).encoded());
  RunFor(1s);
  EXPECT_EQ(slow.queued(), 2u);
  flood->stream->Send(Alive(1).encoded());  // seven of two queued and five of credit
  RunFor(1s);
  EXPECT_EQ(liveness.queued(), 1u) << "not behind the full subscriber";
  for (int i = 0; i < 20; ++i) flood->stream->Send(Text("more").encoded());
  RunFor(1s);
  EXPECT_EQ(node.Count("messages_received"), 8u) << "credit is used up: two taken, five waiting, one alive";
  quiet->stream->Send(Alive(2).encoded());
  RunFor(1s);
  EXPECT_EQ(liveness.queued(), 2u) << "other connections go on";
  slow.ReceiveAll([](const ReceivedMessagePtr&) {});
  RunFor(1s);
  EXPECT_EQ(node.Count("messages_received"), 28u);
}

TEST_F(SendingTest, AConsumerThatStandsStillLosesMessagesSoThatOthersLive) {
  CommConfig config;
  config.receive_buffer = 2;
  config.publish_patience = 10s;
  Node& node = AddNode("node", kOrg1, config);
  node.messages.Cancel();
  auto dead = node.comm->Accept(
      "dead", [](const ReceivedMessage& m) { return m.message().As<wire::DataMessage>() != nullptr; }, 1);
  auto liveness = node.comm->Accept(
      "liveness", [](const ReceivedMessage& m) { return m.message().As<wire::AliveMessage>() != nullptr; }, 9);
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  for (int i = 0; i < 3; ++i) stream->stream->Send(Text(std::to_string(i)).encoded());
  stream->stream->Send(Alive(1).encoded());
  RunFor(9s);
  EXPECT_EQ(liveness.queued(), 0u) << "no credit is left";
  RunFor(2s);
  EXPECT_EQ(liveness.queued(), 1u);
  EXPECT_EQ(node.Dropped("received", "subscriber_full"), 2u);
}

TEST_F(SendingTest, AConsumerThatStandsStillDelaysLivenessOnceAndNotPerMessage) {  // D-18
  Node& node = AddNode("node");
  node.messages.Cancel();
  auto consumer = node.comm->Accept(
      "consumer", [](const ReceivedMessage& m) { return m.message().As<wire::DataMessage>() != nullptr; }, 1);
  auto liveness = node.comm->Accept(
      "liveness", [](const ReceivedMessage& m) { return m.message().As<wire::AliveMessage>() != nullptr; }, 9);
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  for (int i = 0; i < 100; ++i) stream->stream->Send(Text(std::to_string(i)).encoded());
  stream->stream->Send(Alive(1).encoded());
  RunFor(11s);
  EXPECT_EQ(liveness.queued(), 1u) << "the peer would be taken for dead after 25 s";
  EXPECT_EQ(node.Dropped("received", "subscriber_full"), 99u);
  EXPECT_TRUE(consumer.TryReceive().has_value());
  stream->stream->Send(Text("again").encoded());
  stream->stream->Send(Text("waits").encoded());
  RunFor(1s);
  EXPECT_EQ(consumer.queued(), 1u);
  EXPECT_TRUE(consumer.TryReceive().has_value());
  RunFor(1s);
  EXPECT_EQ(consumer.queued(), 1u) << "a consumer that goes on is waited for again";
}

TEST_F(SendingTest, MessagesOfAStreamThatEndsAreStillDelivered) {
  Node& node = AddNode("node");
  node.messages.Cancel();
  auto slow = node.comm->Accept("slow", [](const ReceivedMessage&) { return true; }, 1);
  PlayedPeer& peer = AddPlayed("peer");
  auto stream = peer.Open(node.host);
  for (int i = 0; i < 5; ++i) stream->stream->Send(Text(std::to_string(i)).encoded());
  RunFor(1s);
  stream.reset();
  RunFor(1s);
  EXPECT_TRUE(node.comm->Peers().empty());
  Strings received;
  slow.ReceiveAll([&](const ReceivedMessagePtr& message) { received.push_back(Describe(message->message())); });
  RunFor(1s);
  EXPECT_EQ(received, (Strings{"0", "1", "2", "3", "4"}));
}

TEST_F(SendingTest, ConcurrentDialsAreBounded) {
  CommConfig config;
  config.max_concurrent_dials = 2;
  Node& node = AddNode("node", kOrg1, config);
  std::vector<RemotePeer> peers;
  for (int i = 0; i < 6; ++i) {
    PlayedPeer& peer = AddPlayed("silent" + std::to_string(i));
    peer.Serve(false);  // each costs the connection timeout of 2 s
    peers.push_back(peer.remote());
  }
  node.comm->Send(Text("x"), peers);
  RunFor(1s);
  const auto reached = [&] {
    std::size_t count = 0;
    for (const auto& peer : played) count += peer->accepted.size();
    return count;
  };
  EXPECT_EQ(reached(), 2u);
  RunFor(2s);
  EXPECT_EQ(reached(), 4u);
  ASSERT_TRUE(RunUntil([&] { return node.presumed_dead.size() == 6; }));
}

TEST_F(SendingTest, EventsAreCoalescedByPkiId) {  // 15 #7
  Node& node = AddNode("node");
  const auto nobody = *wire::PkiId::From(std::string(32, 'n'));
  int calls = 0;
  const auto second = node.comm->OnPresumedDead([&](const wire::PkiId&) { ++calls; });
  for (int i = 0; i < 3; ++i) {
    node.comm->Send(Text("x"), {{"", nobody}});
    RunFor(1s);
  }
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(node.presumed_dead.size(), 3u);
}

// ---- Acknowledged sends (section 7)

class AckedSendTest : public CommTest {
 protected:
  void Send(std::size_t min_ack, const std::vector<RemotePeer>& peers, base::Duration timeout = 3s) {
    handle = sender.comm->SendWithAck(message, timeout, min_ack, peers,
                                      [this](std::vector<AckResult> all) { results = std::move(all); });
    EXPECT_FALSE(results.has_value());
  }
  // Acks every message of `node` with `error`.
  static void Answer(Node& node, const std::string& error) {
    node.messages.ReceiveAll([error](const ReceivedMessagePtr& received) { received->Ack(error); });
  }
  std::optional<base::ErrorCode> Outcome(std::size_t i) const {
    if ((*results)[i].outcome.has_value()) return std::nullopt;
    return (*results)[i].outcome.error().code;
  }

  Node& sender = AddNode("sender");
  wire::Message message = wire::NewMessage(wire::DataMessage{{1, base::Bytes("private"), {}}}, "channel", 5);
  std::optional<std::vector<AckResult>> results;
  base::Handle handle;
};

TEST_F(AckedSendTest, ReturnsWhenEnoughHaveAcknowledged) {
  std::vector<RemotePeer> peers;
  for (const char* name : {"a", "b", "c"}) peers.push_back(AddNode(name).remote());
  Answer(*nodes[1], "");
  Answer(*nodes[2], "");
  Send(2, peers);
  ASSERT_TRUE(RunUntil([&] { return results.has_value(); }, 1s));
  EXPECT_EQ(results->size(), 2u) << "the one that has not answered is not in the list";
  EXPECT_EQ(message.nonce, 5u) << "15 #8: a copy";
}

TEST_F(AckedSendTest, MinAckZeroWaitsForAllAlthoughTheFirstFails) {  // D-23
  std::vector<RemotePeer> peers;
  for (const char* name : {"a", "b", "c"}) peers.push_back(AddNode(name).remote());
  Answer(*nodes[1], "no");
  Answer(*nodes[2], "");
  Send(0, peers);
  RunFor(2900ms);
  EXPECT_FALSE(results.has_value());
  ASSERT_TRUE(RunUntil([&] { return results.has_value(); }, 200ms));
  ASSERT_EQ(results->size(), 3u);
  std::size_t denied = 0, succeeded = 0, timed_out = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    succeeded += !Outcome(i).has_value() ? 1 : 0;
    denied += Outcome(i) == base::ErrorCode::kDenied ? 1 : 0;
    timed_out += Outcome(i) == base::ErrorCode::kTimeout ? 1 : 0;
  }
  EXPECT_EQ(std::make_tuple(succeeded, denied, timed_out), std::make_tuple(1u, 1u, 1u));
}

TEST_F(AckedSendTest, AConnectionFailureIsReportedAtOnce) {  // 15 #8
  PlayedPeer& peer = AddPlayed("peer");
  peer.host.SetListening(false);
  Send(1, {peer.remote()}, 60s);
  ASSERT_TRUE(RunUntil([&] { return results.has_value(); }, 4s));
  EXPECT_EQ(Outcome(0), base::ErrorCode::kUnavailable);
}

TEST_F(AckedSendTest, PeersOfOnePkiIdShareMessageAndOutcome) {
  Node& node = AddNode("a");
  Answer(node, "");
  Send(0, {node.remote(), node.remote()});
  ASSERT_TRUE(RunUntil([&] { return results.has_value(); }, 1s));
  EXPECT_EQ(results->size(), 2u);
  EXPECT_EQ(node.Count("messages_received"), 1u);
}

TEST_F(AckedSendTest, NoPeersAndPeersWithoutPkiId) {
  Send(0, {});
  RunFor(0ns);
  ASSERT_TRUE(results.has_value());
  EXPECT_TRUE(results->empty());
  results.reset();
  Send(1, {{"a:7051", {}}});
  RunFor(0ns);
  ASSERT_TRUE(results.has_value());
  EXPECT_EQ(Outcome(0), base::ErrorCode::kInvalid);
}

TEST_F(AckedSendTest, AcksAreInternalAndAnAckFromAnotherPeerCountsForNothing) {
  PlayedPeer& asked = AddPlayed("asked");
  asked.Serve(true);
  PlayedPeer& other = AddPlayed("other");
  auto stream = other.Open(sender.host);
  Send(1, {asked.remote()});
  ASSERT_TRUE(RunUntil([&] { return !asked.accepted.empty() && asked.accepted[0]->messages.size() == 2; }));
  const auto sent = *wire::DecodeMessage(wire::Envelope::Decode(asked.accepted[0]->messages[1])->payload());
  const auto ack = wire::UnsignedEnvelope(wire::NewMessage(wire::Acknowledgement{}, {}, sent.nonce)).encoded();
  stream->stream->Send(ack);
  RunFor(1s);
  EXPECT_FALSE(results.has_value());
  EXPECT_EQ(sender.host.metrics().CounterValue("gossip_comm_dropped_messages",
                                               {{"direction", "received"}, {"reason", "unexpected_ack"}}),
            1u);
  asked.accepted[0]->stream->Send(ack);
  ASSERT_TRUE(RunUntil([&] { return results.has_value(); }, 1s));
  EXPECT_FALSE(Outcome(0).has_value());
  EXPECT_TRUE(sender.received.empty());
}

TEST_F(AckedSendTest, AForgottenOperationIsNotReported) {
  Node& node = AddNode("a");
  Answer(node, "");
  Send(1, {node.remote()});
  handle.Reset();
  RunFor(10s);
  EXPECT_FALSE(results.has_value());
  EXPECT_EQ(node.Count("messages_received"), 1u) << "what was queued is sent nevertheless";
}

}  // namespace
}  // namespace grapevine::comm

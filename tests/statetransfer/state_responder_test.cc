// The responder (specification 20, sections 3, 8 and 14).
#include "statetransfer/state_responder.h"

#include <gtest/gtest.h>

#include "ledger/ledger.h"
#include "msp/block.h"
#include "simulation/simulated_block.h"
#include "simulation/simulated_disk.h"
#include "statetransfer/transfer_world.h"

namespace grapevine::statetransfer {
namespace {

// `node_` has the ledger; the servers of the world play those who ask.
class StateResponderTest : public TransferWorld {
 protected:
  struct Answer {
    std::uint64_t nonce = 0;
    std::vector<std::uint64_t> numbers;
    base::SteadyTime time;
    wire::Message message;
  };

  // The ledger fills in the transactions' validation codes, which no signature covers (section 8).
  static bool IsSameBlock(base::ByteView one, base::ByteView other) {
    const auto a = msp::ParseBlock(one);
    const auto b = msp::ParseBlock(other);
    return a && b && a->header.Hash() == b->header.Hash() && a->transactions == b->transactions &&
           a->metadata[0] == b->metadata[0];
  }
  void Start(std::uint64_t height, std::size_t block_bytes = 100, StateTransferLimits limits = {}) {
    index_ = *disk_.OpenIndex("index");
    ledger_ = std::move(*ledger::Ledger::Open(node_->host().environment(), disk_, *index_,
                                              {.folder = "chain", .channel = kChannel, .limits = {}, .start = {}}));
    const base::Bytes orderer = authority_.Issue(simulation::kOrdererMspId, "orderer");
    std::string previous(32, '\0');
    for (std::uint64_t number = 0; number < height; ++number) {
      blocks_.push_back(simulation::MakeBlock(authority_, orderer, kChannel, number, number == 0 ? "" : previous,
                                              {std::string(block_bytes, 'x')}));
      previous = msp::ParseBlock(blocks_.back())->header.Hash().ToString();
      ledger_->Commit(blocks_.back(), [](const base::Result<void>& done) { ASSERT_TRUE(done); }).Detach();
    }
    ASSERT_TRUE(RunUntil([&] { return ledger_->height() == height; }, 60s));
    responder_ = std::make_unique<StateResponder>(
        node_->host().environment(),
        StateResponderParts{.gossip = node_->gossip(), .crypto = *crypto_, .ledger = *ledger_}, kChannel,
        StateTransferConfig{}, limits);
    answers_.resize(servers_.size());
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      subscriptions_.push_back(server(i).peer.gossip().AcceptUnvalidated(
          "answers", [](const comm::ReceivedMessage& m) { return m.message().As<wire::StateResponse>() != nullptr; }));
      subscriptions_.back().ReceiveAll([this, i](const comm::ReceivedMessagePtr& message) {
        Answer answer{message->message().nonce, {}, Now(), message->message()};
        for (const auto& payload : message->message().As<wire::StateResponse>()->payloads) {
          answer.numbers.push_back(payload.number);
          EXPECT_TRUE(IsSameBlock(payload.block, blocks_[payload.number])) << payload.number;
          EXPECT_TRUE(payload.private_data.empty());
        }
        answers_[i].push_back(std::move(answer));
      });
    }
  }
  void Ask(std::size_t from, std::uint64_t start, std::uint64_t end, std::uint64_t nonce = 1) {
    server(from).peer.gossip().Send(wire::NewMessage(wire::StateRequest{start, end}, kChannel, nonce),
                                    {{.endpoint = node_->endpoint(), .pki_id = node_->pki_id()}});
  }
  // The numbers in the answer; the nonce must be right. Nothing: silence.
  std::optional<std::vector<std::uint64_t>> AskAndWait(std::uint64_t start, std::uint64_t end) {
    const std::size_t before = answers_[0].size();
    Ask(0, start, end, ++nonce_);
    RunFor(1s);
    if (answers_[0].size() == before) return std::nullopt;
    EXPECT_EQ(answers_[0].size(), before + 1);
    EXPECT_EQ(answers_[0].back().nonce, nonce_);
    return answers_[0].back().numbers;
  }
  static std::vector<std::uint64_t> Numbers(std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t number = first; number <= last; ++number) numbers.push_back(number);
    return numbers;
  }
  std::uint64_t Ignored(const std::string& reason) { return Refused(reason, "state_request"); }

  simulation::SimulatedDisk disk_;
  std::unique_ptr<base::KeyValueIndex> index_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::vector<base::Bytes> blocks_;
  std::unique_ptr<StateResponder> responder_;
  std::vector<std::vector<Answer>> answers_;
  std::vector<comm::AcceptedMessages> subscriptions_;
  std::uint64_t nonce_ = 100;
};

TEST_F(StateResponderTest, AnswersWhatExistsOfTheRange) {  // section 8
  Build(1);
  Start(20);
  EXPECT_EQ(AskAndWait(0, 0), Numbers(0, 0));
  EXPECT_EQ(AskAndWait(5, 15), Numbers(5, 15));  // 11 blocks
  EXPECT_EQ(answers_[0].back().message.tag, wire::Tag::kChannelOrOrg);
  EXPECT_EQ(answers_[0].back().message.channel, kChannel);
  EXPECT_EQ(AskAndWait(15, 25), Numbers(15, 19));
  EXPECT_EQ(AskAndWait(20, 25), std::vector<std::uint64_t>());  // always one answer, even with zero payloads
}

TEST_F(StateResponderTest, InvalidRangesAreMetWithSilence) {
  Build(1);
  Start(20);
  EXPECT_EQ(AskAndWait(0, 11), std::nullopt);  // 12 blocks
  EXPECT_EQ(AskAndWait(5, 4), std::nullopt);
  EXPECT_EQ(AskAndWait(~0ULL, ~0ULL), std::nullopt);  // start + 10 wraps around
  EXPECT_EQ(AskAndWait(0, ~0ULL), std::nullopt);
  EXPECT_EQ(Ignored("range"), 4U);
}

TEST_F(StateResponderTest, NoReaderOfTheChannelGetsAnAnswer) {  // section 3
  Build(1, 1);
  Start(20);
  authority_.SetReaders(kChannel, {kOrg1});
  Ask(1, 1, 5);
  RunFor(1s);
  EXPECT_TRUE(answers_[1].empty());
  EXPECT_EQ(Ignored("not_reader"), 1U);
  EXPECT_EQ(AskAndWait(1, 5), Numbers(1, 5));
}

TEST_F(StateResponderTest, OtherChannelsAreNotItsAffair) {
  Build(1);
  Start(20);
  server(0).peer.gossip().Send(wire::NewMessage(wire::StateRequest{1, 2}, "other", 1),
                               {{.endpoint = node_->endpoint(), .pki_id = node_->pki_id()}});
  RunFor(1s);
  EXPECT_TRUE(answers_[0].empty());
}

TEST_F(StateResponderTest, AnswersAreCappedInBytesAndNeverWithoutABlock) {
  Build(1);
  Start(12, 1000, {.max_answer_bytes = 3 * 1200});
  EXPECT_EQ(AskAndWait(1, 11), Numbers(1, 3));
}

TEST_F(StateResponderTest, ABlockLargerThanTheCapIsSentAlone) {
  Build(1);
  Start(12, 1000, {.max_answer_bytes = 10});
  EXPECT_EQ(AskAndWait(4, 11), Numbers(4, 4));
}

TEST_F(StateResponderTest, FloodIsBoundedAndTheOtherPeerHasItsTurn) {
  Build(2);
  Start(20);
  RunFor(1s);
  const base::SteadyTime start = Now();
  for (std::uint64_t i = 0; i < 100; ++i) Ask(0, 1, 11, i);
  Ask(1, 1, 11, 7);
  ASSERT_TRUE(RunUntil([&] { return !answers_[1].empty(); }, 1s));
  EXPECT_LE(answers_[0].size(), 8U);  // those before it: at most its queue and what was begun
  EXPECT_LE(Now() - start, 10ms);
  RunFor(5s);
  EXPECT_EQ(answers_[0].size() + Ignored("queue_full"), 100U);
  EXPECT_GE(Ignored("queue_full"), 80U);
  EXPECT_EQ(answers_[1].size(), 1U);
}

TEST_F(StateResponderTest, WhoDoesNotReadHoldsUpNobody) {
  Build(2);
  Start(12, 200'000);
  server(0).peer.host().StopReading();
  for (std::uint64_t i = 0; i < 8; ++i) Ask(0, 1, 11, i);
  RunFor(100ms);
  const base::SteadyTime start = Now();
  Ask(1, 1, 11, 7);
  ASSERT_TRUE(RunUntil([&] { return !answers_[1].empty(); }, 5s));
  EXPECT_LE(Now() - start, 200ms);
  // Of eight for the one who does not read: one that has left, three on their way; and one for the other.
  EXPECT_EQ(node_->host().metrics().CounterValue("gossip_statetransfer_answers", {{"channel", kChannel}}), 5U);
}

TEST_F(StateResponderTest, TheMoreIsOnItsWayTheShorterAreAnswers) {
  Build(4);
  const std::size_t block = 200'500;  // at most
  Start(12, 200'000, {.max_unsent_bytes = 40 * block});
  const auto blocks_sent = [&] {
    return node_->host().metrics().CounterValue("gossip_statetransfer_blocks_sent", {{"channel", kChannel}});
  };
  EXPECT_EQ(AskAndWait(1, 11), Numbers(1, 10)) << "a quarter of 40";
  const std::uint64_t before = blocks_sent();
  for (std::size_t i = 0; i < 3; ++i) {
    server(i).peer.host().StopReading();
    for (std::uint64_t nonce = 0; nonce < 8; ++nonce) Ask(i, 1, 11, nonce);
    RunFor(100ms);
  }
  // To each one answer that has left and three on their way, a quarter of what is left at a time.
  EXPECT_EQ(blocks_sent() - before, (10U + 10U + 7U + 5U) + (4U + 4U + 3U + 2U) + (2U + 2U + 1U + 1U));
  Ask(3, 1, 11, 7);
  ASSERT_TRUE(RunUntil([&] { return !answers_[3].empty(); }, 1s));
  EXPECT_EQ(answers_[3].front().numbers, Numbers(1, 1));
  for (std::size_t i = 0; i < 3; ++i) node_->gossip().comm().CloseConn(server(i).peer.pki_id());
  Ask(3, 1, 11, 8);
  ASSERT_TRUE(RunUntil([&] { return answers_[3].size() == 2; }, 1s));
  EXPECT_GT(answers_[3].back().numbers.size(), 1U);
}

TEST_F(StateResponderTest, DestroyedItStops) {
  Build(1);
  Start(20);
  Ask(0, 1, 5);
  RunFor(kLinkLatency);
  responder_.reset();  // the requester is being checked
  RunFor(5s);
  EXPECT_TRUE(answers_[0].empty());
}

TEST_F(StateResponderTest, TwoStationsOneCatchesUpFromTheOther) {
  Build(1);
  Start(200, 1000);
  // The server of the world asks for real now.
  const auto& environment = server(0).peer.host().environment();
  simulation::SimulatedCrypto crypto(environment, authority_, server(0).peer.identity());
  class Chain final : public ledger::BlockSink {
   public:
    explicit Chain(msp::MessageCrypto& with) : crypto_(with) {}
    std::uint64_t next() const override { return next_; }
    std::uint64_t limit() const override { return next_ + 200; }
    std::size_t pending_bytes() const override { return 0; }
    base::Handle Offer(std::uint64_t number, base::Bytes block, ledger::BlockOrigin, Verdict done) override {
      waiting_.emplace(number, std::pair(std::move(block), std::move(done)));
      Go();
      return {};
    }

   private:
    void Go() {
      const auto first = waiting_.find(next_);
      if (verifying_ || first == waiting_.end()) return;
      verifying_ = true;
      verification_ = crypto_.VerifyBlock(kChannel, next_, first->second.first, [this](base::Result<void> verdict) {
        verifying_ = false;
        auto judged = waiting_.extract(next_);
        if (verdict) ++next_;
        judged.mapped().second(std::move(verdict));
        Go();
      });
    }
    msp::MessageCrypto& crypto_;
    std::uint64_t next_ = 1;
    bool verifying_ = false;
    std::map<std::uint64_t, std::pair<base::Bytes, Verdict>> waiting_;
    base::Handle verification_;
  };
  Chain chain(crypto);
  StateTransfer transfer(environment, {.gossip = server(0).peer.gossip(), .crypto = crypto, .blocks = chain}, kChannel,
                         {.enabled = true});
  node_->gossip().UpdateLedgerHeight(kChannel, ledger_->height());
  ASSERT_TRUE(RunUntil([&] { return chain.next() == 200; }, 10s));
  ASSERT_TRUE(RunUntil([&] { return !transfer.progress().active; }, 1s));
}

}  // namespace
}  // namespace grapevine::statetransfer

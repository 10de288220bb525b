// Messages get in one per event, and only so many are in work.
#include "gossip/intake.h"

#include <gtest/gtest.h>

#include <optional>

#include "comm/demultiplexer.h"
#include "simulation/world.h"

namespace grapevine::gossip {
namespace {

using namespace std::chrono_literals;
using Numbers = std::vector<std::uint64_t>;

class IntakeTest : public ::testing::Test {
 protected:
  comm::AcceptedMessages Subscribe() {
    return demultiplexer_.Subscribe("test", [](const comm::ReceivedMessagePtr&) { return true; }, 10);
  }
  void Publish(std::uint64_t nonce, comm::Lane lane = comm::Lane::kBulk, char sender = 'a') {
    const wire::Message message = wire::NewMessage(wire::Acknowledgement{}, {}, nonce);
    auto connection = std::make_shared<comm::ConnectionInfo>();
    connection->pki_id = *wire::PkiId::From(std::string(wire::PkiId::kSize, sender));
    auto received = std::make_shared<const comm::ReceivedMessage>(wire::UnsignedEnvelope(message), message,
                                                                  std::move(connection), nullptr);
    base::Handle withdraw;
    EXPECT_EQ(demultiplexer_.Publish(std::move(received), lane, [](bool) {}, &withdraw), comm::Published::kDone);
  }
  std::unique_ptr<Intake> Make(std::size_t max_in_work, std::size_t per_peer = 100) {
    return std::make_unique<Intake>(host_.metrics(), Subscribe(),
                                    IntakeConfig{.max_in_work = max_in_work, .max_in_work_per_peer = per_peer},
                                    [this](const comm::ReceivedMessagePtr& message, const Ticket& ticket) {
                                      taken_.push_back(message->message().nonce);
                                      if (keep_) tickets_.push_back(ticket);
                                    });
  }
  void Run() { EXPECT_TRUE(world_.scheduler().RunUntilQuiescent(10s)); }

  simulation::World world_{1};
  simulation::Host& host_ = world_.AddHost("host");
  comm::Demultiplexer<comm::ReceivedMessagePtr> demultiplexer_{host_.environment()};
  Numbers taken_;
  std::vector<Ticket> tickets_;
  bool keep_ = true;
};

TEST_F(IntakeTest, ASynchronousHandlerTakesEverythingAFewInOneEvent) {
  keep_ = false;
  const auto intake = Make(1);
  Numbers published;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    Publish(i);
    published.push_back(i);
  }
  EXPECT_TRUE(taken_.empty());
  std::vector<std::size_t> taken_by;  // each event
  while (world_.scheduler().Step()) taken_by.push_back(taken_.size());
  EXPECT_EQ(taken_by, (std::vector<std::size_t>{8, 10}));
  EXPECT_EQ(taken_, published);
  EXPECT_EQ(intake->in_work(), 0u);
}

TEST_F(IntakeTest, WithAllTicketsOutMessagesWaitInTheSubscription) {
  const auto intake = Make(2);
  for (std::uint64_t i = 1; i <= 4; ++i) Publish(i);
  Run();
  EXPECT_EQ(taken_, (Numbers{1, 2}));
  EXPECT_EQ(intake->in_work(), 2u);
  const Ticket copy = tickets_.front();
  tickets_.erase(tickets_.begin());
  Run();
  EXPECT_EQ(taken_, (Numbers{1, 2})) << "a copy of the ticket is out";
  tickets_.clear();
  Run();
  EXPECT_EQ(taken_, (Numbers{1, 2, 3}));
  EXPECT_EQ(intake->in_work(), 2u);
}

// One peer, whatever it sends, leaves places for the others; what it sends beyond its share is counted.
TEST_F(IntakeTest, NoPeerTakesAllPlaces) {
  const auto intake = Make(4, 2);
  for (std::uint64_t i = 1; i <= 5; ++i) Publish(i, comm::Lane::kBulk, 'm');
  Publish(6, comm::Lane::kBulk, 'b');
  Run();
  EXPECT_EQ(taken_, (Numbers{1, 2, 6}));
  EXPECT_EQ(intake->in_work(), 3u);
  EXPECT_EQ(host_.metrics().CounterValue("gossip_intake_refused", {{"type", "ack"}, {"reason", "too_many_of_peer"}}),
            3u);
  tickets_.erase(tickets_.begin());  // the first one's place is free again
  Publish(7, comm::Lane::kBulk, 'm');
  Run();
  EXPECT_EQ(taken_, (Numbers{1, 2, 6, 7}));
  tickets_.clear();
  EXPECT_EQ(intake->in_work(), 0u);
}

TEST_F(IntakeTest, LivenessComesFirst) {
  const auto intake = Make(1);
  Publish(1);
  Run();
  Publish(2);
  Publish(3, comm::Lane::kLiveness);
  tickets_.clear();
  Run();
  EXPECT_EQ(taken_, (Numbers{1, 3}));
}

TEST_F(IntakeTest, TicketsMayOutliveIt) {
  auto intake = Make(1);
  Publish(1);
  Publish(2);
  Run();
  intake.reset();
  tickets_.clear();
  Run();
  EXPECT_EQ(taken_, Numbers{1});
}

TEST_F(IntakeTest, AHandlerMayDestroyIt) {
  std::unique_ptr<Intake> intake;
  intake = std::make_unique<Intake>(host_.metrics(), Subscribe(), IntakeConfig{},
                                    [&](const comm::ReceivedMessagePtr& message, const Ticket&) {
                                      taken_.push_back(message->message().nonce);
                                      intake.reset();
                                    });
  Publish(1);
  Publish(2);
  Run();
  EXPECT_EQ(taken_, Numbers{1});
}

TEST_F(IntakeTest, TheEndOfTheSubscriptionIsQuiet) {
  const auto intake = Make(4);
  Publish(1);
  demultiplexer_.Close();
  Run();
  EXPECT_EQ(taken_, Numbers{1});
}

}  // namespace
}  // namespace grapevine::gossip

#include "statetransfer/request_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace grapevine::statetransfer {
namespace {

class RequestQueueTest : public ::testing::Test {
 protected:
  static comm::ReceivedMessagePtr Request(char peer, std::uint64_t nonce) {
    auto connection = std::make_shared<comm::ConnectionInfo>();
    connection->pki_id = *wire::PkiId::From(std::string(wire::PkiId::kSize, peer));
    return std::make_shared<comm::ReceivedMessage>(wire::Envelope(),
                                                   wire::NewMessage(wire::StateRequest{1, 2}, "mychannel", nonce),
                                                   std::move(connection), nullptr);
  }
  static std::string Name(const std::optional<comm::ReceivedMessagePtr>& request) {
    if (!request) return "-";
    return (*request)->connection().pki_id.view().front() + std::to_string((*request)->message().nonce);
  }
  std::string Push(char peer, std::uint64_t nonce) { return Name(queue_.Push(Request(peer, nonce))); }
  std::string Pop() {
    return Name(queue_.Pop([](const wire::PkiId&) { return true; }));
  }

  RequestQueue queue_{6, 4};
};

TEST_F(RequestQueueTest, PeersTakeTurns) {
  for (const std::uint64_t nonce : {1, 2, 3}) EXPECT_EQ(Push('a', nonce), "-");
  EXPECT_EQ(Push('b', 1), "-");
  EXPECT_EQ(Push('c', 1), "-");
  std::string order;
  while (!queue_.empty()) order += Pop();
  EXPECT_EQ(order, "a1b1c1a2a3");
  EXPECT_EQ(Pop(), "-");
}

TEST_F(RequestQueueTest, WhoMayNotHaveATurnIsPassedOver) {
  Push('a', 1);
  Push('b', 1);
  const auto not_a = [](const wire::PkiId& peer) { return peer.view()[0] != 'a'; };
  EXPECT_EQ(Name(queue_.Pop(not_a)), "b1");
  EXPECT_EQ(Name(queue_.Pop(not_a)), "-");
  EXPECT_EQ(Pop(), "a1");
}

TEST_F(RequestQueueTest, OnePeerHasItsShareOnly) {
  for (const std::uint64_t nonce : {1, 2, 3, 4}) EXPECT_EQ(Push('a', nonce), "-");
  EXPECT_EQ(Push('a', 5), "a5");
}

TEST_F(RequestQueueTest, WhenFullWhoHasMostMakesRoom) {
  for (const std::uint64_t nonce : {1, 2, 3, 4}) Push('a', nonce);
  Push('b', 1);
  Push('b', 2);
  EXPECT_EQ(Push('c', 1), "a4");
  EXPECT_EQ(Push('b', 3), "b3");  // that would only change places
  EXPECT_EQ(Push('c', 2), "a3");
  EXPECT_EQ(Push('c', 3), "c3");
}

}  // namespace
}  // namespace grapevine::statetransfer

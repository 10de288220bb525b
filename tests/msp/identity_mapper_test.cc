// The identity mapper: insertion, forgetting and suspicion (specification 03, sections 2.1 to 2.3).
#include "msp/identity_mapper.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "msp/virtual_node.h"
#include "simulation/authority.h"
#include "simulation/simulated_crypto.h"

namespace grapevine::msp {
namespace {

using base::Bytes;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const base::WallTime kStart = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);

class IdentityMapperTest : public ::testing::Test {
 protected:
  void Start(IdentityMapperConfig config = {}) {
    mapper_ = std::make_unique<IdentityMapper>(node_.environment(), crypto_, own_, config);
    hook_ = mapper_->OnPurge([this](const IdentityMapper::Entry& entry, const std::string& reason) {
      purged_.push_back(entry.pki_id);
      reasons_.push_back(reason);
    });
    node_.scheduler.RunFor(seconds(1));
  }
  static wire::PkiId IdOf(const Bytes& identity) { return *simulation::Authority::PkiIdOf(identity); }
  base::Result<IdentityMapper::Entry> Put(const Bytes& identity) { return Put(IdOf(identity), identity); }
  base::Result<IdentityMapper::Entry> Put(const wire::PkiId& pki_id, const Bytes& identity) {
    return node_.Await<IdentityMapper::Entry>([&](auto done) { return mapper_->Put(pki_id, identity, done); });
  }

  VirtualNode node_{kStart};
  simulation::Authority authority_{7};
  Bytes own_ = authority_.Issue("Org1MSP", "own", kStart + hours(24 * 60));
  simulation::SimulatedCrypto crypto_{node_.environment(), authority_, own_};
  std::unique_ptr<IdentityMapper> mapper_;
  std::vector<wire::PkiId> purged_;
  std::vector<std::string> reasons_;
  base::Handle hook_;
};

TEST_F(IdentityMapperTest, KnowsTheOwnIdentityFromTheStart) {
  Start();
  ASSERT_EQ(mapper_->List().size(), 1U);
  EXPECT_EQ(mapper_->List()[0].pki_id, IdOf(own_));
  EXPECT_EQ(mapper_->own_pki_id(), IdOf(own_));
  EXPECT_EQ(mapper_->OrganizationOf(IdOf(own_)), "Org1MSP");
}

TEST_F(IdentityMapperTest, InvalidOwnIdentityIsAnErrorInTheLog) {
  authority_.Revoke(own_);
  Start();
  EXPECT_TRUE(mapper_->List().empty());
  EXPECT_EQ(node_.log.errors.size(), 1U);
}

TEST_F(IdentityMapperTest, InsertsOnlyValidUnexpiredIdentitiesUnderTheirOwnPkiId) {
  Start();
  const Bytes peer = authority_.Issue("Org2MSP", "peer");
  const Bytes expired = authority_.Issue("Org2MSP", "expired", kStart - seconds(1));
  const Bytes unknown = authority_.IssueByUnknownCa("Org2MSP", "stranger");
  EXPECT_EQ(Put(IdOf(expired), peer).error().code, base::ErrorCode::kInvalid);
  EXPECT_FALSE(Put(unknown).has_value());
  EXPECT_EQ(Put(expired).error().code, base::ErrorCode::kDenied);
  EXPECT_FALSE(Put(wire::PkiId(), Bytes()).has_value());
  EXPECT_EQ(mapper_->List().size(), 1U);
  const auto entry = Put(peer);
  ASSERT_TRUE(entry.has_value()) << entry.error().message;
  EXPECT_EQ(entry->organization, "Org2MSP");
  EXPECT_EQ(entry->identity, peer);
  EXPECT_EQ(mapper_->Get(IdOf(peer))->identity, peer);
  EXPECT_FALSE(mapper_->Get(IdOf(unknown)).has_value());
  EXPECT_TRUE(Put(peer).has_value()) << "known already";
}

TEST_F(IdentityMapperTest, EqualPendingInsertionsShareOneValidation) {
  Start();
  const Bytes peer = authority_.Issue("Org2MSP", "peer");
  const std::uint64_t before = node_.workers.submitted();
  int answers = 0;
  const auto count = [&](const base::Result<IdentityMapper::Entry>& entry) { answers += entry ? 1 : 0; };
  const base::Handle first = mapper_->Put(IdOf(peer), peer, count);
  const base::Handle second = mapper_->Put(IdOf(peer), peer, count);
  base::Handle cancelled = mapper_->Put(IdOf(peer), peer, count);
  cancelled.Reset();
  EXPECT_EQ(answers, 0) << "never inside the call";
  node_.scheduler.RunFor(seconds(1));
  EXPECT_EQ(answers, 2);
  EXPECT_EQ(node_.workers.submitted() - before, 1U);
}

TEST_F(IdentityMapperTest, ForgetsAnIdentityOneMillisecondAfterItsExpiry) {
  Start();
  const Bytes peer = authority_.Issue("Org2MSP", "peer", kStart + minutes(30));
  ASSERT_TRUE(Put(peer).has_value());
  node_.scheduler.RunFor(kStart + minutes(30) - node_.executor.WallNow());
  EXPECT_TRUE(mapper_->Get(IdOf(peer)).has_value());
  node_.scheduler.RunFor(milliseconds(1));
  EXPECT_FALSE(mapper_->Get(IdOf(peer)).has_value());
  EXPECT_EQ(purged_, std::vector{IdOf(peer)});
}

TEST_F(IdentityMapperTest, EachExpiresAtItsTimeWhateverTheOrderInWhichTheyCame) {
  Start();
  std::vector<Bytes> peers;
  for (const int expiry : {30, 10, 20}) {
    peers.push_back(authority_.Issue("Org2MSP", "peer" + std::to_string(expiry), kStart + minutes(expiry)));
    ASSERT_TRUE(Put(peers.back()).has_value());
  }
  for (const auto& [expiry, index] : std::vector<std::pair<int, std::size_t>>{{10, 1}, {20, 2}, {30, 0}}) {
    node_.scheduler.RunFor(kStart + minutes(expiry) - node_.executor.WallNow());
    EXPECT_TRUE(mapper_->Get(IdOf(peers[index])).has_value());
    node_.scheduler.RunFor(milliseconds(1));
    EXPECT_FALSE(mapper_->Get(IdOf(peers[index])).has_value());
  }
  EXPECT_EQ(purged_, (std::vector{IdOf(peers[1]), IdOf(peers[2]), IdOf(peers[0])}));
}

TEST_F(IdentityMapperTest, AJumpOfTheClockIsNoticedWithinADay) {
  Start({.usage_threshold = hours(24 * 365)});
  const Bytes peer = authority_.Issue("Org2MSP", "peer", kStart + hours(24 * 50));
  ASSERT_TRUE(Put(peer).has_value());
  const base::WallTime jumped = node_.executor.WallNow() + hours(24 * 51);
  node_.executor.SetWallOffset({});
  node_.executor.SetWallOffset(jumped - node_.executor.WallNow());
  node_.scheduler.RunFor(hours(12));
  ASSERT_TRUE(Put(authority_.Issue("Org2MSP", "another", jumped + hours(24 * 2))).has_value());
  node_.scheduler.RunFor(hours(12));
  EXPECT_EQ(purged_, std::vector{IdOf(peer)});
}

TEST_F(IdentityMapperTest, OwnExpiryIsLoudAndForgetsNothing) {
  Start();
  node_.scheduler.RunFor(hours(24 * 60));
  EXPECT_EQ(mapper_->List().size(), 1U);
  ASSERT_EQ(node_.log.errors.size(), 1U);
  EXPECT_NE(node_.log.errors[0].find("EXPIRED"), std::string::npos);
}

TEST_F(IdentityMapperTest, ForgetsWhatIsUnusedForTheThreshold) {
  Start();
  const Bytes idle = authority_.Issue("Org2MSP", "idle");
  const Bytes used = authority_.Issue("Org2MSP", "used");
  ASSERT_TRUE(Put(idle).has_value());
  ASSERT_TRUE(Put(used).has_value());
  for (int i = 0; i < 12; ++i) {
    node_.scheduler.RunFor(minutes(6));
    mapper_->Get(IdOf(used));
    mapper_->List();                      // does not mark used
    mapper_->OrganizationOf(IdOf(idle));  // neither
  }
  EXPECT_EQ(purged_, std::vector{IdOf(idle)});
  EXPECT_EQ(mapper_->List().size(), 2U);
}

TEST_F(IdentityMapperTest, SuspicionPurgesWhatIsNoLongerValid) {
  Start();
  const Bytes good = authority_.Issue("Org2MSP", "good");
  const Bytes revoked = authority_.Issue("Org2MSP", "revoked");
  const Bytes unsuspected = authority_.Issue("Org3MSP", "unsuspected");
  for (const Bytes& identity : {good, revoked, unsuspected}) ASSERT_TRUE(Put(identity).has_value());
  authority_.Revoke(revoked);
  authority_.Revoke(unsuspected);
  bool done = false;
  mapper_->Suspect([](const IdentityMapper::Entry& entry) { return entry.organization != "Org3MSP"; },
                   [&] { done = true; });
  EXPECT_FALSE(done);
  node_.scheduler.RunFor(seconds(1));
  EXPECT_TRUE(done);
  EXPECT_EQ(purged_, std::vector{IdOf(revoked)});
  EXPECT_TRUE(mapper_->Get(IdOf(unsuspected)).has_value());
}

TEST_F(IdentityMapperTest, RemembersAtMostItsBoundOfTheMostRecentlyUsed) {
  Start({.max_identities = 3});
  const Bytes a = authority_.Issue("Org2MSP", "a");
  const Bytes b = authority_.Issue("Org2MSP", "b");
  const Bytes c = authority_.Issue("Org2MSP", "c");
  ASSERT_TRUE(Put(a).has_value());
  ASSERT_TRUE(Put(b).has_value());
  mapper_->Get(IdOf(a));
  ASSERT_TRUE(Put(c).has_value());
  node_.scheduler.RunFor(seconds(1));
  EXPECT_EQ(purged_, std::vector{IdOf(b)});
  EXPECT_EQ(mapper_->List().size(), 3U) << "the own one is never forgotten";
}

TEST_F(IdentityMapperTest, TheLongestUnusedIsForgottenHoweverOftenTheOthersWereUsed) {
  Start({.max_identities = 5});
  std::vector<Bytes> peers;
  for (const char* name : {"a", "b", "c", "d"}) {
    peers.push_back(authority_.Issue("Org2MSP", name));
    ASSERT_TRUE(Put(peers.back()).has_value());
  }
  for (const std::size_t used : {0, 1, 2, 3, 1, 0, 0, 2})
    mapper_->Get(IdOf(peers[used]));  // order of last use: 3 1 0 2
  std::vector<wire::PkiId> expected;
  for (const std::size_t next : {3, 1, 0, 2}) {
    ASSERT_TRUE(Put(authority_.Issue("Org2MSP", "new" + std::to_string(next))).has_value());
    node_.scheduler.RunFor(seconds(1));
    expected.push_back(IdOf(peers[next]));
    EXPECT_EQ(purged_, expected);
  }
}

TEST_F(IdentityMapperTest, HooksRunAsEventsAndMayUseTheMapper) {
  Start();
  const Bytes peer = authority_.Issue("Org2MSP", "peer");
  ASSERT_TRUE(Put(peer).has_value());
  bool known_in_hook = true;
  const base::Handle second = mapper_->OnPurge([&](const IdentityMapper::Entry& entry, const std::string&) {
    known_in_hook = mapper_->Get(entry.pki_id).has_value();
    mapper_->Purge(entry.pki_id);
  });
  hook_.Reset();
  mapper_->Purge(IdOf(peer));
  EXPECT_TRUE(known_in_hook) << "not inside the call";
  node_.scheduler.RunFor(seconds(1));
  EXPECT_FALSE(known_in_hook);
  EXPECT_TRUE(purged_.empty()) << "unsubscribed";
}

TEST_F(IdentityMapperTest, VerifiesSignaturesOfKnownIdentities) {
  Start();
  authority_.SetReaders("channel", {"Org1MSP", "Org2MSP"});
  const Bytes peer = authority_.Issue("Org2MSP", "peer");
  const auto verify = [&](const std::string& message) {
    return node_.Await<void>(
        [&](auto done) { return mapper_->Verify(IdOf(peer), authority_.Sign(peer, "hello"), Bytes(message), done); });
  };
  EXPECT_EQ(verify("hello").error().code, base::ErrorCode::kNotFound);
  ASSERT_TRUE(Put(peer).has_value());
  EXPECT_TRUE(verify("hello").has_value());
  EXPECT_FALSE(verify("goodbye").has_value());
}

}  // namespace
}  // namespace grapevine::msp

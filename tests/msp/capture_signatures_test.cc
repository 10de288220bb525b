// Signatures of every recorded message, judged as at a peer of the receiver's organisation (specification 01, 6.2).
#include <gtest/gtest.h>

#include <map>

#include "msp/channel_config.h"
#include "msp/fixture_network.h"
#include "msp/identity_judge.h"
#include "msp/serialized_identity.h"
#include "support/fixtures.h"
#include "wire/envelope.h"
#include "wire/message.h"

namespace grapevine::msp {
namespace {

using nlohmann::json;
using testing::ReadFixture;
using testing::ReadFixtureJson;

TEST(CaptureSignaturesTest, EveryVerdictIsFabrics) {
  const ChannelConfigPtr config = Value(ChannelConfig::FromBlock(ReadFixture("mychannel.genesis.block")));
  std::map<std::string, MspPtr> local = {{"org1", LoadFixturePeer("org1", "Org1MSP").msp},
                                         {"org2", LoadFixturePeer("org2", "Org2MSP").msp}};
  const auto is_valid = [&](const Deserializers& receiver, const base::Bytes& identity, const base::Bytes& signature,
                            const base::Bytes& message) {
    const auto verdict = JudgeIdentity(receiver, identity);
    if (!verdict.identity) return false;
    if (verdict.channel.empty()) return (*verdict.identity)->Verify(message, signature).has_value();
    const SignedData data{message, identity, signature};
    return config->policies().Get("/Channel/Application/Readers")->Evaluate({&data, 1}).has_value();
  };

  int judged = 0;
  const json index = ReadFixtureJson("captures/index.json");
  for (const json& capture : index.at("messages")) {
    if (!capture.contains("signature_valid")) continue;
    SCOPED_TRACE(capture.at("name").get<std::string>());
    ++judged;
    const auto envelope =
        wire::Envelope::Decode(base::Bytes(ReadFixture("captures/" + capture.at("file").get<std::string>())));
    ASSERT_TRUE(envelope);
    const std::string subject = capture.at("subject");
    const base::Bytes identity(ReadFixture("identities/" + subject + ".bin"));
    const std::string receiver = capture.at("receiver");
    const Deserializers deserializers{local.at(receiver.substr(receiver.find('.') + 1)), {{"mychannel", config}}};
    bool valid = is_valid(deserializers, identity, envelope->signature(), envelope->payload());
    if (const auto& secret = envelope->secret()) {
      valid = valid && is_valid(deserializers, identity, secret->signature, secret->payload);
    }
    EXPECT_EQ(valid, capture.at("signature_valid"));
  }
  EXPECT_GT(judged, 30);
}

}  // namespace
}  // namespace grapevine::msp

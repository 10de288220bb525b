// Cost of the certificate work that a node does per identity, message and block.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "crypto/verification_cache.h"
#include "msp/block_verifier.h"
#include "msp/identity_judge.h"
#include "msp/msp_folder.h"

namespace grapevine::msp {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::filesystem::path Fixture(const std::string& name) {
  return std::filesystem::path(GRAPEVINE_TEST_DATA) / "fabric-2.5.5" / name;
}

template <typename T>
T Value(base::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

ChannelConfigPtr Channel() {
  static const auto kConfig = Value(ChannelConfig::FromBlock(ReadFile(Fixture("mychannel.latest-config.block"))));
  return kConfig;
}

// A peer of Org1 as a peer of Org2 sees it: certificate parsed, chain and rules checked through the channel.
void BM_JudgeIdentity(benchmark::State& state) {
  const MspPtr org2(Channel(), Channel()->msp_manager().Find("Org2MSP"));
  const Deserializers deserializers{org2, {{"mychannel", Channel()}}};
  const std::string identity = ReadFile(Fixture("identities/peer0.org1.bin"));
  for ([[maybe_unused]] auto _ : state) {
    const IdentityVerdict verdict = JudgeIdentity(deserializers, identity);
    if (!verdict.identity) state.SkipWithError(verdict.identity.error().message.c_str());
  }
}
BENCHMARK(BM_JudgeIdentity)->Unit(benchmark::kMicrosecond);

struct SignedMessage {
  IdentityPtr identity = Value(Channel()->msp_manager().Deserialize(ReadFile(Fixture("identities/peer0.org1.bin"))));
  crypto::PrivateKey key = Value(crypto::PrivateKey::FromPem(ReadFile(
      Fixture("crypto/peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp/keystore/priv_sk"))));
  std::string message = std::string(300, 'm');
  std::string signature = Value(key.Sign(message));
};

// Signature of a parsed identity.
void BM_VerifySignature(benchmark::State& state) {
  const SignedMessage it;
  for ([[maybe_unused]] auto _ : state) {
    if (!it.identity->Verify(it.message, it.signature)) state.SkipWithError("refused");
  }
}
BENCHMARK(BM_VerifySignature)->Unit(benchmark::kMicrosecond);

// The same signature again.
void BM_VerificationCacheHit(benchmark::State& state) {
  const SignedMessage it;
  const auto& key = it.identity->certificate()->public_key();
  crypto::VerificationCache cache(1000);
  cache.Store(crypto::VerificationCache::KeyOf(key, it.signature, it.message), true);
  for ([[maybe_unused]] auto _ : state) {
    if (!cache.Find(crypto::VerificationCache::KeyOf(key, it.signature, it.message))) state.SkipWithError("missed");
  }
}
BENCHMARK(BM_VerificationCacheHit)->Unit(benchmark::kMicrosecond);

void BM_Sign(benchmark::State& state) {
  const SignedMessage it;
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(it.key.Sign(it.message));
}
BENCHMARK(BM_Sign)->Unit(benchmark::kMicrosecond);

// Block 5: one transaction of some kB; block verification per second is the inverse.
void BM_VerifyBlock(benchmark::State& state) {
  const std::string block = ReadFile(Fixture("blocks/5.block"));
  for ([[maybe_unused]] auto _ : state) {
    if (!VerifyBlock(*Channel(), 5, block)) state.SkipWithError("refused");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(block.size()));
}
BENCHMARK(BM_VerifyBlock)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace grapevine::msp

BENCHMARK_MAIN();

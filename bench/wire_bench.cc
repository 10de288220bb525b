// Envelopes and messages decoded, encoded and hashed per second, on messages recorded from Fabric peers.
#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>
#include <string>

#include "crypto/hash.h"
#include "gossip/message.pb.h"
#include "wire/envelope.h"
#include "wire/message.h"

namespace {

using grapevine::base::Bytes;
using grapevine::wire::DecodeMessage;
using grapevine::wire::Envelope;

Bytes Capture(const std::string& name) {
  std::ifstream file(std::string(GRAPEVINE_TEST_DATA) + "/fabric-2.5.5/captures/" + name + ".bin", std::ios::binary);
  return Bytes(std::string(std::istreambuf_iterator<char>(file), {}));
}

void DecodeEnvelope(benchmark::State& state, const std::string& name) {
  const Bytes bytes = Capture(name);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(Envelope::Decode(bytes));
  state.SetItemsProcessed(state.iterations());
  state.counters["size"] = static_cast<double>(bytes.size());
}

void DecodeWhole(benchmark::State& state, const std::string& name) {
  const Bytes bytes = Capture(name);
  for ([[maybe_unused]] auto _ : state) {
    const auto envelope = Envelope::Decode(bytes);
    benchmark::DoNotOptimize(DecodeMessage(envelope->payload()));
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

// The same with the protobuf library, for comparison.
void DecodeWithProtobuf(benchmark::State& state, const std::string& name) {
  const Bytes bytes = Capture(name);
  for ([[maybe_unused]] auto _ : state) {
    gossip::Envelope envelope;
    envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    gossip::GossipMessage message;
    message.ParseFromString(envelope.payload());
    benchmark::DoNotOptimize(message);
  }
  state.SetItemsProcessed(state.iterations());
}

void EncodeWhole(benchmark::State& state, const std::string& name) {
  const Envelope envelope = *Envelope::Decode(Capture(name));
  const auto message = *DecodeMessage(envelope.payload());
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(grapevine::wire::UnsignedEnvelope(message));
  state.SetItemsProcessed(state.iterations());
}

const int kRegistered = [] {
  for (const char* name : {"alive_msg-1", "state_info-1", "state_snapshot-1", "mem_res-1", "data_msg-1"}) {
    const std::string suffix = std::string("/") + name;
    benchmark::RegisterBenchmark(("DecodeEnvelope" + suffix).c_str(), DecodeEnvelope, name);
    benchmark::RegisterBenchmark(("DecodeWhole" + suffix).c_str(), DecodeWhole, name);
    benchmark::RegisterBenchmark(("DecodeWithProtobuf" + suffix).c_str(), DecodeWithProtobuf, name);
    benchmark::RegisterBenchmark(("EncodeWhole" + suffix).c_str(), EncodeWhole, name);
  }
  return 0;
}();

}  // namespace

BENCHMARK_MAIN();

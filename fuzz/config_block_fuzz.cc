// Any bytes as a block and as a channel configuration: parsing and judging are total.
#include <cstddef>
#include <cstdint>

#include "msp/block.h"
#include "msp/block_verifier.h"
#include "msp/channel_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace grapevine::msp;
  const grapevine::base::ByteView input(reinterpret_cast<const char*>(data), size);
  CheckTransactionIsWellFormed(input);
  InspectTransaction(input);
  if (const auto block = ParseBlock(input)) {
    block->header.Hash();
    block->DataHash();
    IsConfigBlock(*block);
    LastConfigIndex(*block);
  }
  const auto config = ChannelConfig::FromBlock(input);
  if (config) {
    VerifyBlock(**config, 0, input);
    VerifyBlockAttestation(**config, input);
  }
  ChannelConfig::FromEnvelope("channel", input);
  return 0;
}

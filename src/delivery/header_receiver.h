// Headers of blocks from one orderer: its testimony of how far the chain is (specification 22, section 7).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "delivery/config.h"
#include "delivery/orderer_stream.h"
#include "ledger/block_sink.h"

namespace grapevine::delivery {

// A header that the ordering service has signed.
struct SeenHeader {
  std::uint64_t number = 0;
  base::SteadyTime arrived;
};

// Pauses of the Byzantine deliverer.
struct ByzantinePauses {
  base::Duration first{};
  base::Duration longest{};
};

// Goes on after failures, with pauses that double with each within the time of the longest pause. Verifies one header
// at a time, the newest that has arrived, and none that the chain has reached already. One executor.
class HeaderReceiver final : public OrdererStreamUser {
 public:
  // All but the values are borrowed and must outlive it.
  HeaderReceiver(const OrdererStreamContext& context, const ledger::BlockSink& blocks, OrdererAddress address,
                 const DeliverLimits& limits, ByzantinePauses pauses);

  // The newest verified one.
  const std::optional<SeenHeader>& newest() const { return newest_; }
  // Reads on if the chain has come so far that the lead is within its limit again.
  void Continue();

 private:
  struct Unverified {
    SeenHeader header;
    base::Bytes block;
  };

  void OnOpened() override {}
  void OnBlock(std::uint64_t number, base::Bytes block) override;
  void OnStreamFailed(DeliverFailure failure) override;

  void Connect();
  void Verify();
  void Verified(SeenHeader header, const base::Result<void>& verdict);

  const OrdererStreamContext& context_;
  const ledger::BlockSink& blocks_;
  OrdererAddress address_;
  DeliverLimits limits_;
  ByzantinePauses pauses_;
  base::Counter& received_;
  std::optional<SeenHeader> newest_;
  std::optional<Unverified> unverified_;   // the newest, while another one is being verified
  std::deque<base::SteadyTime> failures_;  // within the last `longest`; pauses double, so there are few
  std::uint64_t next_ = 0;
  bool reading_ = false;
  base::Handle pause_;
  base::Handle verifying_;
  bool is_verifying_ = false;
  std::unique_ptr<OrdererStream> stream_;  // null: between attempts
};

}  // namespace grapevine::delivery

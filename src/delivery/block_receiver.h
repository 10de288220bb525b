// Blocks from one orderer to the sink, as fast as the sink takes them (specification 22, section 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "delivery/config.h"
#include "delivery/orderer_stream.h"
#include "ledger/block_sink.h"

namespace grapevine::delivery {

class BlockReceiverUser {
 public:
  virtual ~BlockReceiverUser() = default;
  virtual void OnConnected() = 0;
  // A block of this orderer was accepted.
  virtual void OnAccepted() = 0;
  // The last event. A stream that ended reports it after the verdicts on all that it brought.
  virtual void OnFailed(DeliverFailure failure) = 0;
};

// One attempt: from dialling to the first failure. Starts with the block that the sink wants. May be destroyed in
// OnFailed. One executor.
class BlockReceiver final : public OrdererStreamUser {
 public:
  // All but the values are borrowed and must outlive it.
  BlockReceiver(const OrdererStreamContext& context, ledger::BlockSink& blocks, const OrdererAddress& address,
                DeliverLimits limits, BlockReceiverUser& user);
  ~BlockReceiver() override;

  bool connected() const { return stream_ != nullptr && stream_->open(); }
  // The number after the last block received.
  std::uint64_t received_up_to() const { return next_; }
  // Whether the orderer may send: not while the sink has no room.
  bool reading() const { return reading_; }

 private:
  // A block without verdict.
  struct Unverified {
    std::uint64_t number = 0;
    base::Bytes block;
    bool offered = false;
    base::Handle verdict;
  };

  void OnOpened() override;
  void OnBlock(std::uint64_t number, base::Bytes block) override;
  void OnStreamFailed(DeliverFailure failure) override;

  void ReadMore();
  void OfferAll();
  void Judged(std::uint64_t number, base::Result<void> verdict);

  const OrdererStreamContext& context_;
  ledger::BlockSink& blocks_;
  DeliverLimits limits_;
  BlockReceiverUser& user_;
  base::Counter& received_;
  base::Gauge& connected_;
  std::uint64_t next_;
  std::deque<Unverified> unverified_;
  std::size_t unverified_bytes_ = 0;
  bool reading_ = false;  // the next block has been asked for
  base::Handle retry_;
  std::unique_ptr<OrdererStream> stream_;
  std::optional<DeliverFailure> ending_;  // of the stream; verdicts are outstanding
};

}  // namespace grapevine::delivery

// One client's stream to the Deliver service. Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/environment.h"
#include "base/transport.h"
#include "delivery/deliver_service.h"
#include "delivery/seek_request.h"

namespace grapevine::delivery {

// What all streams of a service share. Outlives them.
struct DeliverContext {
  base::Environment environment;
  DeliverServiceConfig config;
  std::map<std::string, BlockChain*> channels;
  base::LogLimit refusals;  // lines about refused requests
};

// Answers requests one after the other: the next one is read when the last one has its SUCCESS.
class DeliverStream final : public base::StreamHandler {
 public:
  // `over` runs when the stream has ended, and may destroy this object.
  DeliverStream(DeliverContext& context, std::unique_ptr<base::Stream> stream, std::function<void()> over);
  ~DeliverStream() override;
  DeliverStream(const DeliverStream&) = delete;
  DeliverStream& operator=(const DeliverStream&) = delete;

  void OnMessage(base::Bytes message) override;
  void OnSent(std::size_t count) override;
  void OnHalfClose() override;
  void OnEnd(const base::Status& status) override;

 private:
  // A request that is being answered.
  struct Request {
    SeekEnvelope envelope;
    SeekInfo seek;
    BlockChain& chain;
    base::Counter& blocks_sent;
    // Of the verdict on access.
    std::uint64_t config_sequence = 0;
    base::WallTime expires{};
    std::uint64_t next = 0;
    std::uint64_t last = 0;
  };

  SeekResult<void> Accept(const base::Bytes& message);
  SeekResult<void> CheckCertificateHash(const SeekEnvelope& envelope) const;
  void CheckAccess(std::function<void()> granted);
  void Begin();
  void Continue();
  void SendBlock(const base::Bytes& block);
  void Send(base::Bytes message);
  void Complete();
  void Refuse(const SeekRefusal& refusal, const std::string& detail = {});
  void Finish();
  void End();

  DeliverContext& context_;
  std::unique_ptr<base::Stream> stream_;
  std::function<void()> over_;
  std::optional<Request> request_;
  bool busy_ = false;         // pending_ will come back
  base::Handle pending_;      // a check of access or a read
  base::Handle growth_;       // while the next block does not exist yet
  bool half_closed_ = false;  // no request follows
  base::Handle cut_off_;      // while the last words wait for the client
  std::deque<std::size_t> unsent_sizes_;
  std::size_t unsent_bytes_ = 0;
};

}  // namespace grapevine::delivery

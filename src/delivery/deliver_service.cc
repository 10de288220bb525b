#include "delivery/deliver_service.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "delivery/deliver_service_stream.h"

namespace grapevine::delivery {

namespace {

constexpr char kMethod[] = "/orderer.AtomicBroadcast/Deliver";
// Lines about refused requests.
constexpr std::uint32_t kRefusalLines = 10;
constexpr base::Duration kRefusalPeriod = std::chrono::seconds(10);

}  // namespace

class DeliverService::Impl {
 public:
  Impl(const base::Environment& environment, base::Server& server, DeliverServiceConfig config)
      : context_{.environment = environment,
                 .config = config,
                 .channels = {},
                 .refusals = base::LogLimit(environment.executor, kRefusalLines, kRefusalPeriod)} {
    context_.environment.log = environment.log.Named("deliver");
    method_ = server.ServeStream(kMethod, [this](std::unique_ptr<base::Stream> stream) { Serve(std::move(stream)); });
  }

  void AddChannel(std::string channel, BlockChain& chain) { context_.channels[std::move(channel)] = &chain; }

 private:
  void Serve(std::unique_ptr<base::Stream> stream) {
    if (streams_.size() >= context_.config.max_streams) {
      context_.environment.metrics
          .GetCounter("gossip_delivery_refused", "Requests to the Deliver service that were not served.",
                      {{"type", "stream"}, {"reason", "too_many"}})
          .Add();
      stream->Finish({.code = base::StatusCode::kResourceExhausted,
                      .message = fmt::format("{} streams are served already: try again later", streams_.size()),
                      .details = {}});
      return;
    }
    const std::uint64_t id = next_id_++;
    streams_.emplace(id,
                     std::make_unique<DeliverStream>(context_, std::move(stream), [this, id] { streams_.erase(id); }));
  }

  DeliverContext context_;
  std::uint64_t next_id_ = 0;
  std::map<std::uint64_t, std::unique_ptr<DeliverStream>> streams_;
  base::Handle method_;
};

DeliverService::DeliverService(const base::Environment& environment, base::Server& server, DeliverServiceConfig config)
    : impl_(std::make_unique<Impl>(environment, server, config)) {}
DeliverService::~DeliverService() = default;

void DeliverService::AddChannel(std::string channel, BlockChain& chain) {
  impl_->AddChannel(std::move(channel), chain);
}

}  // namespace grapevine::delivery

#include "gossip/intake.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "wire/pki_id.h"

namespace grapevine::gossip {

struct Intake::State : std::enable_shared_from_this<Intake::State> {
  State(base::Metrics& counting, comm::AcceptedMessages from, IntakeConfig bounds, Handler to)
      : metrics(counting), messages(std::move(from)), config(bounds), handler(std::move(to)) {
    config.max_in_work = std::max<std::size_t>(config.max_in_work, 1);
    config.max_in_work_per_peer = std::max<std::size_t>(config.max_in_work_per_peer, 1);
  }

  // Asks for the next message if there is a place for it.
  void Pump() {
    if (receiving || in_work >= config.max_in_work) return;
    receiving = true;
    messages.Receive([weak = weak_from_this()](std::optional<comm::ReceivedMessagePtr> message) {
      const auto self = weak.lock();
      // At the end nothing more will come: `receiving` stays set.
      if (self != nullptr && message.has_value()) self->Take(*message);
    });
  }

  void Take(const comm::ReceivedMessagePtr& message) {
    receiving = false;
    const auto of_peer = in_work_of.try_emplace(message->connection().pki_id, 0).first;
    if (of_peer->second >= config.max_in_work_per_peer) {
      Refuse(*message);
      return Pump();
    }
    ++of_peer->second;
    ++in_work;
    const Ticket ticket(this, [weak = weak_from_this(), of_peer](const void*) {
      const auto self = weak.lock();
      if (self == nullptr) return;
      if (--of_peer->second == 0) self->in_work_of.erase(of_peer);
      --self->in_work;
      self->Pump();
    });
    Pump();
    handler(message, ticket);
  }

  void Refuse(const comm::ReceivedMessage& message) {
    metrics
        .GetCounter("gossip_intake_refused", "Messages of peers that had too many others in work",
                    {{"type", wire::TypeName(message.message().content)}, {"reason", "too_many_of_peer"}})
        .Add();
  }

  base::Metrics& metrics;
  comm::AcceptedMessages messages;
  IntakeConfig config;
  Handler handler;
  std::size_t in_work = 0;
  std::map<wire::PkiId, std::size_t> in_work_of;  // peers with messages in work
  bool receiving = false;
};

Intake::Intake(base::Metrics& metrics, comm::AcceptedMessages messages, IntakeConfig config, Handler handler)
    : state_(std::make_shared<State>(metrics, std::move(messages), config, std::move(handler))) {
  state_->Pump();
}

std::size_t Intake::in_work() const { return state_->in_work; }

}  // namespace grapevine::gossip

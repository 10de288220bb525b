#include "gossip/intake.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace grapevine::gossip {

struct Intake::State : std::enable_shared_from_this<Intake::State> {
  State(comm::AcceptedMessages from, std::size_t bound, Handler to)
      : messages(std::move(from)), max_in_work(std::max<std::size_t>(bound, 1)), handler(std::move(to)) {}

  // Asks for the next message if there is a place for it.
  void Pump() {
    if (receiving || in_work >= max_in_work) return;
    receiving = true;
    messages.Receive([weak = weak_from_this()](std::optional<comm::ReceivedMessagePtr> message) {
      const auto self = weak.lock();
      // At the end nothing more will come: `receiving` stays set.
      if (self != nullptr && message.has_value()) self->Take(*message);
    });
  }

  void Take(const comm::ReceivedMessagePtr& message) {
    receiving = false;
    ++in_work;
    const Ticket ticket(this, [weak = weak_from_this()](const void*) {
      const auto self = weak.lock();
      if (self == nullptr) return;
      --self->in_work;
      self->Pump();
    });
    Pump();
    handler(message, ticket);
  }

  comm::AcceptedMessages messages;
  std::size_t max_in_work;
  Handler handler;
  std::size_t in_work = 0;
  bool receiving = false;
};

Intake::Intake(comm::AcceptedMessages messages, std::size_t max_in_work, Handler handler)
    : state_(std::make_shared<State>(std::move(messages), max_in_work, std::move(handler))) {
  state_->Pump();
}

std::size_t Intake::in_work() const { return state_->in_work; }

}  // namespace grapevine::gossip

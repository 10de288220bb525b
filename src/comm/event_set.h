// Events about peers that are told once per PKI-ID, however often they happen before anybody listens (specification 02,
// 15 #6 and #7). Internal to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/executor.h"
#include "base/handle.h"
#include "wire/pki_id.h"

namespace grapevine::comm {

// Bounded by the number of PKI-IDs; raising never blocks, observers run in an event of their own.
class EventSet {
 public:
  using Observer = std::function<void(const wire::PkiId&)>;

  explicit EventSet(base::Executor& executor) : executor_(executor) {}
  EventSet(const EventSet&) = delete;
  EventSet& operator=(const EventSet&) = delete;

  void Raise(const wire::PkiId& pki_id) {
    pending_.insert(pki_id);
    if (std::exchange(scheduled_, true)) return;
    executor_.Post(lifetime_.Guard([this] { Tell(); }));
  }
  base::Handle Observe(Observer observer) {
    const std::uint64_t id = next_id_++;
    observers_[id] = std::make_shared<Observer>(std::move(observer));
    return base::Handle(lifetime_.Guard([this, id] { observers_.erase(id); }));
  }
  // Nobody is told anything any more; allowed inside an observer.
  void Close() {
    pending_.clear();
    observers_.clear();
  }

 private:
  void Tell() {
    scheduled_ = false;
    const auto alive = lifetime_.Watch();
    const auto events = std::exchange(pending_, {});
    const auto observers = observers_;
    for (const wire::PkiId& pki_id : events) {
      for (const auto& [id, observer] : observers) {
        if (alive.expired()) return;
        if (observers_.contains(id)) (*observer)(pki_id);
      }
    }
  }

  base::Executor& executor_;
  std::set<wire::PkiId> pending_;
  bool scheduled_ = false;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::shared_ptr<Observer>> observers_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::comm

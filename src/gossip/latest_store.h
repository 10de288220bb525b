// The newest message of each key, for as long as it counts (specification 11.7 and 11.8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "wire/message.h"

namespace grapevine::gossip {

// Keeps, per key, the value with the greatest timestamp; equal or older ones are refused, also for as long again after
// the value has expired, so that replays stay out (11.8). Never more than `capacity` keys: the one stored longest ago
// makes room. One executor; expiry happens when Expire is called.
template <typename Key, typename Value>
class LatestStore {
 public:
  LatestStore(base::Duration ttl, std::size_t capacity) : ttl_(ttl), capacity_(capacity) {}

  bool WouldAccept(const Key& key, const wire::PeerTime& timestamp) const;
  // False if WouldAccept is.
  bool Add(const Key& key, const wire::PeerTime& timestamp, Value value, base::SteadyTime now);
  // The value, unless it has expired; null if there is none.
  const Value* Find(const Key& key) const;
  // Expires what is older than the time to live and forgets what is twice as old.
  void Expire(base::SteadyTime now);
  void Erase(const Key& key);
  // In order of key, without what has expired.
  std::vector<std::pair<Key, const Value*>> List() const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    wire::PeerTime timestamp;
    Value value;
    base::SteadyTime added;
    bool expired = false;
  };

  base::Duration ttl_;
  std::size_t capacity_;
  std::map<Key, Entry> entries_;
};

}  // namespace grapevine::gossip

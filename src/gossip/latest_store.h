// The newest message of each key, for as long as it counts (specification 11.7 and 11.8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
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
  // Whether the key is remembered, also if its value has expired.
  bool Holds(const Key& key) const { return entries_.contains(key); }
  // How many remembered keys from `first` on `belongs` accepts in a row; counts up to `limit`.
  template <typename Belongs>
  std::size_t CountWhile(const Key& first, Belongs belongs, std::size_t limit) const;
  // Expires what is older than the time to live and forgets what is twice as old. Looks at nothing twice.
  void Expire(base::SteadyTime now);
  void Erase(const Key& key);
  void Clear();
  // In order of key, without what has expired.
  std::vector<std::pair<Key, const Value*>> List() const;
  // Remembered keys, also those whose value has expired.
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    wire::PeerTime timestamp;
    std::optional<Value> value;  // nothing once it has expired
    base::SteadyTime added;
    std::uint64_t turn = 0;
  };
  using Entries = std::map<Key, Entry>;

  void Remove(typename Entries::iterator entry) {
    by_turn_.erase(entry->second.turn);
    entries_.erase(entry);
  }

  base::Duration ttl_;
  std::size_t capacity_;
  Entries entries_;
  std::map<std::uint64_t, const Key*> by_turn_;  // in the order in which values were stored
  std::uint64_t last_turn_ = 0;
  std::uint64_t last_expired_turn_ = 0;  // values stored up to this turn have expired
};

template <typename Key, typename Value>
bool LatestStore<Key, Value>::WouldAccept(const Key& key, const wire::PeerTime& timestamp) const {
  const auto found = entries_.find(key);
  return found == entries_.end() || found->second.timestamp < timestamp;
}

template <typename Key, typename Value>
bool LatestStore<Key, Value>::Add(const Key& key, const wire::PeerTime& timestamp, Value value, base::SteadyTime now) {
  if (capacity_ == 0 || !WouldAccept(key, timestamp)) return false;
  Erase(key);
  if (entries_.size() >= capacity_) Remove(entries_.find(*by_turn_.begin()->second));
  const std::uint64_t turn = ++last_turn_;
  const auto added = entries_.emplace(key, Entry{timestamp, std::move(value), now, turn}).first;
  by_turn_.emplace(turn, &added->first);
  return true;
}

template <typename Key, typename Value>
const Value* LatestStore<Key, Value>::Find(const Key& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() || !found->second.value.has_value() ? nullptr : &*found->second.value;
}

template <typename Key, typename Value>
void LatestStore<Key, Value>::Expire(base::SteadyTime now) {
  while (!by_turn_.empty()) {
    const auto oldest = entries_.find(*by_turn_.begin()->second);
    if (now - oldest->second.added - ttl_ <= ttl_) break;
    Remove(oldest);
  }
  for (auto next = by_turn_.upper_bound(last_expired_turn_); next != by_turn_.end(); ++next) {
    Entry& entry = entries_.find(*next->second)->second;
    if (now - entry.added <= ttl_) return;
    entry.value.reset();
    last_expired_turn_ = next->first;
  }
}

template <typename Key, typename Value>
template <typename Belongs>
std::size_t LatestStore<Key, Value>::CountWhile(const Key& first, Belongs belongs, std::size_t limit) const {
  std::size_t count = 0;
  for (auto at = entries_.lower_bound(first); at != entries_.end() && count < limit && belongs(at->first); ++at) {
    ++count;
  }
  return count;
}

template <typename Key, typename Value>
void LatestStore<Key, Value>::Clear() {
  by_turn_.clear();
  entries_.clear();
}

template <typename Key, typename Value>
void LatestStore<Key, Value>::Erase(const Key& key) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) Remove(found);
}

template <typename Key, typename Value>
std::vector<std::pair<Key, const Value*>> LatestStore<Key, Value>::List() const {
  std::vector<std::pair<Key, const Value*>> list;
  list.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) {
    if (entry.value.has_value()) list.emplace_back(key, &*entry.value);
  }
  return list;
}

}  // namespace grapevine::gossip

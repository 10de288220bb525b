// A queue with a declared bound and a declared answer to "full".
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace grapevine::base {

enum class Overflow { kRefuseNewest, kDropOldest };

// First in, first out. Never grows beyond its capacity; what does not fit is counted. One executor only.
template <typename T>
class BoundedQueue {
 public:
  BoundedQueue(std::size_t capacity, Overflow policy) : capacity_(capacity), policy_(policy) {}

  // False if `item` was refused (kRefuseNewest). With kDropOldest the oldest item makes room.
  bool Push(T item) {
    if (items_.size() >= capacity_) {
      ++dropped_;
      if (policy_ == Overflow::kRefuseNewest || capacity_ == 0) return false;
      items_.pop_front();
    }
    items_.push_back(std::move(item));
    return true;
  }
  // Puts an item back at the head, for example a message whose stream broke; allowed to exceed the bound by what was
  // taken out before.
  void PushFront(T item) { items_.push_front(std::move(item)); }
  std::optional<T> Pop() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  bool full() const { return items_.size() >= capacity_; }
  std::size_t capacity() const { return capacity_; }
  std::uint64_t dropped() const { return dropped_; }
  void Clear() { items_.clear(); }

 private:
  std::deque<T> items_;
  std::size_t capacity_;
  Overflow policy_;
  std::uint64_t dropped_ = 0;
};

}  // namespace grapevine::base

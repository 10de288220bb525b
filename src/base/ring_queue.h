// First in, first out, in one block of memory.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace grapevine::base {

// What std::deque is used for, for queues that exist once per peer or stream and are nearly always empty or hold one or
// two elements: no memory before the first element, and the same few cache lines again and again afterwards. (A deque
// takes half a kilobyte at birth and walks through it.) A block that a burst has made large is given back when the
// queue is empty: more than `kKeptCapacity` places. Unbounded: whoever pushes keeps the bound. One executor only.
template <typename T, std::size_t kKeptCapacity = 16>
class RingQueue {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>);

 public:
  RingQueue() = default;
  RingQueue(RingQueue&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)),
        first_(std::exchange(other.first_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  RingQueue& operator=(RingQueue&& other) noexcept {
    RingQueue taken(std::move(other));
    std::swap(block_, taken.block_);
    std::swap(capacity_, taken.capacity_);
    std::swap(first_, taken.first_);
    std::swap(size_, taken.size_);
    return *this;
  }
  ~RingQueue() {
    clear();
    Release();
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The element at `index` places behind the front. Precondition: index < size().
  T& operator[](std::size_t index) { return block_[Place(index)]; }
  const T& operator[](std::size_t index) const { return block_[Place(index)]; }
  T& front() { return block_[first_]; }
  const T& front() const { return block_[first_]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T element) {
    Reserve();
    std::construct_at(block_ + Place(size_), std::move(element));
    ++size_;
  }
  void push_front(T element) {
    Reserve();
    first_ = (first_ + capacity_ - 1) & (capacity_ - 1);
    std::construct_at(block_ + first_, std::move(element));
    ++size_;
  }
  void pop_front() {
    T* const gone = block_ + first_;
    first_ = Place(1);
    --size_;
    // Last: what the element's destructor calls sees a queue without it.
    [[maybe_unused]] const T element(std::move(*gone));
    std::destroy_at(gone);
    if (size_ == 0) Rewind();
  }
  // Removes the element at `index`; those behind it move up.
  void erase(std::size_t index) {
    if (index == 0) return pop_front();
    [[maybe_unused]] const T element(std::move((*this)[index]));
    for (; index + 1 < size_; ++index) (*this)[index] = std::move((*this)[index + 1]);
    --size_;
    std::destroy_at(block_ + Place(size_));
    if (size_ == 0) Rewind();
  }
  void clear() {
    while (!empty()) pop_front();
  }

 private:
  static constexpr std::size_t kFirstCapacity = 2;

  std::size_t Place(std::size_t index) const { return (first_ + index) & (capacity_ - 1); }

  void Reserve() {
    if (size_ < capacity_) return;
    const std::size_t capacity = capacity_ == 0 ? kFirstCapacity : 2 * capacity_;
    T* const block = std::allocator<T>().allocate(capacity);
    for (std::size_t i = 0; i < size_; ++i) {
      std::construct_at(block + i, std::move((*this)[i]));
      std::destroy_at(block_ + Place(i));
    }
    Release();
    block_ = block;
    capacity_ = capacity;
    first_ = 0;
  }
  void Rewind() {
    first_ = 0;
    if (capacity_ > kKeptCapacity) Release();
  }
  void Release() {
    if (block_ != nullptr) std::allocator<T>().deallocate(block_, capacity_);
    block_ = nullptr;
    capacity_ = 0;
  }

  T* block_ = nullptr;
  std::size_t capacity_ = 0;  // a power of two, or zero
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace grapevine::base

// Cancel by ownership: whatever is pending is held by a handle, and destroying the handle cancels it.
#pragma once

#include <functional>
#include <memory>
#include <utility>

namespace grapevine::base {

using Task = std::move_only_function<void()>;

// Owner of something pending: a timer, a subscription, a dial, a verification. Destroying or resetting it cancels the
// operation: after that its callback does not run. Destroying it after the operation has completed does nothing.
// A handle belongs to the executor of the component that made it.
class [[nodiscard]] Handle {
 public:
  Handle() = default;
  explicit Handle(Task cancel) : cancel_(std::move(cancel)) {}
  Handle(Handle&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      Reset();
      cancel_ = std::exchange(other.cancel_, nullptr);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { Reset(); }

  void Reset() {
    if (auto cancel = std::exchange(cancel_, nullptr)) cancel();
  }
  // Lets the operation go on without an owner. Only for operations that own what they need.
  void Detach() { cancel_ = nullptr; }

 private:
  Task cancel_;
};

// Member of an object whose callbacks may be called after it is gone: `lifetime_.Guard(fn)` gives a callable that does
// nothing once the Lifetime is destroyed. Declare it last, so that it is destroyed first. One executor only.
class Lifetime {
 public:
  template <typename Function>
  auto Guard(Function function) const {
    return [token = std::weak_ptr<const bool>(token_), function = std::move(function)](auto&&... args) mutable {
      if (!token.expired()) function(std::forward<decltype(args)>(args)...);
    };
  }
  // Whether the owner still lives, for code that goes on after calling out.
  std::weak_ptr<const bool> Watch() const { return token_; }

 private:
  std::shared_ptr<const bool> token_ = std::make_shared<const bool>(true);
};

}  // namespace grapevine::base

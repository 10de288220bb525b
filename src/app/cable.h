// A peer's connection to the network, which the demo can pull out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/executor.h"
#include "base/transport.h"

namespace grapevine::app {

// In front of a peer's transport and server. While cut, nothing new gets through in either direction; whoever cuts
// closes what is open. One executor; the two behind it are borrowed.
class Cable final : public base::Transport, public base::Server {
 public:
  Cable(base::Executor& executor, base::Transport& transport, base::Server& server)
      : executor_(executor), transport_(transport), server_(server) {}

  void SetCut(bool cut) { cut_ = cut; }
  bool cut() const { return cut_; }

  base::Handle Dial(base::Endpoint endpoint, base::Duration timeout,
                    std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) override {
    if (!cut_) return transport_.Dial(std::move(endpoint), timeout, std::move(done));
    // As packets that nobody answers: the dial fails when its time is over.
    return executor_.After(timeout, [endpoint, done = std::move(done)]() mutable {
      done(base::Fail(base::ErrorCode::kTimeout, "no answer from '{}'", endpoint));
    });
  }

  base::Handle ServeStream(std::string method, std::function<void(std::unique_ptr<base::Stream>)> handler) override {
    return server_.ServeStream(std::move(method),
                               [this, handler = std::move(handler)](std::unique_ptr<base::Stream> stream) {
                                 if (!cut_) handler(std::move(stream));
                               });
  }
  base::Handle ServeUnary(std::string method, std::function<void(std::unique_ptr<base::UnaryCall>)> handler) override {
    return server_.ServeUnary(std::move(method),
                              [this, handler = std::move(handler)](std::unique_ptr<base::UnaryCall> call) {
                                if (!cut_) handler(std::move(call));
                              });
  }
  const base::Endpoint& address() const override { return server_.address(); }

 private:
  base::Executor& executor_;
  base::Transport& transport_;
  base::Server& server_;
  bool cut_ = false;
};

}  // namespace grapevine::app

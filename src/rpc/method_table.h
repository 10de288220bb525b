// Which handler serves which method.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/transport.h"
#include "rpc/stream_core.h"

namespace grapevine::rpc {

// Takes requests from connections to handlers. Unary calls are streams with one message in each direction; the table
// keeps them until they are over. Destroying it forgets them.
class MethodTable {
 public:
  MethodTable();
  ~MethodTable();

  // A method that is served already gets the new handler.
  base::Handle ServeStream(std::string method, std::function<void(std::unique_ptr<base::Stream>)> handler);
  base::Handle ServeUnary(std::string method, std::function<void(std::unique_ptr<base::UnaryCall>)> handler);
  // Hands `request` to its handler; a method that nobody serves is answered with kUnimplemented (then false).
  bool Dispatch(std::shared_ptr<StreamCore> request);

 private:
  class UnaryOperation;
  struct State;
  using Handler = std::function<void(std::unique_ptr<base::Stream>)>;
  std::shared_ptr<State> state_;
};

}  // namespace grapevine::rpc

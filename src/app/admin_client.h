// The command line's side of a node's admin socket (admin_protocol.h).
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/result.h"

namespace grapevine::app {

// Blocks its thread, which must not be an executor's.
class AdminClient {
 public:
  // `socket`: path. kUnavailable if no node listens there; the message says how to start one.
  static base::Result<std::unique_ptr<AdminClient>> Connect(const std::string& socket);
  ~AdminClient();
  AdminClient(const AdminClient&) = delete;
  AdminClient& operator=(const AdminClient&) = delete;

  // The node's error has the node's message.
  base::Result<base::Bytes> Call(const char* method, base::Bytes request);
  void Wait(base::Duration duration);

 private:
  struct Parts;
  explicit AdminClient(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace grapevine::app

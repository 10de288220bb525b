// Stream sockets, as far as this room needs them: non-blocking, closed by ownership.
#pragma once

#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/transport.h"

namespace grapevine::rpc {

// Owner of a descriptor.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { Close(); }
  void Close();
  // Gives the descriptor to whoever closes it from now on.
  int Release() { return std::exchange(descriptor_, -1); }

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  // As the system's calls take it.
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }

  std::string ToString() const;  // host:port, IPv6 hosts in brackets; unix:/path
  std::uint16_t port() const;
};

struct HostPort {
  std::string host;  // without brackets
  std::string port;
};

// "host:port" or "[host]:port". Error kInvalid.
base::Result<HostPort> SplitEndpoint(const base::Endpoint& endpoint);
// A numeric host without asking anybody; error kNotFound when the host is a name.
base::Result<std::vector<SocketAddress>> ParseNumeric(const HostPort& endpoint);
// Asks the system's resolver and blocks. Error kUnavailable (try again) or kNotFound.
base::Result<std::vector<SocketAddress>> Resolve(const HostPort& endpoint);

// A listening socket. An empty host means every interface. Errors: kInvalid, kUnavailable (in use), kIo.
base::Result<Socket> Listen(const base::Endpoint& endpoint);
// Begins to connect; the socket becomes writable when that is over.
base::Result<Socket> StartConnect(const SocketAddress& address);
// Outcome of StartConnect. Error kUnavailable.
base::Result<void> FinishConnect(const Socket& socket, const SocketAddress& address);
// For connected sockets: small writes leave at once.
void SetNoDelay(const Socket& socket);
SocketAddress LocalAddress(const Socket& socket);
SocketAddress RemoteAddress(const Socket& socket);

}  // namespace grapevine::rpc

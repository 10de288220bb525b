#include "rpc/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace grapevine::rpc {

using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

constexpr int kBacklog = 512;

Result<std::vector<SocketAddress>> LookUp(const HostPort& endpoint, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const char* const host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
  const int result = getaddrinfo(host, endpoint.port.c_str(), &hints, &list);
  if (result != 0) {
    const bool again = result == EAI_AGAIN || result == EAI_MEMORY || result == EAI_SYSTEM;
    return Fail(again ? ErrorCode::kUnavailable : ErrorCode::kNotFound, "cannot resolve host '{}': {}", endpoint.host,
                gai_strerror(result));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    Close();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

void Socket::Close() {
  if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
}

std::string SocketAddress::ToString() const {
  if (storage.ss_family == AF_UNIX)
    return "unix:" + std::string(reinterpret_cast<const sockaddr_un&>(storage).sun_path);
  char host[NI_MAXHOST] = "";
  char service[NI_MAXSERV] = "";
  if (getnameinfo(raw(), size, host, sizeof(host), service, sizeof(service), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unknown";
  }
  return storage.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, service) : fmt::format("{}:{}", host, service);
}

std::uint16_t SocketAddress::port() const {
  if (storage.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

Result<HostPort> SplitEndpoint(const base::Endpoint& endpoint) {
  const auto colon = endpoint.rfind(':');
  const auto malformed = [&] { return Fail(ErrorCode::kInvalid, "'{}' is not an endpoint (host:port)", endpoint); };
  if (colon == std::string::npos) return malformed();
  HostPort parts{.host = endpoint.substr(0, colon), .port = endpoint.substr(colon + 1)};
  unsigned number = 0;
  const char* const last = parts.port.data() + parts.port.size();
  const auto [end, error] = std::from_chars(parts.port.data(), last, number);
  if (error != std::errc() || end != last || number > 65535) return malformed();
  if (parts.host.starts_with('[')) {
    if (!parts.host.ends_with(']')) return malformed();
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  } else if (parts.host.find(':') != std::string::npos) {
    return malformed();
  }
  return parts;
}

Result<std::vector<SocketAddress>> ParseNumeric(const HostPort& endpoint) { return LookUp(endpoint, AI_NUMERICHOST); }

Result<std::vector<SocketAddress>> Resolve(const HostPort& endpoint) { return LookUp(endpoint, AI_ADDRCONFIG); }

Result<Socket> Listen(const base::Endpoint& endpoint) {
  const auto parts = SplitEndpoint(endpoint);
  if (!parts) return std::unexpected(parts.error());
  const auto addresses = LookUp(*parts, AI_PASSIVE);
  if (!addresses) return Wrap(addresses.error(), "listen address '{}'", endpoint);
  const SocketAddress& address = addresses->front();
  Socket socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return Fail(ErrorCode::kIo, "listen on '{}': {}", endpoint, std::strerror(errno));
  const int on = 1;
  setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(socket.descriptor(), address.raw(), address.size) != 0 || listen(socket.descriptor(), kBacklog) != 0) {
    if (errno == EADDRINUSE) {
      return Fail(ErrorCode::kUnavailable, "listen address '{}' is in use by another program", endpoint);
    }
    return Fail(ErrorCode::kIo, "listen on '{}': {}", endpoint, std::strerror(errno));
  }
  return socket;
}

Result<Socket> StartConnect(const SocketAddress& address) {
  Socket socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return Fail(ErrorCode::kUnavailable, "no socket: {}", std::strerror(errno));
  if (connect(socket.descriptor(), address.raw(), address.size) != 0 && errno != EINPROGRESS) {
    return Fail(ErrorCode::kUnavailable, "connect to {}: {}", address.ToString(), std::strerror(errno));
  }
  return socket;
}

Result<void> FinishConnect(const Socket& socket, const SocketAddress& address) {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) return {};
  return Fail(ErrorCode::kUnavailable, "connect to {}: {}", address.ToString(), std::strerror(error));
}

void SetNoDelay(const Socket& socket) {
  const int on = 1;
  setsockopt(socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

SocketAddress LocalAddress(const Socket& socket) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  getsockname(socket.descriptor(), address.raw(), &address.size);
  return address;
}

SocketAddress RemoteAddress(const Socket& socket) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  getpeername(socket.descriptor(), address.raw(), &address.size);
  return address;
}

}  // namespace grapevine::rpc

#include "rpc/unix_socket.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace grapevine::rpc {

using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

constexpr std::string_view kScheme = "unix:";
constexpr int kUnixBacklog = 64;
constexpr mode_t kOnlyOwner = 0600;
constexpr mode_t kOnlyOwnerFolder = 0700;

Result<Socket> NewSocket() {
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return Fail(ErrorCode::kIo, "no unix socket: {}", std::strerror(errno));
  return socket;
}

Result<void> MakeFolderOf(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  if (folder.empty() || mkdir(folder.c_str(), kOnlyOwnerFolder) == 0 || errno == EEXIST) return {};
  return Fail(ErrorCode::kIo, "make the folder '{}' for a socket: {}", folder, std::strerror(errno));
}

// Makes room for a new socket file: removes one that nobody listens on.
Result<void> RemoveStale(const std::string& path, const SocketAddress& address) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return Fail(ErrorCode::kIo, "look at '{}': {}", path, std::strerror(errno));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Fail(ErrorCode::kInvalid, "'{}' exists and is not a socket; name another path", path);
  }
  const auto probe = NewSocket();
  if (!probe) return std::unexpected(probe.error());
  // EAGAIN: somebody listens and has no time.
  if (connect(probe->descriptor(), address.raw(), address.size) == 0 || errno == EAGAIN) {
    return Fail(ErrorCode::kUnavailable, "a running program listens on '{}' already", path);
  }
  if (errno != ECONNREFUSED) return Fail(ErrorCode::kIo, "try the socket '{}': {}", path, std::strerror(errno));
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return Fail(ErrorCode::kIo, "remove the old socket '{}': {}", path, std::strerror(errno));
  }
  return {};
}

std::pair<dev_t, ino_t> IdentityOf(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

}  // namespace

std::optional<std::string> UnixPath(const base::Endpoint& endpoint) {
  if (!endpoint.starts_with(kScheme)) return std::nullopt;
  return endpoint.substr(kScheme.size());
}

Result<SocketAddress> UnixAddress(const std::string& path) {
  SocketAddress address;
  auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
  constexpr std::size_t kMaxPathBytes = sizeof(local.sun_path) - 1;
  if (!path.starts_with('/')) {
    return Fail(ErrorCode::kInvalid, "'unix:{}' is not an endpoint: the path of a socket begins with '/'", path);
  }
  if (path.size() > kMaxPathBytes || path.contains('\0')) {
    return Fail(ErrorCode::kInvalid, "the socket path '{}' has {} bytes; the operating system takes at most {}", path,
                path.size(), kMaxPathBytes);
  }
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

UnixSocketFile::UnixSocketFile(std::string path) : path_(std::move(path)), identity_(IdentityOf(path_)) {}

UnixSocketFile::~UnixSocketFile() {
  if (IdentityOf(path_) == identity_) unlink(path_.c_str());
}

Result<UnixListener> ListenUnix(const std::string& path) {
  const auto address = UnixAddress(path);
  if (!address) return std::unexpected(address.error());
  if (const auto made = MakeFolderOf(path); !made) return std::unexpected(made.error());
  if (const auto free = RemoveStale(path, *address); !free) return std::unexpected(free.error());
  auto socket = NewSocket();
  if (!socket) return std::unexpected(socket.error());
  if (bind(socket->descriptor(), address->raw(), address->size) != 0) {
    const auto code = errno == EADDRINUSE ? ErrorCode::kUnavailable : ErrorCode::kIo;
    return Fail(code, "listen on '{}': {}", path, std::strerror(errno));
  }
  UnixListener listener{.socket = std::move(*socket), .file = std::make_unique<UnixSocketFile>(path)};
  // Nobody can connect before `listen`, so that the mode is in force from the first connection on.
  if (chmod(path.c_str(), kOnlyOwner) != 0 || listen(listener.socket.descriptor(), kUnixBacklog) != 0) {
    return Fail(ErrorCode::kIo, "listen on '{}': {}", path, std::strerror(errno));
  }
  return listener;
}

bool IsOwnUser(const Socket& socket) {
  ucred remote{};
  socklen_t size = sizeof(remote);
  return getsockopt(socket.descriptor(), SOL_SOCKET, SO_PEERCRED, &remote, &size) == 0 && remote.uid == geteuid();
}

}  // namespace grapevine::rpc

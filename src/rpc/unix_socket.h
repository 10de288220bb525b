// Unix domain sockets: endpoints "unix:/path" for programs of the same user on the same machine.
//
// They carry plaintext whatever the TLS options say: the operating system vouches for who is at the other end. A socket
// file has mode 0600, and both ends look at the user of the other (SO_PEERCRED) before they exchange a byte.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/transport.h"
#include "rpc/socket.h"

namespace grapevine::rpc {

// The path of "unix:/path"; none for other endpoints.
std::optional<std::string> UnixPath(const base::Endpoint& endpoint);
// Error kInvalid: empty, relative, or longer than the operating system takes.
base::Result<SocketAddress> UnixAddress(const std::string& path);

// The file of a listening socket; destroying it removes the file, unless another program has put its own there.
class UnixSocketFile {
 public:
  explicit UnixSocketFile(std::string path);
  UnixSocketFile(const UnixSocketFile&) = delete;
  UnixSocketFile& operator=(const UnixSocketFile&) = delete;
  ~UnixSocketFile();

 private:
  std::string path_;
  std::pair<dev_t, ino_t> identity_;
};

struct UnixListener {
  Socket socket;
  std::unique_ptr<UnixSocketFile> file;
};

// Listens at `path`. Makes the last folder of the path with mode 0700 if it is missing; replaces the socket file of a
// program that is gone. Errors: kInvalid (path, or what is there is no socket), kUnavailable (a program listens there),
// kIo.
base::Result<UnixListener> ListenUnix(const std::string& path);

// Whether the program at the other end of a connected unix socket runs as the user of this one.
bool IsOwnUser(const Socket& socket);

}  // namespace grapevine::rpc

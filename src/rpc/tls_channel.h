// One TLS connection as a function from bytes to bytes; sockets are the Link's affair.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/executor.h"
#include "base/result.h"
#include "rpc/tls.h"

namespace grapevine::rpc {

// Settings that all connections of one role share.
class TlsContext {
 public:
  enum class Role { kClient, kServer };
  explicit TlsContext(Role role);
  ~TlsContext();

 private:
  friend class TlsChannel;
  struct Native;
  std::unique_ptr<Native> native_;
};

// Uses no buffers of its own while idle: OpenSSL's are released, input and output belong to the caller.
class TlsChannel {
 public:
  // `host`: what was dialled, a name or an address without brackets; the certificate must name it. Certificates are
  // checked for `now`. Error (kInvalid): the configuration gave no usable certificate or trust.
  static base::Result<std::unique_ptr<TlsChannel>> Connect(const TlsContext& context, const TlsClientConfig& config,
                                                           const std::string& host, base::WallTime now);
  static base::Result<std::unique_ptr<TlsChannel>> Accept(const TlsContext& context, const TlsServerConfig& config,
                                                          base::WallTime now);
  ~TlsChannel();

  // Received ciphertext; must stay valid until Handshake or Read has used it up, which both do before they ask for
  // more.
  void SetInput(base::ByteView ciphertext);
  // Goes on with the handshake: true when it is over. Ciphertext to send is appended to `out`, also on failure.
  // Error: kDenied (certificate or protocol refused by this or the other side), kUnavailable (the other side hung up).
  base::Result<bool> Handshake(std::string& out);
  // Decrypts into `buffer`: the number of bytes, 0 when the input is used up. kUnavailable: the other side has closed.
  base::Result<std::size_t> Read(char* buffer, std::size_t size, std::string& out);
  // Encrypts all of `plaintext`.
  base::Result<void> Write(base::ByteView plaintext, std::string& out);
  // The farewell, so that the other side can tell an end from an attack.
  void WriteCloseNotify(std::string& out);

  // After the handshake. DER; empty when the other side showed none.
  base::Bytes remote_certificate() const;
  const base::Bytes& local_certificate() const { return local_certificate_; }

 private:
  struct Native;
  explicit TlsChannel(std::unique_ptr<Native> native);
  base::Result<void> UseIdentity(const TlsIdentity& identity);
  std::unexpected<base::Error> Failure(const char* what, int result) const;

  std::unique_ptr<Native> native_;
  base::Bytes local_certificate_;
};

}  // namespace grapevine::rpc

// One end of a TLS connection with settings that our transport would never use, made with OpenSSL alone.
#pragma once

#include <memory>
#include <string>

#include "base/io_loop.h"
#include "rpc/rpc_fixture.h"

namespace grapevine::rpc {

struct TlsProbeOptions {
  Identity identity{};
  int min_version = 0;      // OpenSSL's TLS1_2_VERSION and so on
  int max_version = 0;      // 0: the library's best
  std::string alpn = "h2";  // empty: not offered, or not chosen
  std::string ciphers{};    // of TLS 1.2 and earlier; empty: the library's
  bool is_server = false;
};

class TlsProbe {
 public:
  // Takes over a connected descriptor. Sends the connection's first bytes of HTTP/2 as soon as TLS stands.
  TlsProbe(base::IoLoop& loop, int descriptor, const TlsProbeOptions& options);
  TlsProbe(const TlsProbe&) = delete;
  TlsProbe& operator=(const TlsProbe&) = delete;
  ~TlsProbe();

  bool established() const { return established_; }
  // The handshake failed, or the connection has ended.
  bool over() const { return over_; }
  // Application data received.
  const std::string& received() const { return received_; }
  std::string version() const;
  int tickets() const { return tickets_; }

 private:
  struct Native;
  void Step();
  void Finish();

  std::unique_ptr<Native> native_;
  int descriptor_;
  bool is_server_;
  std::unique_ptr<base::IoWatch> watch_;
  bool established_ = false;
  bool over_ = false;
  std::string received_;
  int tickets_ = 0;
};

}  // namespace grapevine::rpc

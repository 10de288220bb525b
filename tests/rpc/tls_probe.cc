#include "rpc/tls_probe.h"

#include <openssl/ssl.h>
#include <unistd.h>

#include <csignal>

#include "rpc/http2_frames.h"
#include "support/fixtures.h"

namespace grapevine::rpc {

namespace {

int ChooseAlpn(SSL*, const unsigned char** out, unsigned char* length, const unsigned char*, unsigned, void* context) {
  const auto& alpn = *static_cast<const std::string*>(context);
  if (alpn.empty()) return SSL_TLSEXT_ERR_NOACK;
  *out = reinterpret_cast<const unsigned char*>(alpn.data());
  *length = static_cast<unsigned char>(alpn.size());
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

struct TlsProbe::Native {
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  std::string alpn;
};

TlsProbe::TlsProbe(base::IoLoop& loop, int descriptor, const TlsProbeOptions& options)
    : native_(std::make_unique<Native>()), descriptor_(descriptor), is_server_(options.is_server) {
  native_->alpn = options.alpn;
  native_->context = SSL_CTX_new(options.is_server ? TLS_server_method() : TLS_client_method());
  SSL_CTX* context = native_->context;
  SSL_CTX_set_security_level(context, 0);  // otherwise the library itself refuses old versions
  SSL_CTX_set_min_proto_version(context, options.min_version);
  SSL_CTX_set_max_proto_version(context, options.max_version);
  SSL_CTX_use_certificate_chain_file(context, testing::FixturePath(options.identity.certificate_file).c_str());
  SSL_CTX_use_PrivateKey_file(context, testing::FixturePath(options.identity.key_file).c_str(), SSL_FILETYPE_PEM);
  if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context, options.ciphers.c_str());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION*) {
    ++static_cast<TlsProbe*>(SSL_get_app_data(ssl))->tickets_;
    return 0;
  });
  native_->ssl = SSL_new(context);
  SSL_set_app_data(native_->ssl, this);
  SSL_set_fd(native_->ssl, descriptor);
  if (options.is_server) {
    SSL_CTX_set_alpn_select_cb(context, ChooseAlpn, &native_->alpn);
    SSL_set_accept_state(native_->ssl);
  } else {
    std::string offer = std::string(1, static_cast<char>(options.alpn.size())) + options.alpn;
    if (!options.alpn.empty()) {
      SSL_set_alpn_protos(native_->ssl, reinterpret_cast<const unsigned char*>(offer.data()),
                          static_cast<unsigned>(offer.size()));
    }
    SSL_set_connect_state(native_->ssl);
  }
  watch_ = loop.Watch(descriptor, [this](base::IoReady) { Step(); });
  watch_->SetInterest(true, true);
}

TlsProbe::~TlsProbe() {
  Finish();
  SSL_free(native_->ssl);
  SSL_CTX_free(native_->context);
}

std::string TlsProbe::version() const { return SSL_get_version(native_->ssl); }

// OpenSSL writes to sockets without asking for an error instead of a signal. Restored, so that the transport under test
// cannot profit from it.
class IgnoreBrokenPipe {
 public:
  IgnoreBrokenPipe() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
  ~IgnoreBrokenPipe() { std::signal(SIGPIPE, before_); }

 private:
  void (*before_)(int);
};

void TlsProbe::Step() {
  IgnoreBrokenPipe ignore;
  if (!established_) {
    int result = SSL_do_handshake(native_->ssl);
    int error = SSL_get_error(native_->ssl, result);
    watch_->SetInterest(true, error == SSL_ERROR_WANT_WRITE);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    if (result != 1) return Finish();
    established_ = true;
    std::string first = is_server_ ? Encode({kSettings, kNoFlags, 0, ""}) : Hello();
    SSL_write(native_->ssl, first.data(), static_cast<int>(first.size()));
  }
  char buffer[4096];
  for (;;) {
    int size = SSL_read(native_->ssl, buffer, sizeof buffer);
    if (size <= 0) {
      int error = SSL_get_error(native_->ssl, size);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) Finish();
      return;
    }
    received_.append(buffer, static_cast<std::size_t>(size));
  }
}

void TlsProbe::Finish() {
  if (over_) return;
  over_ = true;
  watch_.reset();
  close(descriptor_);
}

}  // namespace grapevine::rpc

#include "rpc/tls_channel.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "rpc/tls_native.h"

namespace grapevine::rpc {

using base::Bytes;
using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

constexpr unsigned char kAlpn[] = {2, 'h', '2'};
constexpr char kTls12Suites[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:AES128-GCM-SHA256:AES256-GCM-SHA384";

int SelectAlpn(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
               unsigned int offered_size, void* /*unused*/) {
  for (unsigned int i = 0; i < offered_size; i += 1U + offered[i]) {
    if (offered[i] == 2 && i + 2 < offered_size && std::memcmp(offered + i, kAlpn, sizeof(kAlpn)) == 0) {
      *chosen = offered + i + 1;
      *chosen_size = 2;
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// For clients whose certificate is asked for but not verified: possession of its key is checked all the same.
int AcceptAnyChain(X509_STORE_CTX* /*chain*/, void* /*unused*/) { return 1; }

bool IsAddress(const std::string& host) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), buffer) == 1 || inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

}  // namespace

struct TlsContext::Native {
  ContextPtr context;
  ContextPtr unverified;  // servers that do not verify clients
};

namespace {

ContextPtr NewContext(bool server) {
  ContextPtr context(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_cipher_list(context.get(), kTls12Suites);
  if (server) {
    SSL_CTX_set_alpn_select_cb(context.get(), SelectAlpn, nullptr);
  } else {
    SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof(kAlpn));
  }
  return context;
}

}  // namespace

TlsContext::TlsContext(Role role) : native_(std::make_unique<Native>()) {
  native_->context = NewContext(role == Role::kServer);
  if (role == Role::kServer) {
    native_->unverified = NewContext(true);
    SSL_CTX_set_cert_verify_callback(native_->unverified.get(), AcceptAnyChain, nullptr);
  }
}
TlsContext::~TlsContext() = default;

struct TlsChannel::Native {
  SslPtr ssl;
  ByteView input;
  std::string* output = nullptr;  // only during a call that writes
  bool client = false;

  static int WriteBio(BIO* bio, const char* data, int size) {
    auto* native = static_cast<Native*>(BIO_get_data(bio));
    if (native->output == nullptr) return -1;
    native->output->append(data, static_cast<std::size_t>(size));
    return size;
  }
  static int ReadBio(BIO* bio, char* data, int size) {
    auto* native = static_cast<Native*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (native->input.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t part = std::min(native->input.size(), static_cast<std::size_t>(size));
    std::memcpy(data, native->input.data(), part);
    native->input.remove_prefix(part);
    return static_cast<int>(part);
  }
  static long ControlBio(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {  // NOLINT: OpenSSL's type
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
  static const BIO_METHOD* Method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bytes");
      BIO_meth_set_write(made, WriteBio);
      BIO_meth_set_read(made, ReadBio);
      BIO_meth_set_ctrl(made, ControlBio);
      return made;
    }();
    return method;
  }
  void Attach(SSL_CTX* context) {
    ssl.reset(SSL_new(context));
    BIO* bio = BIO_new(Method());
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl.get(), bio, bio);
  }
  void SetTime(base::WallTime now) const {
    X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl.get()), std::chrono::system_clock::to_time_t(
                                                              std::chrono::time_point_cast<std::chrono::seconds>(now)));
  }
};

TlsChannel::TlsChannel(std::unique_ptr<Native> native) : native_(std::move(native)) {}
TlsChannel::~TlsChannel() = default;

Result<void> TlsChannel::UseIdentity(const TlsIdentity& identity) {
  const auto& own = identity.native();
  if (SSL_use_cert_and_key(native_->ssl.get(), own.leaf.get(), own.key.get(), own.chain.get(), 1) != 1) {
    return Fail(ErrorCode::kInvalid, "own TLS certificate cannot be used: {}", TakeOpenSslError());
  }
  local_certificate_ = identity.certificate();
  return {};
}

Result<std::unique_ptr<TlsChannel>> TlsChannel::Connect(const TlsContext& context, const TlsClientConfig& config,
                                                        const std::string& host, base::WallTime now) {
  ERR_clear_error();
  const auto trust = config.trust ? config.trust() : nullptr;
  if (!trust) return Fail(ErrorCode::kInvalid, "TLS client configuration has no trusted roots");
  auto native = std::make_unique<Native>();
  native->client = true;
  native->Attach(context.native_->context.get());
  SSL* const ssl = native->ssl.get();
  SSL_set_connect_state(ssl);
  native->SetTime(now);
  SSL_set1_verify_cert_store(ssl, trust->native().store.get());
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(parameters,
                                  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool address = IsAddress(host);
  // OpenSSL checks no name at all when none is set, which an empty one or one with a NUL would amount to.
  const bool named =
      !host.empty() && (address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str())
                                : X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size())) == 1;
  if (!named) return Fail(ErrorCode::kInvalid, "TLS: '{}' is not a host that a certificate can name", host);
  if (!address) SSL_set_tlsext_host_name(ssl, host.c_str());
  std::unique_ptr<TlsChannel> channel(new TlsChannel(std::move(native)));
  if (const auto identity = config.identity ? config.identity() : nullptr) {
    if (const auto used = channel->UseIdentity(*identity); !used) return std::unexpected(used.error());
  }
  return channel;
}

Result<std::unique_ptr<TlsChannel>> TlsChannel::Accept(const TlsContext& context, const TlsServerConfig& config,
                                                       base::WallTime now) {
  ERR_clear_error();
  const auto identity = config.identity ? config.identity() : nullptr;
  if (!identity) return Fail(ErrorCode::kInvalid, "TLS server configuration has no certificate");
  auto native = std::make_unique<Native>();
  const bool verify = config.require_client_certificate;
  native->Attach(verify ? context.native_->context.get() : context.native_->unverified.get());
  SSL* const ssl = native->ssl.get();
  SSL_set_accept_state(ssl);
  native->SetTime(now);
  if (verify) {
    const auto trust = config.client_trust ? config.client_trust() : nullptr;
    if (!trust) return Fail(ErrorCode::kInvalid, "client certificates are required, but no client CAs are configured");
    SSL_set1_verify_cert_store(ssl, trust->native().store.get());
    X509_VERIFY_PARAM_set_flags(SSL_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    const STACK_OF(X509)* const certificates = trust->native().certificates.get();
    for (int i = 0; i < sk_X509_num(certificates); ++i) SSL_add_client_CA(ssl, sk_X509_value(certificates, i));
  }
  SSL_set_verify(ssl, SSL_VERIFY_PEER | (verify ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  std::unique_ptr<TlsChannel> channel(new TlsChannel(std::move(native)));
  if (const auto used = channel->UseIdentity(*identity); !used) return std::unexpected(used.error());
  return channel;
}

void TlsChannel::SetInput(ByteView ciphertext) { native_->input = ciphertext; }

std::unexpected<Error> TlsChannel::Failure(const char* what, int result) const {
  SSL* const ssl = native_->ssl.get();
  const int kind = SSL_get_error(ssl, result);
  if (kind == SSL_ERROR_ZERO_RETURN) return Fail(ErrorCode::kUnavailable, "{}: the other side has closed", what);
  std::string reason = TakeOpenSslError();
  if (const auto verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK) {
    reason += fmt::format(" ({})", X509_verify_cert_error_string(verdict));
  }
  return Fail(ErrorCode::kDenied, "{}: {}", what, reason);
}

Result<bool> TlsChannel::Handshake(std::string& out) {
  SSL* const ssl = native_->ssl.get();
  ERR_clear_error();
  native_->output = &out;
  const int result = SSL_do_handshake(ssl);
  native_->output = nullptr;
  if (result != 1) {
    if (SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ) return false;
    return Failure("TLS handshake", result);
  }
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  if (size != 2 || std::memcmp(protocol, "h2", 2) != 0) {
    return Fail(ErrorCode::kDenied, "TLS handshake: the other side does not offer HTTP/2 (ALPN 'h2')");
  }
  return true;
}

Result<std::size_t> TlsChannel::Read(char* buffer, std::size_t size, std::string& out) {
  SSL* const ssl = native_->ssl.get();
  ERR_clear_error();
  native_->output = &out;
  std::size_t count = 0;
  const int result = SSL_read_ex(ssl, buffer, size, &count);
  native_->output = nullptr;
  if (result == 1) return count;
  if (SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ) return 0;
  return Failure("TLS", result);
}

Result<void> TlsChannel::Write(ByteView plaintext, std::string& out) {
  if (plaintext.empty()) return {};
  ERR_clear_error();
  native_->output = &out;
  std::size_t count = 0;
  const int result = SSL_write_ex(native_->ssl.get(), plaintext.data(), plaintext.size(), &count);
  native_->output = nullptr;
  if (result != 1) return Failure("TLS write", result);
  return {};
}

void TlsChannel::WriteCloseNotify(std::string& out) {
  ERR_clear_error();
  native_->output = &out;
  SSL_shutdown(native_->ssl.get());
  native_->output = nullptr;
  ERR_clear_error();
}

Bytes TlsChannel::remote_certificate() const {
  X509* const certificate = SSL_get0_peer_certificate(native_->ssl.get());
  return certificate != nullptr ? EncodeCertificate(certificate) : Bytes();
}

}  // namespace grapevine::rpc

#include "runtime/operations_server.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <utility>

#include "rpc/socket.h"

namespace grapevine::runtime {

using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

// One request while it is being received; MHD holds the pointer.
struct Request {
  std::string body;
  bool too_large = false;
};

std::string Join(const std::vector<std::string>& pems) {
  std::string all;
  for (const auto& pem : pems) all += pem + "\n";
  return all;
}

// libmicrohttpd says nothing about what is wrong.
Result<void> CheckTls(const OperationsTls& tls) {
  if (!tls.identity) {
    return Fail(ErrorCode::kInvalid, "operations.tls is enabled without operations.tls.cert.file and .key.file");
  }
  if (!tls.client_cas.empty()) {
    if (const auto trust = rpc::TlsTrust::FromPem(tls.client_cas); !trust) {
      return Wrap(trust.error(), "operations.tls.clientRootCAs.files");
    }
  } else if (tls.require_client_certificate) {
    return Fail(ErrorCode::kInvalid,
                "operations.tls.clientAuthRequired is set, but operations.tls.clientRootCAs.files is empty");
  }
  return {};
}

gnutls_session_t SessionOf(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  return info == nullptr ? nullptr : static_cast<gnutls_session_t>(info->tls_session);
}

bool HasVerifiedCertificate(MHD_Connection* connection) {
  gnutls_session_t session = SessionOf(connection);
  std::string purpose = GNUTLS_KP_TLS_WWW_CLIENT;
  gnutls_typed_vdata_st demand{
      .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = reinterpret_cast<unsigned char*>(purpose.data()), .size = 0};
  unsigned problems = 0;
  return session != nullptr && gnutls_certificate_verify_peers(session, &demand, 1, &problems) == 0 && problems == 0;
}

}  // namespace

class OperationsServer::Impl {
 public:
  Impl(base::IoLoop& loop, OperationsOptions options, OperationsSources sources)
      : loop_(loop), options_(std::move(options)), handler_(loop, std::move(sources)) {}
  ~Impl() {
    watch_.reset();
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> Start() {
    if (options_.tls) {
      if (const auto usable = CheckTls(*options_.tls); !usable) return usable;
    }
    auto listener = rpc::Listen(options_.listen_address);
    if (!listener) return Wrap(listener.error(), "operations.listenAddress");
    const auto host = rpc::SplitEndpoint(options_.listen_address);
    address_ = host->host.contains(':') ? fmt::format("[{}]:{}", host->host, rpc::LocalAddress(*listener).port())
                                        : fmt::format("{}:{}", host->host, rpc::LocalAddress(*listener).port());
    return StartDaemon(std::move(*listener));
  }

  const base::Endpoint& address() const { return address_; }
  std::size_t connections() const { return deadlines_.size(); }

 private:
  Result<void> StartDaemon(rpc::Socket listener) {
    std::vector<MHD_OptionItem> items = {
        {MHD_OPTION_LISTEN_SOCKET, listener.descriptor(), nullptr},
        {MHD_OPTION_CONNECTION_LIMIT, static_cast<std::intptr_t>(options_.limits.max_connections), nullptr},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, static_cast<std::intptr_t>(options_.limits.connection_bytes), nullptr},
        {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<std::intptr_t>(&OnCompleted), this},
        {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<std::intptr_t>(&OnConnection), this}};
    unsigned flags = MHD_USE_EPOLL;
    std::string chain;  // these texts are read at once
    std::string key;
    std::string client_cas;
    if (options_.tls) {
      const OperationsTls& tls = *options_.tls;
      chain = tls.identity->ChainPem();
      key = tls.identity->KeyPem();
      client_cas = Join(tls.client_cas);
      flags |= MHD_USE_TLS;
      items.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, chain.data()});
      items.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, key.data()});
      items.push_back({MHD_OPTION_HTTPS_PRIORITIES, 0, priorities_.data()});
      if (!tls.client_cas.empty()) items.push_back({MHD_OPTION_HTTPS_MEM_TRUST, 0, client_cas.data()});
    }
    items.push_back({.option = MHD_OPTION_END, .value = 0, .ptr_value = nullptr});
    daemon_ =
        MHD_start_daemon(flags, 0, nullptr, nullptr, &OnRequest, this, MHD_OPTION_ARRAY, items.data(), MHD_OPTION_END);
    if (daemon_ == nullptr) return Fail(ErrorCode::kIo, "operations endpoint: libmicrohttpd does not start");
    [[maybe_unused]] const int owned_by_daemon = listener.Release();
    watch_ =
        loop_.Watch(MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, [this](base::IoReady) { Run(); });
    watch_->SetInterest(true, false);
    return {};
  }

  void Run() {
    made_room_ = false;
    MHD_run(daemon_);
    MHD_UNSIGNED_LONG_LONG milliseconds = 0;
    if (made_room_) {
      again_ = loop_.After(base::Duration::zero(), [this] { Run(); });
    } else if (MHD_get_timeout(daemon_, &milliseconds) == MHD_YES) {
      again_ = loop_.After(std::chrono::milliseconds(milliseconds), [this] { Run(); });
    } else {
      again_.Reset();
    }
  }

  static void OnConnection(void* self, MHD_Connection* connection, void** context,
                           MHD_ConnectionNotificationCode code) {
    auto& impl = *static_cast<Impl*>(self);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      impl.Started(connection);
    } else {
      impl.deadlines_.erase(connection);
      impl.made_room_ = true;
    }
    *context = nullptr;
  }
  void Started(MHD_Connection* connection) {
    if (options_.tls && options_.tls->require_client_certificate) {
      if (gnutls_session_t session = SessionOf(connection); session != nullptr) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(session, nullptr, 0);
      }
    }
    deadlines_[connection] = loop_.After(options_.limits.connection_time, [this, connection] {
      handler_.CountRefused("timeout");
      // MHD finds the connection ended and closes it.
      shutdown(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd, SHUT_RDWR);
    });
  }

  static void OnCompleted(void* /*self*/, MHD_Connection* /*connection*/, void** context,
                          MHD_RequestTerminationCode /*code*/) {
    delete static_cast<Request*>(std::exchange(*context, nullptr));
  }

  // Called for the head, for each part of the body, and at the end with size 0.
  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* path, const char* method,
                              const char* /*version*/, const char* data, std::size_t* size, void** context) {
    auto& impl = *static_cast<Impl*>(self);
    if (*context == nullptr) {
      *context = new Request;
      return MHD_YES;
    }
    auto& request = *static_cast<Request*>(*context);
    if (*size == 0) return impl.Answer(connection, method, path, request);
    request.too_large = request.too_large || request.body.size() + *size > impl.options_.limits.max_body_bytes;
    if (!request.too_large) request.body.append(data, *size);
    *size = 0;
    return MHD_YES;
  }

  MHD_Result Answer(MHD_Connection* connection, const char* method, const char* path, const Request& request) {
    if (request.too_large) {
      handler_.CountRefused("body_too_large");
      return Send(connection,
                  {.status = 413, .content_type = "text/plain", .body = "the body is too large\n", .allow = {}});
    }
    return Send(connection, handler_.Handle({.method = method,
                                             .path = path,
                                             .body = request.body,
                                             .trusted = !options_.tls || HasVerifiedCertificate(connection)}));
  }

  static MHD_Result Send(MHD_Connection* connection, const OperationsResponse& answer) {
    // MHD copies the body and changes nothing in it.
    MHD_Response* response = MHD_create_response_from_buffer(answer.body.size(), const_cast<char*>(answer.body.data()),
                                                             MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    if (answer.status != 204) MHD_add_response_header(response, "Content-Type", answer.content_type.c_str());
    if (!answer.allow.empty()) MHD_add_response_header(response, "Allow", answer.allow.c_str());
    MHD_add_response_header(response, "Connection", "close");
    const MHD_Result queued = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return queued;
  }

  base::IoLoop& loop_;
  OperationsOptions options_;
  OperationsHandler handler_;
  std::string priorities_ = "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1";
  base::Endpoint address_;
  MHD_Daemon* daemon_ = nullptr;
  std::map<MHD_Connection*, base::Handle> deadlines_;  // of all connections; looked up only
  std::unique_ptr<base::IoWatch> watch_;
  base::Handle again_;
  bool made_room_ = false;  // MHD looks at the listening socket again, after the limit was reached, in its next run
};

OperationsServer::OperationsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OperationsServer::~OperationsServer() = default;

Result<std::unique_ptr<OperationsServer>> OperationsServer::Listen(base::IoLoop& loop, OperationsOptions options,
                                                                   OperationsSources sources) {
  auto impl = std::make_unique<Impl>(loop, std::move(options), std::move(sources));
  if (const auto started = impl->Start(); !started) return std::unexpected(started.error());
  return std::unique_ptr<OperationsServer>(new OperationsServer(std::move(impl)));
}

const base::Endpoint& OperationsServer::address() const { return impl_->address(); }
std::size_t OperationsServer::connections() const { return impl_->connections(); }

}  // namespace grapevine::runtime

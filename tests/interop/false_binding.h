// A transport that lies to its user about TLS certificates, so that the handshake's binding to TLS is wrong.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/transport.h"

namespace grapevine::interop {

enum class Lie {
  kOwnCertificate,    // the own handshake message is bound to another certificate: the remote must refuse it
  kOtherCertificate,  // the remote seems to use another certificate than its handshake message says: we must refuse it
};

namespace internal {

class LyingStream final : public base::Stream {
 public:
  LyingStream(std::unique_ptr<base::Stream> real, Lie lie) : real_(std::move(real)), peer_(real_->peer()) {
    (lie == Lie::kOwnCertificate ? peer_.local_certificate : peer_.certificate) = base::Bytes("another certificate");
  }
  void SetHandler(base::StreamHandler& handler) override { real_->SetHandler(handler); }
  void Send(base::Bytes message) override { real_->Send(std::move(message)); }
  std::size_t unsent() const override { return real_->unsent(); }
  void Read(std::size_t messages) override { real_->Read(messages); }
  void SetReceiveLimit(std::size_t bytes) override { real_->SetReceiveLimit(bytes); }
  void HalfClose() override { real_->HalfClose(); }
  void Finish(base::Status status) override { real_->Finish(std::move(status)); }
  const base::PeerInfo& peer() const override { return peer_; }
  const base::Metadata& metadata() const override { return real_->metadata(); }

 private:
  std::unique_ptr<base::Stream> real_;
  base::PeerInfo peer_;
};

class LyingConnection final : public base::Connection {
 public:
  LyingConnection(std::unique_ptr<base::Connection> real, Lie lie) : real_(std::move(real)), lie_(lie) {}
  const base::PeerInfo& peer() const override { return real_->peer(); }
  std::unique_ptr<base::Stream> Open(std::string_view method, base::CallOptions options) override {
    return std::make_unique<LyingStream>(real_->Open(method, std::move(options)), lie_);
  }
  base::Handle Unary(std::string_view method, base::Bytes request, base::CallOptions options,
                     std::move_only_function<void(base::UnaryResult)> done) override {
    return real_->Unary(method, std::move(request), std::move(options), std::move(done));
  }
  void OnClosed(std::move_only_function<void(const base::Status&)> closed) override {
    real_->OnClosed(std::move(closed));
  }

 private:
  std::unique_ptr<base::Connection> real_;
  const Lie lie_;
};

}  // namespace internal

// Borrows the real one.
class LyingTransport final : public base::Transport {
 public:
  LyingTransport(base::Transport& real, Lie lie) : real_(real), lie_(lie) {}
  base::Handle Dial(base::Endpoint endpoint, base::Duration timeout,
                    std::move_only_function<void(base::Result<std::unique_ptr<base::Connection>>)> done) override {
    return real_.Dial(std::move(endpoint), timeout, [lie = lie_, done = std::move(done)](auto connection) mutable {
      if (connection) *connection = std::make_unique<internal::LyingConnection>(std::move(*connection), lie);
      done(std::move(connection));
    });
  }

 private:
  base::Transport& real_;
  const Lie lie_;
};

}  // namespace grapevine::interop

// One connection of a ModelFabricPeer, from dial or accept to its end. Internal to the model.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "simulation/model_fabric_peer.h"

namespace grapevine::simulation {

class ModelFabricPeer::Link final : public base::StreamHandler {
 public:
  Link(ModelFabricPeer& peer, std::uint64_t id, Role role) : peer_(peer), id_(id), role_(role) {}

  // Client: section 4; the peer's Created is called with the result.
  void Dial(const base::Endpoint& endpoint, const wire::PkiId& expected);
  // Server: section 3.3; the peer's Register is called after success.
  void Accept(std::unique_ptr<base::Stream> stream);
  // After authentication: reads and writes from now on.
  void Serve();
  // Non-blocking sends are dropped on a full queue, blocking ones (replies) wait.
  void Enqueue(const wire::Envelope& message, bool blocking);
  // 5.2: idempotent; queued messages are lost.
  void Close();
  // Server: ends the stream with `status`; the remote sees it.
  void Finish(base::Status status);

  void OnMessage(base::Bytes message) override;
  void OnSent(std::size_t count) override;
  void OnHalfClose() override;
  void OnEnd(const base::Status& status) override;

  std::uint64_t id() const { return id_; }
  Role role() const { return role_; }
  const wire::PkiId& remote() const { return remote_; }
  const std::string& organization() const { return organization_; }
  // Whether a write was in progress; it is not any more.
  bool AbandonWrite() { return std::exchange(writing_, false); }
  bool carries_messages() const { return serving_ && !closed_ && !dead_; }
  bool handler_returned = false;  // server: the clean-up has run

 private:
  void Opened(base::Result<std::unique_ptr<base::Connection>> connection);
  void Pinged(const base::UnaryResult& result);
  void StartHandshake();
  void CheckIdentity(const base::Bytes& received);
  void IdentityChecked(const base::Result<msp::IdentityInfo>& info);
  void CheckSignature();
  void Authenticated();
  void Refuse(const std::string& reason);
  void Write();

  ModelFabricPeer& peer_;
  const std::uint64_t id_;
  const Role role_;
  wire::PkiId expected_;
  std::unique_ptr<base::Connection> connection_;
  std::unique_ptr<base::Stream> stream_;

  wire::Envelope envelope_;  // the remote's handshake message
  wire::ConnEstablish conn_;
  wire::PkiId remote_;
  std::string organization_;

  std::deque<base::Bytes> queue_;
  bool serving_ = false;
  bool writing_ = false;   // the writer is inside a write
  bool dead_ = false;      // the stream is over
  bool end_read_ = false;  // the remote will send no more
  bool closed_ = false;
  base::Handle pending_;  // dial, ping, signing, checks
  base::Handle timeout_;
};

}  // namespace grapevine::simulation

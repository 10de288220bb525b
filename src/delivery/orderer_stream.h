// One stream of consecutive blocks, or headers, from one orderer: dialled, requested, and taken apart (specification
// 22, sections 3 and 4). Judges what the messages are, not whether the blocks are genuine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/environment.h"
#include "base/transport.h"
#include "delivery/orderer_sources.h"
#include "msp/message_crypto.h"

namespace grapevine::delivery {

// Why an attempt to be delivered to ended.
struct DeliverFailure {
  const char* reason = "";  // label of a counter
  std::string message;
  bool terminal = false;  // trying again is of no use
};

// What is the same for every stream of a client. References are borrowed and must outlive the streams.
struct OrdererStreamContext {
  base::Environment environment;
  Dialer& dialer;
  msp::MessageCrypto& crypto;
  std::string channel;
  base::Bytes identity;  // own serialised identity
  base::Duration conn_timeout{};
};

struct OrdererStreamOptions {
  std::uint64_t start = 0;
  bool headers_only = false;
  std::size_t max_message_bytes = base::Stream::kTransportLimit;
};

class OrdererStreamUser {
 public:
  virtual ~OrdererStreamUser() = default;
  // The request is on its way.
  virtual void OnOpened() = 0;
  // The next block; for headers only, perhaps without data. Shares the received message's buffer.
  virtual void OnBlock(std::uint64_t number, base::Bytes block) = 0;
  // The last event.
  virtual void OnStreamFailed(DeliverFailure failure) = 0;
};

// Dials from construction on; nothing is received before the first Read. May be destroyed in every event. One executor.
class OrdererStream final : private base::StreamHandler {
 public:
  // `context` and `user` are borrowed and must outlive it.
  OrdererStream(const OrdererStreamContext& context, const OrdererAddress& address, OrdererStreamOptions options,
                OrdererStreamUser& user);

  // Takes one more block. Before OnOpened it is remembered.
  void Read();
  // The request has been sent, and the stream has not failed.
  bool open() const { return stream_ != nullptr; }

 private:
  void Connected(base::Result<std::unique_ptr<base::Connection>> connection);
  void Signed(const base::Bytes& payload, base::Result<base::Bytes> signature);
  void Fail(DeliverFailure failure);

  void OnMessage(base::Bytes message) override;
  void OnSent(std::size_t) override {}
  void OnHalfClose() override;
  void OnEnd(const base::Status& status) override;

  const OrdererStreamContext& context_;
  OrdererStreamOptions options_;
  OrdererStreamUser& user_;
  std::uint64_t next_;
  std::size_t wanted_ = 0;  // blocks to read once the stream is open
  base::Handle pending_;    // dialling or signing
  std::unique_ptr<base::Connection> connection_;
  std::unique_ptr<base::Stream> stream_;
};

}  // namespace grapevine::delivery

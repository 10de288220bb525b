// Orderers of a simulated ordering service, honest ones and others: what deliver clients are tested against
// (specification 22, sections 3, 4 and 7). The real service is delivery::DeliverService.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/transport.h"
#include "delivery/seek_request.h"
#include "simulation/authority.h"
#include "simulation/host.h"

namespace grapevine::simulation {

// The one chain of a channel, which all orderers have: block 0 and what is ordered. Made outside of the network.
class OrderedChain {
 public:
  // `authority` must outlive it.
  OrderedChain(Authority& authority, std::string channel);

  // One more block, with `bytes` of transactions; the orderers that serve the chain send it.
  void Order(std::size_t bytes = 200);
  void Order(std::size_t blocks, std::size_t bytes);

  std::uint64_t height() const { return blocks_.size(); }
  const base::Bytes& block(std::uint64_t number) const { return blocks_[number]; }
  const std::string& channel() const { return channel_; }
  // A block that follows block `number` - 1 and that only orderers would sign: signed by somebody else.
  base::Bytes ForgedBlock(std::uint64_t number);

 private:
  friend class ModelOrderer;

  base::Bytes Make(base::ByteView signer, std::uint64_t number, const std::string& transaction) const;

  Authority& authority_;
  std::string channel_;
  base::Bytes orderer_;
  base::Bytes outsider_;
  std::vector<base::Bytes> blocks_;
  std::vector<std::function<void()>> grown_;
};

// What an orderer does; the default is honest.
struct OrdererBehaviour {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t withholds_from = kNever;            // no block from this number on
  std::uint64_t withholds_headers_from = kNever;    // likewise of headers
  std::map<std::uint64_t, base::Bytes> lies{};      // by number: what is sent in the place of a block, or of a header
  std::uint64_t drops_after = kNever;               // the stream ends behind this block
  std::optional<delivery::DeliverStatus> status{};  // the answer to every request
  std::optional<base::Bytes> garbage{};             // a message that answers every request
};

// On a simulated host, from construction to destruction. Refuses nobody.
class ModelOrderer {
 public:
  // All are borrowed and must outlive it.
  ModelOrderer(Host& host, OrderedChain& chain, OrdererBehaviour behaviour = {});
  ~ModelOrderer();
  ModelOrderer(const ModelOrderer&) = delete;
  ModelOrderer& operator=(const ModelOrderer&) = delete;

  // For what is sent from now on.
  void Behave(OrdererBehaviour behaviour);

  // A request as it was received, and the certificate of the client's connection.
  struct Request {
    delivery::SeekEnvelope envelope;
    delivery::SeekInfo seek;
    base::Bytes certificate;
  };
  const std::vector<Request>& requests() const { return requests_; }
  // Blocks and headers handed to the network so far.
  std::uint64_t blocks_sent() const { return blocks_sent_; }
  std::uint64_t headers_sent() const { return headers_sent_; }
  std::size_t streams() const { return streams_.size(); }

 private:
  class Delivery;

  void Accept(std::unique_ptr<base::Stream> stream);
  void Grown();

  Host& host_;
  OrderedChain& chain_;
  OrdererBehaviour behaviour_;
  std::vector<Request> requests_;
  std::uint64_t blocks_sent_ = 0;
  std::uint64_t headers_sent_ = 0;
  std::uint64_t next_stream_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Delivery>> streams_;
  base::Handle serving_;
  std::size_t chain_slot_;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::simulation

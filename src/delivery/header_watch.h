// The censorship monitor: whether the orderer that gives blocks keeps any back that others have (specification 22,
// section 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "delivery/header_receiver.h"

namespace grapevine::delivery {

class HeaderWatchUser {
 public:
  virtual ~HeaderWatchUser() = default;
  // The number after the last block that is here or has come from the source; nothing while the source cannot be
  // blamed, because its stream is not read.
  virtual std::optional<std::uint64_t> ExpectedFromSource() const = 0;
  // For the timeout the source has not given block `number`, whose header is signed. The watch rests.
  virtual void OnCensorship(std::uint64_t number) = 0;
};

// Receives headers from all orderers but the source. One executor.
class HeaderWatch {
 public:
  struct Options {
    DeliverLimits limits;
    ByzantinePauses pauses;
    base::Duration timeout{};
  };

  // All but the values are borrowed and must outlive it.
  HeaderWatch(const OrdererStreamContext& context, const ledger::BlockSink& blocks,
              std::vector<OrdererAddress> addresses, Options options, HeaderWatchUser& user);

  // From now on `source` (an index of the addresses) is watched; what was held against the one before is forgotten.
  void Watch(std::size_t source);
  // Nobody is watched; the headers go on.
  void Rest() { tick_.Reset(); }

 private:
  struct Suspicion {
    std::uint64_t number = 0;
    base::SteadyTime since;
  };

  void Tick();
  void Suspect(std::uint64_t expected);

  const OrdererStreamContext& context_;
  const ledger::BlockSink& blocks_;
  std::vector<OrdererAddress> addresses_;
  Options options_;
  HeaderWatchUser& user_;
  std::map<std::size_t, std::unique_ptr<HeaderReceiver>> receivers_;  // by index of the address
  base::SteadyTime watched_since_;
  std::optional<Suspicion> suspicion_;
  base::Handle tick_;
};

}  // namespace grapevine::delivery

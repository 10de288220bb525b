// Where the blocks of one channel go on their way to its ledger, wherever they come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "base/handle.h"
#include "base/result.h"

namespace grapevine::ledger {

// Who gave a block.
enum class BlockOrigin : std::uint8_t {
  kOrderer,       // the ordering service: passed on by gossip once it is verified
  kStateTransfer  // another peer that was asked for it: others ask for themselves (20)
};

// Puts blocks in order, verifies each under the configuration that the blocks before it have set, and stores them
// (specification 20, sections 4 to 6; 22, section 4). Implemented by node::BlockCommitter; tests have a given one. One
// executor.
class BlockSink {
 public:
  // Success: the chain's block of that number is known, be it this copy or another one. kInvalid: this copy is not
  // valid; the message says why, another one is wanted. kExhausted: not taken now, because the number is at or above
  // limit() or memory is short; offer it again later.
  using Verdict = std::move_only_function<void(base::Result<void>)>;

  virtual ~BlockSink() = default;

  // The number that is wanted next: all below are verified, and stored or being stored. Never falls.
  virtual std::uint64_t next() const = 0;
  // Numbers from next() up to here, excluded, are taken.
  virtual std::uint64_t limit() const = 0;
  // Of the blocks that wait for those before them, for verification or for the disk.
  virtual std::size_t pending_bytes() const = 0;

  // Takes a serialised common.Block whose header may say anything: it is checked here. `done` runs once, as an event of
  // its own. Destroying the handle forgets the verdict, not the block.
  virtual base::Handle Offer(std::uint64_t number, base::Bytes block, BlockOrigin origin, Verdict done) = 0;
};

}  // namespace grapevine::ledger

// Blocks that have come and are not verified yet (specification 14.6.3). Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "base/environment.h"
#include "channel/config.h"
#include "comm/received_message.h"
#include "gossip/intake.h"
#include "msp/message_crypto.h"

namespace grapevine::channel {

struct BlockCandidate {
  std::uint64_t number = 0;
  base::Bytes block{};
  wire::PkiId sender{};                 // the first one
  comm::ReceivedMessagePtr received{};  // the data message, pushed or carried by an update
  bool pushed = false;                  // false: it came by pull, and nobody has pushed it yet
  std::uint64_t epoch = 0;              // of the configuration under which it is verified
  gossip::Ticket ticket{};              // of the message that it came with
};

// One verification at a time for each number. A different block of the same number waits, so that a forged one cannot
// keep the true one away; a copy is dropped. One executor; destroying it cancels everything.
class BlockCandidates {
 public:
  // As an event of its own, with the candidate already out of the collection. After a success the others of its number
  // are gone as well; after a failure the next one is being verified.
  using OnVerdict = std::function<void(const BlockCandidate& candidate, const base::Result<void>& verdict)>;

  BlockCandidates(msp::MessageCrypto& crypto, std::string channel, const ChannelConfig& config, OnVerdict on_verdict)
      : crypto_(crypto),
        channel_(std::move(channel)),
        max_of_number_(config.max_block_candidates),
        max_numbers_(config.max_verifying_blocks),
        max_of_sender_(config.max_verifying_blocks_per_peer),
        on_verdict_(std::move(on_verdict)) {}
  BlockCandidates(const BlockCandidates&) = delete;
  BlockCandidates& operator=(const BlockCandidates&) = delete;

  // Null if it is verified now or when its turn comes; else the reason why not.
  const char* Add(BlockCandidate candidate);
  bool Contains(std::uint64_t number) const { return numbers_.contains(number); }
  // Of the configuration in force, for verifications that begin from now on.
  void SetEpoch(std::uint64_t epoch) { epoch_ = epoch; }
  void Clear() { numbers_.clear(); }
  std::size_t size() const { return numbers_.size(); }

 private:
  struct Queue {
    std::deque<BlockCandidate> candidates;  // never empty; the first is being verified
    base::Handle verification;
  };
  std::size_t CountOf(const wire::PkiId& sender) const;
  void VerifyFirst(std::uint64_t number, Queue& queue);
  void Finish(std::uint64_t number, const base::Result<void>& verdict);

  msp::MessageCrypto& crypto_;
  std::string channel_;
  std::size_t max_of_number_;
  std::size_t max_numbers_;
  std::size_t max_of_sender_;
  OnVerdict on_verdict_;
  std::uint64_t epoch_ = 0;
  std::map<std::uint64_t, Queue> numbers_;
};

}  // namespace grapevine::channel

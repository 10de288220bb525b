// Acknowledged sends: who has to answer what, and who has (specification 02, section 7; 15 #8; D-23). Internal to the
// room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/handle.h"
#include "comm/comm.h"

namespace grapevine::comm {

// The topic of an answer is (nonce, PKI-ID of the stream). Peers of one PKI-ID share the topic, the message and the
// outcome.
class AckedSends {
 public:
  using Done = std::move_only_function<void(std::vector<AckResult>)>;

  explicit AckedSends(base::Executor& executor) : executor_(executor) {}
  AckedSends(const AckedSends&) = delete;
  AckedSends& operator=(const AckedSends&) = delete;

  // Expects answers to `nonce`. A peer without PKI-ID has failed already. Destroying `*handle` forgets the operation.
  void Start(std::uint64_t nonce, base::Duration timeout, std::size_t min_ack, const std::vector<RemotePeer>& peers,
             Done done, base::Handle* handle);
  // An outcome for one peer; false if nobody waits for it.
  bool Report(std::uint64_t nonce, const wire::PkiId& from, base::Result<void> outcome);
  // Every peer without outcome has failed.
  void FailAll(const base::Error& error);

 private:
  struct Operation {
    std::vector<RemotePeer> peers;
    std::vector<std::optional<base::Result<void>>> outcomes;  // by peer
    std::vector<AckResult> results;                           // in order of arrival
    std::size_t min_ack = 0;
    std::size_t successes = 0;
    bool complete = false;
    base::Handle timer;
    Done done;
  };

  void Set(Operation& operation, std::size_t peer, base::Result<void> outcome);
  void CompleteIfEnough(std::uint64_t nonce);
  void FailRest(std::uint64_t nonce, const base::Error& error);

  base::Executor& executor_;
  std::map<std::uint64_t, Operation> operations_;  // by nonce
  base::Lifetime lifetime_;
};

}  // namespace grapevine::comm

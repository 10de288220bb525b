#include "comm/acked_sends.h"

namespace grapevine::comm {

void AckedSends::Start(std::uint64_t nonce, base::Duration timeout, std::size_t min_ack,
                       const std::vector<RemotePeer>& peers, Done done, base::Handle* handle) {
  Operation& operation = operations_[nonce];
  operation.peers = peers;
  operation.outcomes.resize(peers.size());
  operation.min_ack = min_ack;
  operation.done = std::move(done);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    if (peers[i].pki_id.has_value()) continue;
    Set(operation, i,
        base::Fail(base::ErrorCode::kInvalid, "'{}': an acknowledged send needs the PKI-ID", peers[i].endpoint));
  }
  operation.timer = executor_.After(
      timeout, [this, nonce] { FailRest(nonce, {base::ErrorCode::kTimeout, "no acknowledgement came in time"}); });
  *handle = base::Handle(lifetime_.Guard([this, nonce] { operations_.erase(nonce); }));
  CompleteIfEnough(nonce);
}

void AckedSends::Set(Operation& operation, std::size_t peer, base::Result<void> outcome) {
  if (operation.complete || operation.outcomes[peer].has_value()) return;
  if (outcome.has_value()) ++operation.successes;
  operation.outcomes[peer] = outcome;
  operation.results.push_back({operation.peers[peer], std::move(outcome)});
}

bool AckedSends::Report(std::uint64_t nonce, const wire::PkiId& from, base::Result<void> outcome) {
  const auto found = operations_.find(nonce);
  if (found == operations_.end()) return false;
  Operation& operation = found->second;
  bool awaited = false;
  for (std::size_t i = 0; i < operation.peers.size(); ++i) {
    if (operation.peers[i].pki_id != from) continue;
    awaited = awaited || !operation.outcomes[i].has_value();
    Set(operation, i, outcome);
  }
  CompleteIfEnough(nonce);
  return awaited;
}

void AckedSends::FailRest(std::uint64_t nonce, const base::Error& error) {
  Operation& operation = operations_.at(nonce);
  for (std::size_t i = 0; i < operation.peers.size(); ++i) Set(operation, i, std::unexpected(error));
  CompleteIfEnough(nonce);
}

void AckedSends::FailAll(const base::Error& error) {
  for (auto& [nonce, operation] : operations_) FailRest(nonce, error);
}

// Section 7, step 5, with minAck 0 meaning all (D-23).
void AckedSends::CompleteIfEnough(std::uint64_t nonce) {
  Operation& operation = operations_.at(nonce);
  const bool enough = operation.min_ack > 0 && operation.successes >= operation.min_ack;
  if (operation.complete || (!enough && operation.results.size() < operation.peers.size())) return;
  operation.complete = true;
  operation.timer.Reset();
  executor_.Post(lifetime_.Guard([this, nonce] {
    auto finished = operations_.extract(nonce);
    if (!finished.empty()) finished.mapped().done(std::move(finished.mapped().results));
  }));
}

}  // namespace grapevine::comm

#include "statetransfer/state_responder.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "statetransfer/refusal.h"
#include "statetransfer/request_queue.h"

namespace grapevine::statetransfer {

using base::ErrorCode;
using base::Result;
using comm::ReceivedMessagePtr;

class StateResponder::Impl {
 public:
  Impl(base::Environment environment, StateResponderParts parts, std::string channel, StateTransferConfig config,
       StateTransferLimits limits);

 private:
  struct Answer {
    ReceivedMessagePtr request;
    base::Handle step;               // the check of the requester, then the reading
    std::size_t reserved_bytes = 0;  // while it is being read
  };

  void Received(ReceivedMessagePtr message);
  void Work();
  void WorkSoon();
  bool MayHaveTurn(const wire::PkiId& peer) const;
  void Begin(ReceivedMessagePtr request);
  void Checked(std::uint64_t id, const Result<void>& verdict);
  void Read(std::uint64_t id);
  std::size_t MaxAnswerBytes() const;
  void Respond(std::uint64_t id, std::uint64_t first, std::vector<base::Bytes> blocks);
  // Counts an answer until the handle goes.
  base::Handle OnItsWay(const wire::PkiId& peer, std::size_t bytes);
  void Refuse(const char* reason) { CountRefusal(environment_.metrics, kStateRequest, reason); }

  base::Environment environment_;
  StateResponderParts parts_;
  std::string channel_;
  StateTransferConfig config_;
  StateTransferLimits limits_;
  base::Counter& answers_;
  base::Counter& blocks_sent_;
  base::LogLimit log_limit_;

  RequestQueue waiting_;
  std::map<std::uint64_t, Answer> answering_;
  std::uint64_t next_answer_ = 1;
  std::map<wire::PkiId, std::size_t> unsent_;  // answers on their way; none is 0
  std::size_t unsent_bytes_ = 0;               // of these, and reserved for those that are being read
  bool work_soon_ = false;
  comm::AcceptedMessages requests_;
  base::Lifetime lifetime_;
};

StateResponder::Impl::Impl(base::Environment environment, StateResponderParts parts, std::string channel,
                           StateTransferConfig config, StateTransferLimits limits)
    : environment_(std::move(environment)),
      parts_(parts),
      channel_(std::move(channel)),
      config_(config),
      limits_(limits),
      answers_(environment_.metrics.GetCounter("gossip_statetransfer_answers", "Requests for blocks that were answered",
                                               {{"channel", channel_}})),
      blocks_sent_(environment_.metrics.GetCounter("gossip_statetransfer_blocks_sent", "Blocks in answers to requests",
                                                   {{"channel", channel_}})),
      log_limit_(environment_.executor, 1, std::chrono::seconds(10)),
      waiting_(config_.queue_messages, limits_.max_requests_per_peer) {
  requests_ = parts_.gossip.AcceptUnvalidated(
      "state requests",
      [name = channel_](const comm::ReceivedMessage& received) {
        return received.message().As<wire::StateRequest>() != nullptr && received.message().channel == name;
      },
      config_.queue_messages);
  requests_.ReceiveAll([this](ReceivedMessagePtr message) { Received(std::move(message)); });
}

void StateResponder::Impl::Received(ReceivedMessagePtr message) {
  if (!message->message().As<wire::StateRequest>()->IsServable(config_.batch_blocks)) return Refuse("range");
  if (waiting_.Push(std::move(message))) Refuse("queue_full");
  Work();
}

void StateResponder::Impl::Work() {
  const auto may_have_turn = [this](const wire::PkiId& peer) { return MayHaveTurn(peer); };
  while (answering_.size() < limits_.max_answers) {
    auto request = waiting_.Pop(may_have_turn);
    if (!request) break;
    Begin(std::move(*request));
  }
}

void StateResponder::Impl::WorkSoon() {
  if (waiting_.empty() || std::exchange(work_soon_, true)) return;
  environment_.executor.Post(lifetime_.Guard([this] {
    work_soon_ = false;
    Work();
  }));
}

// A peer that reads slowly waits for itself only.
bool StateResponder::Impl::MayHaveTurn(const wire::PkiId& peer) const {
  const auto unsent = unsent_.find(peer);
  const auto reading = std::ranges::count_if(
      answering_, [&](const auto& answer) { return answer.second.request->connection().pki_id == peer; });
  return (unsent == unsent_.end() ? 0 : unsent->second) + static_cast<std::size_t>(reading) <
         limits_.max_answers_per_peer;
}

// Section 3: a peer is authorised by how it has authenticated. Under the configuration of this moment, therefore asked
// anew each time; the crypto remembers the signature.
void StateResponder::Impl::Begin(ReceivedMessagePtr request) {
  const std::uint64_t id = next_answer_++;
  const comm::ConnectionInfo& requester = request->connection();
  base::Handle check = parts_.crypto.VerifyByChannel(channel_, requester.identity, requester.evidence_signature,
                                                     requester.evidence_payload,
                                                     [this, id](const Result<void>& verdict) { Checked(id, verdict); });
  answering_.emplace(id, Answer{std::move(request), std::move(check)});
}

void StateResponder::Impl::Checked(std::uint64_t id, const Result<void>& verdict) {
  if (verdict) return Read(id);
  const auto refused = answering_.extract(id);
  Refuse(verdict.error().code == ErrorCode::kExhausted ? "busy" : "not_reader");
  if (log_limit_.Allow()) {
    environment_.log.Warn("channel {}: request for blocks of {} ignored: {}", channel_,
                          refused.mapped().request->connection().pki_id.Short(), verdict.error().message);
  }
  Work();
}

void StateResponder::Impl::Read(std::uint64_t id) {
  Answer& answer = answering_.at(id);
  const auto range = *answer.request->message().As<wire::StateRequest>();
  const std::uint64_t first = std::max(range.start, parts_.ledger.first_block());
  if (first > range.end || first >= parts_.ledger.height()) return Respond(id, first, {});
  answer.reserved_bytes = MaxAnswerBytes();
  unsent_bytes_ += answer.reserved_bytes;
  answer.step = parts_.ledger.ReadBlocks(
      first, range.end, answer.reserved_bytes, [this, id, first](Result<std::vector<base::Bytes>> blocks) {
        if (!blocks) {
          environment_.log.Error("channel {}: cannot answer a request for blocks: {}", channel_,
                                 blocks.error().message);
          blocks.emplace();
        }
        Respond(id, first, std::move(*blocks));
      });
}

std::size_t StateResponder::Impl::MaxAnswerBytes() const {
  const std::size_t left = limits_.max_unsent_bytes - std::min(unsent_bytes_, limits_.max_unsent_bytes);
  return std::min(limits_.max_answer_bytes, left / 4);
}

void StateResponder::Impl::Respond(std::uint64_t id, std::uint64_t first, std::vector<base::Bytes> blocks) {
  const auto answer = answering_.extract(id);
  const comm::ReceivedMessage& request = *answer.mapped().request;
  unsent_bytes_ -= answer.mapped().reserved_bytes;
  wire::StateResponse response;
  response.payloads.reserve(blocks.size());
  for (base::Bytes& block : blocks) {
    response.payloads.push_back({.number = first++, .block = std::move(block), .private_data = {}});
  }
  answers_.Add();
  blocks_sent_.Add(response.payloads.size());
  const auto envelope =
      wire::UnsignedEnvelope(wire::NewMessage(std::move(response), channel_, request.message().nonce));
  request.Respond(envelope, OnItsWay(request.connection().pki_id, envelope.encoded().size()));
  Work();
}

base::Handle StateResponder::Impl::OnItsWay(const wire::PkiId& peer, std::size_t bytes) {
  ++unsent_[peer];
  unsent_bytes_ += bytes;
  return base::Handle(lifetime_.Guard([this, peer, bytes] {
    if (--unsent_.at(peer) == 0) unsent_.erase(peer);
    unsent_bytes_ -= bytes;
    WorkSoon();
  }));
}

StateResponder::StateResponder(base::Environment environment, StateResponderParts parts, std::string channel,
                               StateTransferConfig config, StateTransferLimits limits)
    : impl_(std::make_unique<Impl>(std::move(environment), parts, std::move(channel), config, limits)) {}
StateResponder::~StateResponder() = default;

}  // namespace grapevine::statetransfer

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

namespace {

// When only peers are left whose answers are still on their way, they are looked at again after this time.
constexpr base::Duration kLookAgain = std::chrono::milliseconds(5);

}  // namespace

class StateResponder::Impl {
 public:
  Impl(base::Environment environment, StateResponderParts parts, std::string channel, StateTransferConfig config,
       StateTransferLimits limits);

 private:
  struct Answer {
    ReceivedMessagePtr request;
    base::Handle step;  // the check of the requester, then the reading
  };

  void Received(ReceivedMessagePtr message);
  void Work();
  bool MayHaveTurn(const wire::PkiId& peer) const;
  void Begin(ReceivedMessagePtr request);
  void Checked(std::uint64_t id, const Result<void>& verdict);
  void Read(std::uint64_t id);
  void Respond(std::uint64_t id, std::uint64_t first, std::vector<base::Bytes> blocks);
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
  base::Handle look_again_;
  comm::AcceptedMessages requests_;
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
  if (waiting_.empty() || !answering_.empty()) return look_again_.Reset();  // a finished answer goes on
  look_again_ = environment_.executor.After(kLookAgain, [this] { Work(); });
}

// A peer that reads slowly waits for itself only.
bool StateResponder::Impl::MayHaveTurn(const wire::PkiId& peer) const {
  const auto state = parts_.gossip.comm().Peer(peer);
  const auto reading = std::ranges::count_if(
      answering_, [&](const auto& answer) { return answer.second.request->connection().pki_id == peer; });
  return (state ? state->queued : 0) + static_cast<std::size_t>(reading) < limits_.max_answers_per_peer;
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
  answer.step = parts_.ledger.ReadBlocks(
      first, range.end, limits_.max_answer_bytes, [this, id, first](Result<std::vector<base::Bytes>> blocks) {
        if (!blocks) {
          environment_.log.Error("channel {}: cannot answer a request for blocks: {}", channel_,
                                 blocks.error().message);
          blocks.emplace();
        }
        Respond(id, first, std::move(*blocks));
      });
}

void StateResponder::Impl::Respond(std::uint64_t id, std::uint64_t first, std::vector<base::Bytes> blocks) {
  const auto answer = answering_.extract(id);
  const comm::ReceivedMessage& request = *answer.mapped().request;
  wire::StateResponse response;
  response.payloads.reserve(blocks.size());
  for (base::Bytes& block : blocks) {
    response.payloads.push_back({.number = first++, .block = std::move(block), .private_data = {}});
  }
  answers_.Add();
  blocks_sent_.Add(response.payloads.size());
  request.Respond(wire::UnsignedEnvelope(wire::NewMessage(std::move(response), channel_, request.message().nonce)));
  Work();
}

StateResponder::StateResponder(base::Environment environment, StateResponderParts parts, std::string channel,
                               StateTransferConfig config, StateTransferLimits limits)
    : impl_(std::make_unique<Impl>(std::move(environment), parts, std::move(channel), config, limits)) {}
StateResponder::~StateResponder() = default;

}  // namespace grapevine::statetransfer

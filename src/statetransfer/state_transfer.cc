#include "statetransfer/state_transfer.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "statetransfer/block_plan.h"
#include "statetransfer/refusal.h"
#include "statetransfer/sources.h"

namespace grapevine::statetransfer {

using base::ErrorCode;
using base::Result;
using comm::ReceivedMessagePtr;

namespace {

// The members are looked at again at most so often, however many heights they advertise.
constexpr base::Duration kLookInterval = std::chrono::milliseconds(250);
// The sink is looked at again after this time when it has no room and no verdict is awaited that would tell.
constexpr base::Duration kRoomPause = std::chrono::milliseconds(10);
// A block that the sink has not taken is offered again after this time.
constexpr base::Duration kOfferPause = std::chrono::milliseconds(100);
// More blocks are never asked for at once: the responder's limit is its own configuration, and this its default (8).
constexpr std::uint64_t kMaxRangeBlocks = 11;
// For so many check intervals a member counts as lacking what it said it lacks.
constexpr int kMemoryIntervals = 10;

}  // namespace

class StateTransfer::Impl {
 public:
  Impl(base::Environment environment, StateTransferParts parts, std::string channel, StateTransferConfig config,
       StateTransferLimits limits);

  StateTransferProgress progress() const {
    return {.target = sources_.highest(), .requests = requests_.size(), .active = active()};
  }

 private:
  // One range in flight; by its nonce.
  struct Request {
    BlockRange range;
    wire::PkiId peer;
    base::SteadyTime sent;
    bool answered = false;  // and the answerer is being checked
    base::Handle step;      // the timeout, then the check
  };
  // A block that waits for the sink's verdict.
  struct Offered {
    wire::PkiId source;
    base::Bytes block;
    base::Handle verdict;
  };
  // What went wrong with a number.
  struct Trouble {
    std::uint64_t attempts = 0;
    std::set<wire::PkiId> sources;
  };

  bool active() const { return goal_ > parts_.blocks.next(); }
  void LookSoon();
  void Look();
  void LookRegularly();
  void WaitForGossip();
  void Begin();
  void GiveUp(std::uint64_t number);

  void Step();
  bool AskForMore();
  bool HasRoomFor(const BlockRange& range) const;
  std::uint64_t MaxRangeBlocks() const;
  void Ask(const BlockRange& range, const comm::RemotePeer& peer);
  void StepLater(base::Duration delay);

  void Answered(const ReceivedMessagePtr& message);
  void Checked(std::uint64_t nonce, const ReceivedMessagePtr& message, const Result<void>& verdict);
  void TakeBlocks(const Request& request, const wire::StateResponse& response);
  void ReturnMissing(const Request& request, const std::set<std::uint64_t>& received);
  void NoAnswer(std::uint64_t nonce, const char* reason);
  void Forsake(const wire::PkiId& peer);
  void AskElsewhere(std::uint64_t number, const wire::PkiId& source);
  void ReplaceTimeout(std::uint64_t nonce, Request& request);

  void Offer(std::uint64_t number);
  void Judged(std::uint64_t number, const Result<void>& verdict);
  void Distrust(const wire::PkiId& source);
  void Refuse(const char* reason) { CountRefusal(environment_.metrics, kStateResponse, reason); }

  base::Environment environment_;
  StateTransferParts parts_;
  std::string channel_;
  StateTransferConfig config_;
  StateTransferLimits limits_;
  base::Counter& sent_;
  base::Counter& empty_;
  base::Counter& received_;
  base::Counter& received_bytes_;
  base::LogLimit log_limit_;

  Sources sources_;
  BlockPlan plan_;
  std::uint64_t goal_ = 0;         // the height that is being fetched; 0: none
  std::uint64_t block_bytes_ = 0;  // as large as a block may well be, from what has come; 0: nothing has
  std::map<std::uint64_t, Request> requests_;
  std::map<std::uint64_t, Offered> offered_;  // by number
  std::set<std::uint64_t> put_off_;           // of these: the sink had no room
  std::map<std::uint64_t, Trouble> troubles_;

  bool look_armed_ = false;
  base::SteadyTime last_look_;
  base::Handle look_;
  base::Handle regular_look_;
  base::Handle gossip_wait_;  // while gossip may close a small gap by itself
  bool waiting_for_gossip_ = false;
  bool resting_ = false;  // after giving up, until the next regular look
  base::Handle step_;
  base::SteadyTime step_at_ = base::SteadyTime::max();
  comm::AcceptedMessages answers_;
  std::vector<base::Handle> observers_;
  base::Lifetime lifetime_;
};

StateTransfer::Impl::Impl(base::Environment environment, StateTransferParts parts, std::string channel,
                          StateTransferConfig config, StateTransferLimits limits)
    : environment_(std::move(environment)),
      parts_(parts),
      channel_(std::move(channel)),
      config_(config),
      limits_(limits),
      sent_(environment_.metrics.GetCounter("gossip_statetransfer_requests", "Requests for blocks that were sent",
                                            {{"channel", channel_}})),
      empty_(environment_.metrics.GetCounter("gossip_statetransfer_empty_answers", "Answers without any block",
                                             {{"channel", channel_}})),
      received_(environment_.metrics.GetCounter("gossip_statetransfer_blocks_received", "Blocks in answers",
                                                {{"channel", channel_}})),
      received_bytes_(environment_.metrics.GetCounter("gossip_statetransfer_bytes_received",
                                                      "Bytes of blocks in answers", {{"channel", channel_}})),
      log_limit_(environment_.executor, 1, std::chrono::seconds(10)),
      sources_(environment_.random, config_.response_timeout, config_.check_interval * kMemoryIntervals) {
  if (!config_.enabled) return;
  answers_ = parts_.gossip.AcceptUnvalidated(
      "state responses",
      [name = channel_](const comm::ReceivedMessage& received) {
        return received.message().As<wire::StateResponse>() != nullptr && received.message().channel == name;
      },
      config_.queue_messages);
  answers_.ReceiveAll([this](const ReceivedMessagePtr& message) { Answered(message); });
  if (channel::Channel* joined = parts_.gossip.FindChannel(channel_)) {
    observers_.push_back(joined->OnPeerHeight([this](const wire::PkiId&, std::uint64_t height) {
      if (height > parts_.blocks.next()) LookSoon();
    }));
  }
  observers_.push_back(parts_.gossip.membership().OnChange([this] { LookSoon(); }));
  observers_.push_back(parts_.gossip.comm().OnPresumedDead([this](const wire::PkiId& peer) {
    Forsake(peer);
    Step();
  }));
  LookRegularly();
  LookSoon();
}

// ---- Knowing that this node is behind

void StateTransfer::Impl::LookSoon() {
  if (std::exchange(look_armed_, true)) return;
  const base::Duration since = environment_.executor.Now() - last_look_;
  look_ = environment_.executor.After(last_look_ == base::SteadyTime() ? base::Duration() : kLookInterval - since,
                                      [this] { Look(); });
}

void StateTransfer::Impl::LookRegularly() {
  regular_look_ = environment_.executor.After(config_.check_interval, [this] {
    LookRegularly();
    resting_ = false;
    Look();
  });
}

void StateTransfer::Impl::Look() {
  look_armed_ = false;
  look_.Reset();
  last_look_ = environment_.executor.Now();
  sources_.Update(parts_.gossip.PeersOfChannel(channel_));
  std::set<wire::PkiId> gone;
  for (const auto& [nonce, request] : requests_) {
    if (!sources_.Contains(request.peer)) gone.insert(request.peer);
  }
  for (const wire::PkiId& peer : gone) Forsake(peer);
  const std::uint64_t next = parts_.blocks.next();
  goal_ = std::min(goal_, sources_.highest());  // who had more may be gone
  if (!resting_ && sources_.highest() > next) {
    if (active() || sources_.highest() - next > limits_.small_gap_blocks) {
      Begin();
    } else {
      WaitForGossip();
    }
  }
  Step();
}

// Blocks that are on their way by gossip need not be asked for, as long as there is progress.
void StateTransfer::Impl::WaitForGossip() {
  if (std::exchange(waiting_for_gossip_, true)) return;
  gossip_wait_ = environment_.executor.After(limits_.small_gap_wait, [this, before = parts_.blocks.next()] {
    waiting_for_gossip_ = false;
    const std::uint64_t next = parts_.blocks.next();
    if (resting_ || active() || sources_.highest() <= next) return;
    if (next != before) return WaitForGossip();
    Begin();
    Step();
  });
}

void StateTransfer::Impl::Begin() {
  const std::uint64_t next = parts_.blocks.next();
  if (!active()) {
    environment_.log.Info("channel {}: at height {}, others at {}: asking for blocks", channel_, next,
                          sources_.highest());
    plan_.Restart(next);
    offered_.clear();
    put_off_.clear();
    troubles_.clear();
  }
  goal_ = sources_.highest();
}

// Until the next regular look: what is asked now is answered no better.
void StateTransfer::Impl::GiveUp(std::uint64_t number) {
  if (log_limit_.Allow()) {
    environment_.log.Warn("channel {}: no valid block {} came in {} attempts; trying again within {} s", channel_,
                          number, config_.max_retries + 1,
                          std::chrono::duration_cast<std::chrono::seconds>(config_.check_interval).count());
  }
  resting_ = true;
  goal_ = 0;
  for (const auto& [nonce, request] : requests_) sources_.Released(request.peer);
  requests_.clear();
}

// ---- Asking

void StateTransfer::Impl::Step() {
  const std::uint64_t next = parts_.blocks.next();
  plan_.Advance(next);
  troubles_.erase(troubles_.begin(), troubles_.lower_bound(next));
  if (goal_ != 0 && !active()) {
    environment_.log.Info("channel {}: at height {}, nobody here has more", channel_, next);
    goal_ = 0;
  }
  step_.Reset();
  step_at_ = base::SteadyTime::max();
  for (const std::uint64_t number : std::exchange(put_off_, {})) Offer(number);
  while (active() && AskForMore()) {
  }
}

void StateTransfer::Impl::StepLater(base::Duration delay) {
  const base::SteadyTime at = environment_.executor.Now() + delay;
  if (at >= step_at_) return;
  step_at_ = at;
  step_ = environment_.executor.After(delay, [this] { Step(); });
}

std::uint64_t StateTransfer::Impl::MaxRangeBlocks() const {
  const std::uint64_t most = std::min(config_.batch_blocks + 1, kMaxRangeBlocks);
  if (block_bytes_ == 0) return most;
  return std::clamp<std::uint64_t>(limits_.max_pending_bytes / limits_.max_requests / block_bytes_, 1, most);
}

// Blocks may be larger than was expected, and what waits for the next one makes no room before it has come.
bool StateTransfer::Impl::HasRoomFor(const BlockRange& range) const {
  std::uint64_t blocks = range.size();
  for (const auto& [nonce, request] : requests_) blocks += request.range.size();
  const std::size_t pending = parts_.blocks.pending_bytes();
  return pending + blocks * block_bytes_ <= limits_.max_pending_bytes ||
         (requests_.empty() && (pending == 0 || range.first == parts_.blocks.next()));
}

// Sends one request, if there is something to ask for, room for the answer, and somebody to ask.
bool StateTransfer::Impl::AskForMore() {
  // How large blocks are must be known before several answers may come at once.
  if (requests_.size() >= (block_bytes_ == 0 ? 1 : limits_.max_requests)) return false;
  const auto range = plan_.Next(std::min(goal_, parts_.blocks.limit()), MaxRangeBlocks());
  if (!range || !HasRoomFor(*range)) {
    if (requests_.empty() && (range || offered_.empty())) StepLater(kRoomPause);
    return false;
  }
  const Trouble& trouble = troubles_[range->first];
  if (trouble.attempts > config_.max_retries) {
    GiveUp(range->first);
    return false;
  }
  const base::SteadyTime now = environment_.executor.Now();
  const auto choice = sources_.Choose(range->first, trouble.sources, now);
  if (!choice) {
    if (const auto free = sources_.FreeAt(range->first, now)) StepLater(*free - now);
    return false;  // else somebody must come who has the block
  }
  const std::uint64_t last = std::min({range->last, choice->height - 1, range->first + choice->max_blocks - 1});
  Ask({range->first, last}, choice->peer);
  return true;
}

void StateTransfer::Impl::Ask(const BlockRange& range, const comm::RemotePeer& peer) {
  const std::uint64_t nonce = environment_.random.Next();
  const auto [request, added] = requests_.emplace(
      nonce, Request{.range = range, .peer = *peer.pki_id, .sent = environment_.executor.Now(), .step = {}});
  if (!added) return;
  plan_.Take(range);
  sources_.Asked(*peer.pki_id);
  sent_.Add();
  ReplaceTimeout(nonce, request->second);
  environment_.log.Debug("channel {}: asking {} for blocks {} to {}", channel_, peer.pki_id->Short(), range.first,
                         range.last);
  parts_.gossip.Send(wire::NewMessage(wire::StateRequest{.start = range.first, .end = range.last}, channel_, nonce),
                     {peer});
}

void StateTransfer::Impl::ReplaceTimeout(std::uint64_t nonce, Request& request) {
  request.step = environment_.executor.After(sources_.Timeout(request.peer), [this, nonce] {
    if (const auto late = requests_.find(nonce); late != requests_.end()) {
      sources_.TimedOut(late->second.peer, late->second.range.size());
    }
    NoAnswer(nonce, "timeout");
    Step();
  });
}

// ---- Answers

void StateTransfer::Impl::Answered(const ReceivedMessagePtr& message) {
  const comm::ConnectionInfo& sender = message->connection();
  const std::uint64_t nonce = message->message().nonce;
  const auto found = requests_.find(nonce);
  if (found == requests_.end()) return Refuse("nonce");
  if (found->second.peer != sender.pki_id) return Refuse("sender");
  if (std::exchange(found->second.answered, true)) return Refuse("duplicate");
  // Section 3. Under the configuration of this moment, therefore asked anew each time; the crypto remembers the
  // signature.
  found->second.step =
      parts_.crypto.VerifyByChannel(channel_, sender.identity, sender.evidence_signature, sender.evidence_payload,
                                    [this, nonce, message](const Result<void>& verdict) {
                                      Checked(nonce, message, verdict);
                                      Step();
                                    });
  // Its other answers come behind this one.
  for (auto& [other, request] : requests_) {
    if (request.peer == sender.pki_id && !request.answered) ReplaceTimeout(other, request);
  }
}

void StateTransfer::Impl::Checked(std::uint64_t nonce, const ReceivedMessagePtr& message, const Result<void>& verdict) {
  if (!verdict && verdict.error().code != ErrorCode::kExhausted) {
    Refuse("not_reader");
    return NoAnswer(nonce, "not_reader");
  }
  const auto done = requests_.extract(nonce);
  if (done.empty()) return;
  const Request& request = done.mapped();
  sources_.Released(request.peer);
  if (!verdict) {  // this node's crypto has no room, which is not the peer's fault
    Refuse("busy");
    for (std::uint64_t number = request.range.first; number <= request.range.last; ++number) plan_.Return(number);
    return;
  }
  sources_.Answered(request.peer, environment_.executor.Now() - request.sent);
  TakeBlocks(request, *message->message().As<wire::StateResponse>());
}

void StateTransfer::Impl::TakeBlocks(const Request& request, const wire::StateResponse& response) {
  const auto [first, last] = request.range;
  std::set<std::uint64_t> received;
  std::uint64_t bytes = 0;
  for (const wire::BlockPayload& payload : response.payloads) {
    if (payload.number < first || payload.number > last) {
      Refuse("out_of_range");
    } else if (payload.block.empty()) {
      Refuse("no_block");
    } else if (!received.insert(payload.number).second) {
      Refuse("duplicate_block");
    } else {
      bytes += payload.block.size();
      if (payload.number < parts_.blocks.next()) continue;  // came by gossip meanwhile
      offered_.insert_or_assign(payload.number, Offered{.source = request.peer, .block = payload.block, .verdict = {}});
      Offer(payload.number);
    }
  }
  if (response.payloads.empty()) empty_.Add();
  if (!received.empty()) {
    received_.Add(received.size());
    received_bytes_.Add(bytes);
    // Rises at once and falls slowly.
    const std::uint64_t average = bytes / received.size() + 1;
    block_bytes_ = std::max(average, (3 * block_bytes_ + average) / 4);
  }
  const bool useless = received.empty() && !response.payloads.empty();
  if (useless) {
    for (std::uint64_t number = first; number <= last; ++number) AskElsewhere(number, request.peer);
  } else {
    ReturnMissing(request, received);
  }
}

// What is left out at the end is legal, answers are shortened. What is left out at the beginning the peer does not
// have: its chain began with a snapshot. A hole between is its fault.
void StateTransfer::Impl::ReturnMissing(const Request& request, const std::set<std::uint64_t>& received) {
  const auto [first, last] = request.range;
  const std::uint64_t lowest = received.empty() ? last + 1 : *received.begin();
  const std::uint64_t highest = received.empty() ? last : *received.rbegin();
  const base::SteadyTime now = environment_.executor.Now();
  if (lowest > first) sources_.Lacks(request.peer, lowest - 1, now);
  if (received.empty()) sources_.GaveNothing(request.peer, now);
  for (std::uint64_t number = first; number <= last; ++number) {
    if (received.contains(number)) continue;
    if (number < lowest || number > highest) {
      plan_.Return(number);
    } else {
      Refuse("hole");
      AskElsewhere(number, request.peer);
    }
  }
}

void StateTransfer::Impl::NoAnswer(std::uint64_t nonce, const char* reason) {
  const auto given_up = requests_.extract(nonce);
  if (given_up.empty()) return;
  const Request& request = given_up.mapped();
  environment_.metrics
      .GetCounter("gossip_statetransfer_unanswered", "Requests for blocks that had no answer of use",
                  {{"channel", channel_}, {"reason", reason}})
      .Add();
  environment_.log.Debug("channel {}: no answer of {} about blocks {} to {}: {}", channel_, request.peer.Short(),
                         request.range.first, request.range.last, reason);
  sources_.Released(request.peer);
  for (std::uint64_t number = request.range.first; number <= request.range.last; ++number) {
    AskElsewhere(number, request.peer);
  }
}

// The peer is gone: its answers are not waited for.
void StateTransfer::Impl::Forsake(const wire::PkiId& peer) {
  std::vector<std::uint64_t> nonces;
  for (const auto& [nonce, request] : requests_) {
    if (request.peer == peer && !request.answered) nonces.push_back(nonce);
  }
  for (const std::uint64_t nonce : nonces) NoAnswer(nonce, "gone");
}

void StateTransfer::Impl::AskElsewhere(std::uint64_t number, const wire::PkiId& source) {
  sources_.Failed(source, environment_.executor.Now());
  if (number < parts_.blocks.next()) return;
  Trouble& trouble = troubles_[number];
  ++trouble.attempts;
  trouble.sources.insert(source);
  plan_.Return(number);
}

// ---- Verdicts

void StateTransfer::Impl::Offer(std::uint64_t number) {
  const auto offered = offered_.find(number);
  if (offered == offered_.end()) return;
  offered->second.verdict =
      parts_.blocks.Offer(number, offered->second.block, ledger::BlockOrigin::kStateTransfer,
                          [this, number](const Result<void>& verdict) { Judged(number, verdict); });
}

void StateTransfer::Impl::Judged(std::uint64_t number, const Result<void>& verdict) {
  const bool postponed = !verdict && verdict.error().code != ErrorCode::kInvalid;
  if (postponed) {  // no room, or trouble of the own disk: not the peer's fault
    put_off_.insert(number);
    return StepLater(kOfferPause);
  }
  const auto judged = offered_.extract(number);
  const wire::PkiId source = judged.mapped().source;
  if (verdict) {
    sources_.Proved(source);
  } else {
    Refuse("invalid");
    if (log_limit_.Allow()) {
      environment_.log.Warn("channel {}: block {} from {} refused: {}", channel_, number, source.Short(),
                            verdict.error().message);
    }
    AskElsewhere(number, source);
    Distrust(source);
  }
  Step();
}

// What else came from there is not waited for: others are asked at once. The sink may take it nevertheless.
void StateTransfer::Impl::Distrust(const wire::PkiId& source) {
  for (auto offered = offered_.begin(); offered != offered_.end();) {
    if (offered->second.source != source) {
      ++offered;
      continue;
    }
    AskElsewhere(offered->first, source);
    offered = offered_.erase(offered);
  }
}

StateTransfer::StateTransfer(base::Environment environment, StateTransferParts parts, std::string channel,
                             StateTransferConfig config, StateTransferLimits limits)
    : impl_(std::make_unique<Impl>(std::move(environment), parts, std::move(channel), config, limits)) {}
StateTransfer::~StateTransfer() = default;

StateTransferProgress StateTransfer::progress() const { return impl_->progress(); }

}  // namespace grapevine::statetransfer

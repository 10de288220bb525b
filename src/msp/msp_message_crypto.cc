#include "msp/msp_message_crypto.h"

#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crypto/verification_cache.h"
#include "msp/block_verifier.h"
#include "msp/identity_judge.h"
#include "msp/serialized_identity.h"

namespace grapevine::msp {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr const char* kReaders = "/Channel/Application/Readers";

// One call of the service; the handle that the caller got empties `done`.
template <typename T>
struct Operation {
  Done<T> done;
};
template <typename T>
using OperationPtr = std::shared_ptr<Operation<T>>;

template <typename T>
base::Handle CancelOf(const OperationPtr<T>& operation) {
  return base::Handle([operation] { operation->done = nullptr; });
}

// Verdicts on identities, the longest unused are forgotten. The key names the identity and who was asked: one channel's
// manager, or ("") all MSPs of the node.
using VerdictKey = std::pair<std::string, crypto::Digest>;
using VerdictPtr = std::shared_ptr<const IdentityVerdict>;

class VerdictCache {
 public:
  explicit VerdictCache(std::size_t capacity) : capacity_(capacity) {}

  VerdictPtr Find(const VerdictKey& key) {
    const auto it = entries_.find(key);
    if (it == entries_.end()) return nullptr;
    by_use_.splice(by_use_.end(), by_use_, it->second.use);
    return it->second.verdict;
  }

  void Store(const VerdictKey& key, VerdictPtr verdict) {
    if (capacity_ == 0 || entries_.contains(key)) return;
    if (entries_.size() >= capacity_) {
      entries_.erase(by_use_.front());
      by_use_.pop_front();
    }
    entries_[key] = {std::move(verdict), by_use_.insert(by_use_.end(), key)};
  }

  void Clear() {
    entries_.clear();
    by_use_.clear();
  }

 private:
  struct Entry {
    VerdictPtr verdict;
    std::list<VerdictKey>::iterator use;
  };
  std::size_t capacity_;
  std::map<VerdictKey, Entry> entries_;
  std::list<VerdictKey> by_use_;
};

// Digests of good identities by where those lie in memory, which an entry keeps so: identities that the mapper holds
// are judged with every message, and hashing one takes microseconds.
class IdentityDigests {
 public:
  explicit IdentityDigests(std::size_t capacity) : capacity_(capacity) {}

  // Null if it is not remembered.
  const crypto::Digest* Find(const base::Bytes& identity) const {
    const auto known = digests_.find(identity.data());
    // Where a part of a remembered identity begins is another identity.
    return known == digests_.end() || !identity.is_whole_buffer() ? nullptr : &known->second.digest;
  }
  void Remember(const base::Bytes& identity, const crypto::Digest& digest) {
    if (!identity.is_whole_buffer()) return;             // would keep a message
    if (digests_.size() >= capacity_) digests_.clear();  // what is needed is soon here again
    digests_.try_emplace(identity.data(), Entry{identity, digest});
  }
  void Clear() { digests_.clear(); }

 private:
  struct Entry {
    base::Bytes identity;
    crypto::Digest digest;
  };
  std::size_t capacity_;
  std::unordered_map<const char*, Entry> digests_;  // looked up only
};

// Jobs under way by what they compute; whoever wants the same waits for the same job.
template <typename Key, typename Value>
class SharedJobs {
 public:
  using Consumer = std::move_only_function<void(const Value&)>;

  // True if a job for `key` was under way and will call `consumer`, which is taken then.
  bool Join(const Key& key, Consumer& consumer) {
    const auto it = jobs_.find(key);
    if (it == jobs_.end()) return false;
    it->second.consumers.push_back(std::move(consumer));
    return true;
  }

  template <typename Job, typename Store>
  void Start(base::Workers& workers, base::WorkKind kind, const Key& key, Consumer consumer, Job job, Store store) {
    Entry& entry = jobs_[key];
    entry.consumers.push_back(std::move(consumer));
    entry.job = workers.Run(kind, std::move(job), [this, key, store = std::move(store)](const Value& value) mutable {
      auto finished = jobs_.extract(key);
      store(value);
      for (auto& waiting : finished.mapped().consumers) waiting(value);
    });
  }

  std::size_t size() const { return jobs_.size(); }

 private:
  struct Entry {
    std::vector<Consumer> consumers;
    base::Handle job;
  };
  std::map<Key, Entry> jobs_;
};

}  // namespace

struct MspMessageCrypto::State {
  using VerdictJobs = SharedJobs<std::pair<std::uint64_t, VerdictKey>, VerdictPtr>;
  using SignatureJobs = SharedJobs<crypto::Digest, Result<void>>;
  using DeserializersPtr = std::shared_ptr<const Deserializers>;

  State(base::Environment environment_in, LocalMsp local_in, MspMessageCryptoConfig config_in)
      : environment(std::move(environment_in)),
        local(std::move(local_in)),
        config(config_in),
        deserializers(std::make_shared<Deserializers>(local.msp)),
        verdicts(config.max_cached_identities),
        digests(config.max_cached_identities),
        signatures(config.max_cached_signatures) {}

  void Reconfigure(Deserializers changed);
  bool Overloaded() const { return verdict_jobs.size() + signature_jobs.size() >= config.max_pending_jobs; }

  // 3.2, from the cache or by a worker. `consumer` may run within this call.
  void Judge(const base::Bytes& identity, VerdictJobs::Consumer consumer);
  // What the manager of one channel makes of an identity; 3.5 asks for no more than that it deserialises.
  void Deserialize(const std::string& channel, const base::Bytes& identity, VerdictJobs::Consumer consumer);
  template <typename Job>
  void FindVerdict(const std::string& channel, const base::Bytes& identity, VerdictJobs::Consumer consumer, Job job);
  // Section 5, likewise.
  void CheckSignature(const IdentityPtr& identity, base::Bytes signature, base::Bytes message,
                      SignatureJobs::Consumer consumer);

  // Verifies a block under the configuration of now: `judge(config, signers)` runs on a worker. Signers of blocks that
  // hold are remembered.
  template <typename Judgement>
  base::Handle JudgeBlock(const std::string& channel, Done<void> done, Judgement judge);

  // The answer comes as an event of its own, wherever the result was found.
  template <typename T>
  void Finish(const OperationPtr<T>& operation, Result<T> result) {
    if (!operation->done) return;
    environment.executor.Post([operation, result = std::move(result)]() mutable {
      if (operation->done) std::exchange(operation->done, nullptr)(std::move(result));
    });
  }

  base::Environment environment;
  LocalMsp local;
  MspMessageCryptoConfig config;
  DeserializersPtr deserializers;
  std::uint64_t generation = 0;  // of deserializers: a job begun before a change has nothing to say after it
  VerdictCache verdicts;
  IdentityDigests digests;
  using SignersByChannel = std::map<std::string, BlockSigners>;
  std::shared_ptr<SignersByChannel> block_signers = std::make_shared<SignersByChannel>();  // under deserializers
  crypto::VerificationCache signatures;
  VerdictJobs verdict_jobs;
  SignatureJobs signature_jobs;
};

void MspMessageCrypto::State::Reconfigure(Deserializers changed) {
  deserializers = std::make_shared<const Deserializers>(std::move(changed));
  ++generation;
  verdicts.Clear();
  digests.Clear();
  block_signers = std::make_shared<SignersByChannel>();  // a job under way keeps the old ones
}

template <typename Job>
void MspMessageCrypto::State::FindVerdict(const std::string& channel, const base::Bytes& identity,
                                          VerdictJobs::Consumer consumer, Job job) {
  const crypto::Digest* const digest = digests.Find(identity);
  const VerdictKey key(channel, digest != nullptr ? *digest : crypto::Sha256(identity));
  if (const VerdictPtr known = verdicts.Find(key)) {
    if (digest == nullptr && known->identity) digests.Remember(identity, key.second);
    return consumer(known);
  }
  const std::pair job_key(generation, key);
  if (verdict_jobs.Join(job_key, consumer)) return;
  if (Overloaded()) {
    const auto busy = Fail(ErrorCode::kExhausted, "too many identities and signatures wait to be verified");
    return consumer(std::make_shared<const IdentityVerdict>("", busy, ""));
  }
  verdict_jobs.Start(environment.workers, base::WorkKind::kIdentity, job_key, std::move(consumer), std::move(job),
                     [this, job_key](const VerdictPtr& verdict) {
                       if (job_key.first == generation) verdicts.Store(job_key.second, verdict);
                     });
}

void MspMessageCrypto::State::Judge(const base::Bytes& identity, VerdictJobs::Consumer consumer) {
  FindVerdict("", identity, std::move(consumer), [msps = deserializers, identity]() -> VerdictPtr {
    return std::make_shared<const IdentityVerdict>(JudgeIdentity(*msps, identity));
  });
}

void MspMessageCrypto::State::Deserialize(const std::string& channel, const base::Bytes& identity,
                                          VerdictJobs::Consumer consumer) {
  FindVerdict(channel, identity, std::move(consumer),
              [channel_config = deserializers->channels.at(channel), channel, identity]() -> VerdictPtr {
                auto result = channel_config->msp_manager().Deserialize(identity);
                const std::string organization = result ? (*result)->msp_id() : "";
                return std::make_shared<const IdentityVerdict>(organization, std::move(result), channel);
              });
}

void MspMessageCrypto::State::CheckSignature(const IdentityPtr& identity, base::Bytes signature, base::Bytes message,
                                             SignatureJobs::Consumer consumer) {
  const crypto::Digest key =
      crypto::VerificationCache::KeyOf(identity->certificate()->public_key(), signature, message, identity->hash());
  if (const auto known = signatures.Find(key)) {
    return consumer(*known ? Result<void>() : Fail(ErrorCode::kInvalid, "the signature is not valid"));
  }
  if (signature_jobs.Join(key, consumer)) return;
  if (Overloaded()) {
    return consumer(Fail(ErrorCode::kExhausted, "too many identities and signatures wait to be verified"));
  }
  signature_jobs.Start(
      environment.workers, base::WorkKind::kVerify, key, std::move(consumer),
      [identity, signature = std::move(signature), message = std::move(message)] {
        return identity->Verify(message, signature);
      },
      [this, key](const Result<void>& verdict) { signatures.Store(key, verdict.has_value()); });
}

namespace {

// 3.5 on one triple: a signature that does not hold counts as none, as in every policy.
Result<void> EvaluateReaders(const ChannelConfig& channel, const IdentityPtr& identity, const Result<void>& signature) {
  const PolicyPtr readers = channel.policies().Get(kReaders);
  if (signature) return readers->EvaluateSigners({&identity, 1});
  if (readers->EvaluateSigners({})) return {};
  return signature;
}

}  // namespace

MspMessageCrypto::MspMessageCrypto(base::Environment environment, LocalMsp local, MspMessageCryptoConfig config)
    : state_(std::make_unique<State>(std::move(environment), std::move(local), config)) {}

MspMessageCrypto::~MspMessageCrypto() = default;

void MspMessageCrypto::SetChannel(const std::string& name, ChannelConfigPtr config) {
  Deserializers changed = *state_->deserializers;
  changed.channels[name] = std::move(config);
  state_->Reconfigure(std::move(changed));
}

void MspMessageCrypto::RemoveChannel(const std::string& name) {
  Deserializers changed = *state_->deserializers;
  if (changed.channels.erase(name) > 0) state_->Reconfigure(std::move(changed));
}

const base::Bytes& MspMessageCrypto::own_identity() const { return state_->local.serialized_identity; }

Result<wire::PkiId> MspMessageCrypto::PkiIdOf(base::ByteView identity) const { return ComputePkiId(identity); }

base::Handle MspMessageCrypto::Validate(base::Bytes identity, Done<IdentityInfo> done) {
  const auto operation = std::make_shared<Operation<IdentityInfo>>(std::move(done));
  state_->Judge(identity, [state = state_.get(), operation](const VerdictPtr& verdict) {
    const auto& identity_result = verdict->identity;
    if (!identity_result) return state->Finish<IdentityInfo>(operation, std::unexpected(identity_result.error()));
    state->Finish<IdentityInfo>(operation, IdentityInfo{(*identity_result)->msp_id(), (*identity_result)->not_after()});
  });
  return CancelOf(operation);
}

base::Handle MspMessageCrypto::OrganizationOf(base::Bytes identity, Done<std::string> done) {
  const auto operation = std::make_shared<Operation<std::string>>(std::move(done));
  state_->Judge(identity, [state = state_.get(), operation](const VerdictPtr& verdict) {
    const bool busy = !verdict->identity && verdict->identity.error().code == ErrorCode::kExhausted;
    if (busy) return state->Finish<std::string>(operation, std::unexpected(verdict->identity.error()));
    state->Finish<std::string>(operation, verdict->organization);
  });
  return CancelOf(operation);
}

base::Handle MspMessageCrypto::Verify(base::Bytes identity, base::Bytes signature, base::Bytes message,
                                      Done<void> done) {
  const auto operation = std::make_shared<Operation<void>>(std::move(done));
  state_->Judge(identity, [state = state_.get(), operation, msps = state_->deserializers,
                           signature = std::move(signature), message = std::move(message)](const VerdictPtr& verdict) {
    if (!verdict->identity) return state->Finish<void>(operation, std::unexpected(verdict->identity.error()));
    state->CheckSignature(*verdict->identity, signature, message,
                          [state, operation, msps, verdict](const Result<void>& verified) {
                            if (verdict->channel.empty()) return state->Finish<void>(operation, verified);
                            const ChannelConfig& channel = *msps->channels.at(verdict->channel);
                            state->Finish<void>(operation, EvaluateReaders(channel, *verdict->identity, verified));
                          });
  });
  return CancelOf(operation);
}

base::Handle MspMessageCrypto::VerifyByChannel(std::string channel, base::Bytes identity, base::Bytes signature,
                                               base::Bytes message, Done<void> done) {
  const auto operation = std::make_shared<Operation<void>>(std::move(done));
  const auto joined = state_->deserializers->channels.find(channel);
  if (identity.empty()) {
    state_->Finish<void>(operation, Fail(ErrorCode::kInvalid, "the identity is empty"));
  } else if (joined == state_->deserializers->channels.end()) {
    state_->Finish<void>(operation, Fail(ErrorCode::kNotFound, "channel '{}' has not been joined", channel));
  } else {
    state_->Deserialize(channel, identity,
                        [state = state_.get(), operation, config = joined->second, signature = std::move(signature),
                         message = std::move(message)](const VerdictPtr& verdict) {
                          if (!verdict->identity) {
                            const Result<void> unknown = std::unexpected(verdict->identity.error());
                            return state->Finish<void>(operation, EvaluateReaders(*config, nullptr, unknown));
                          }
                          state->CheckSignature(
                              *verdict->identity, signature, message,
                              [state, operation, config, verdict](const Result<void>& verified) {
                                state->Finish<void>(operation, EvaluateReaders(*config, *verdict->identity, verified));
                              });
                        });
  }
  return CancelOf(operation);
}

base::Handle MspMessageCrypto::Sign(base::Bytes message, Done<base::Bytes> done) {
  return state_->environment.workers.Run(
      base::WorkKind::kSign,
      [key = state_->local.key, hash = state_->local.identity->hash(), message = std::move(message)] {
        auto signature = key.Sign(message, hash);
        return signature ? Result<base::Bytes>(base::Bytes(std::move(*signature))) : std::unexpected(signature.error());
      },
      std::move(done));
}

template <typename Judgement>
base::Handle MspMessageCrypto::State::JudgeBlock(const std::string& channel, Done<void> done, Judgement judge) {
  const auto joined = deserializers->channels.find(channel);
  if (joined == deserializers->channels.end()) {
    const auto operation = std::make_shared<Operation<void>>(std::move(done));
    Finish<void>(operation, Fail(ErrorCode::kNotFound, "channel '{}' has not been joined", channel));
    return CancelOf(operation);
  }
  return environment.workers.Run(
      base::WorkKind::kBlock,
      [config = joined->second, signers = (*block_signers)[channel], judge = std::move(judge)]() mutable {
        auto verdict = judge(*config, signers);
        return std::pair(std::move(verdict), std::move(signers));
      },
      [known = block_signers, channel, done = std::move(done)](std::pair<Result<void>, BlockSigners> judged) mutable {
        if (judged.first) (*known)[channel] = std::move(judged.second);
        done(std::move(judged.first));
      });
}

base::Handle MspMessageCrypto::VerifyBlock(std::string channel, std::uint64_t number, base::Bytes block,
                                           Done<void> done) {
  return state_->JudgeBlock(channel, std::move(done),
                            [number, block = std::move(block)](const ChannelConfig& config, BlockSigners& signers) {
                              return msp::VerifyBlock(config, number, block, signers);
                            });
}

base::Handle MspMessageCrypto::VerifyBlockAttestation(std::string channel, base::Bytes block, Done<void> done) {
  return state_->JudgeBlock(channel, std::move(done),
                            [block = std::move(block)](const ChannelConfig& config, BlockSigners& signers) {
                              return msp::VerifyBlockAttestation(config, block, signers);
                            });
}

}  // namespace grapevine::msp

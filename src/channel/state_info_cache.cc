#include "channel/state_info_cache.h"

#include <utility>

namespace grapevine::channel {

bool StateInfoCache::WouldAccept(const wire::PkiId& pki_id, const wire::PeerTime& timestamp) const {
  const auto found = records_.find(pki_id);
  return found == records_.end() || timestamp > found->second.timestamp;
}

ChannelMember* StateInfoCache::Find(const wire::PkiId& pki_id) {
  const auto found = records_.find(pki_id);
  return found == records_.end() ? nullptr : &found->second;
}

void StateInfoCache::Put(ChannelMember record) {
  ChannelMember& stored = records_[record.peer.pki_id];
  envelopes_.erase(stored.state_info.encoded().view());
  stored = std::move(record);
  envelopes_.insert(stored.state_info.encoded().view());
  ++version_;
}

bool StateInfoCache::Erase(const wire::PkiId& pki_id) {
  const auto found = records_.find(pki_id);
  if (found == records_.end()) return false;
  envelopes_.erase(found->second.state_info.encoded().view());
  records_.erase(found);
  ++version_;
  return true;
}

}  // namespace grapevine::channel

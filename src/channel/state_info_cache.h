// The newest state info of each peer of a channel (specification 11.10; D-13). Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_set>

#include "channel/state_info_exchange.h"
#include "wire/pki_id_map.h"

namespace grapevine::channel {

// One record per PKI-ID, replaced as a whole. A pure data structure.
class StateInfoCache {
 public:
  // Whether this very envelope is cached: how most duplicates are recognised, without decoding them.
  bool Holds(const wire::Envelope& state_info) const { return envelopes_.contains(state_info.encoded().view()); }
  // Whether `timestamp` is newer than what is cached of the peer.
  bool WouldAccept(const wire::PkiId& pki_id, const wire::PeerTime& timestamp) const;
  ChannelMember* Find(const wire::PkiId& pki_id);
  void Put(ChannelMember record);
  // False if there is none.
  bool Erase(const wire::PkiId& pki_id);

  // In order of PKI-ID.
  const wire::PkiIdMap<ChannelMember>& records() const { return records_; }
  std::size_t size() const { return records_.size(); }
  // Changes with every change of the content.
  std::uint64_t version() const { return version_; }

 private:
  wire::PkiIdMap<ChannelMember> records_;
  std::unordered_set<std::string_view> envelopes_;  // the encoded envelopes of `records_`; looked up only
  std::uint64_t version_ = 0;
};

}  // namespace grapevine::channel

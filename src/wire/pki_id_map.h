// A map by PKI-ID that is asked several times for each message.
#pragma once

#include <cstddef>
#include <map>
#include <unordered_map>
#include <utility>

#include "wire/pki_id.h"

namespace grapevine::wire {

// As std::map, in order of PKI-ID and with entries that stay where they are, but a look-up goes by hash: in a large
// network nearly every step of a search through a tree misses the processor's cache. The hash influences nothing else.
template <typename Value>
class PkiIdMap {
 public:
  using Ordered = std::map<PkiId, Value>;
  using iterator = typename Ordered::iterator;
  using const_iterator = typename Ordered::const_iterator;
  using node_type = typename Ordered::node_type;

  PkiIdMap() = default;
  PkiIdMap(const PkiIdMap&) = delete;  // the index points into the entries
  PkiIdMap& operator=(const PkiIdMap&) = delete;

  iterator find(const PkiId& id) {
    const auto found = index_.find(id);
    return found == index_.end() ? ordered_.end() : found->second;
  }
  const_iterator find(const PkiId& id) const {
    const auto found = index_.find(id);
    return found == index_.end() ? ordered_.end() : const_iterator(found->second);
  }
  bool contains(const PkiId& id) const { return index_.contains(id); }
  Value& at(const PkiId& id) { return index_.at(id)->second; }
  Value& operator[](const PkiId& id) { return emplace(id).first->second; }

  template <typename... Arguments>
  std::pair<iterator, bool> emplace(const PkiId& id, Arguments&&... arguments) {
    if (const auto found = find(id); found != end()) return {found, false};
    const iterator added = ordered_.try_emplace(id, std::forward<Arguments>(arguments)...).first;
    index_.emplace(id, added);
    return {added, true};
  }
  void erase(iterator entry) {
    index_.erase(entry->first);
    ordered_.erase(entry);
  }
  std::size_t erase(const PkiId& id) {
    const auto found = find(id);
    if (found == end()) return 0;
    erase(found);
    return 1;
  }
  void clear() {
    index_.clear();
    ordered_.clear();
  }
  // The entry as it is, with its value; empty if there is none.
  node_type extract(const PkiId& id) {
    const auto found = find(id);
    if (found == end()) return {};
    index_.erase(id);
    return ordered_.extract(found);
  }

  iterator begin() { return ordered_.begin(); }
  iterator end() { return ordered_.end(); }
  const_iterator begin() const { return ordered_.begin(); }
  const_iterator end() const { return ordered_.end(); }
  std::size_t size() const { return ordered_.size(); }
  bool empty() const { return ordered_.empty(); }

 private:
  Ordered ordered_;
  std::unordered_map<PkiId, iterator> index_;
};

}  // namespace grapevine::wire

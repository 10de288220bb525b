// A map by PKI-ID that is asked several times for each message.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "wire/pki_id.h"

namespace grapevine::wire {

// As std::map, in order of PKI-ID and with entries that stay where they are, but a look-up goes by hash, through one
// table of small places with linear probing: in a large network nearly every step through a tree or a chain misses the
// processor's cache. The hash influences nothing else.
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
    const std::size_t place = PlaceOf(id);
    return place == kNowhere ? ordered_.end() : places_[place].entry;
  }
  const_iterator find(const PkiId& id) const {
    const std::size_t place = PlaceOf(id);
    return place == kNowhere ? ordered_.end() : const_iterator(places_[place].entry);
  }
  // The first entry behind `id`, which need not have one itself.
  const_iterator upper_bound(const PkiId& id) const { return ordered_.upper_bound(id); }
  bool contains(const PkiId& id) const { return PlaceOf(id) != kNowhere; }
  // Precondition: contains(id).
  Value& at(const PkiId& id) { return places_[PlaceOf(id)].entry->second; }
  Value& operator[](const PkiId& id) { return emplace(id).first->second; }

  template <typename... Arguments>
  std::pair<iterator, bool> emplace(const PkiId& id, Arguments&&... arguments) {
    if (const auto found = find(id); found != end()) return {found, false};
    const iterator added = ordered_.try_emplace(id, std::forward<Arguments>(arguments)...).first;
    if (2 * ordered_.size() > places_.size()) {
      Rebuild();
    } else {
      Put(added);
    }
    return {added, true};
  }
  void erase(iterator entry) {
    Remove(PlaceOf(entry->first));
    ordered_.erase(entry);
  }
  std::size_t erase(const PkiId& id) {
    const auto found = find(id);
    if (found == end()) return 0;
    erase(found);
    return 1;
  }
  void clear() {
    places_.clear();
    ordered_.clear();
  }
  // The entry as it is, with its value; empty if there is none.
  node_type extract(const PkiId& id) {
    const auto found = find(id);
    if (found == end()) return {};
    Remove(PlaceOf(id));
    return ordered_.extract(found);
  }

  iterator begin() { return ordered_.begin(); }
  iterator end() { return ordered_.end(); }
  const_iterator begin() const { return ordered_.begin(); }
  const_iterator end() const { return ordered_.end(); }
  std::size_t size() const { return ordered_.size(); }
  bool empty() const { return ordered_.empty(); }

 private:
  struct Place {
    std::size_t tag = 0;  // 0: free
    iterator entry{};
  };
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  static constexpr std::size_t kFirstPlaces = 8;

  // The hash of a PKI-ID, a digest: any bits of it are as good as others.
  static std::size_t TagOf(const PkiId& id) { return std::hash<PkiId>()(id) | 1; }
  std::size_t Home(std::size_t tag) const { return (tag >> 1) & (places_.size() - 1); }
  std::size_t Next(std::size_t place) const { return (place + 1) & (places_.size() - 1); }

  std::size_t PlaceOf(const PkiId& id) const {
    if (places_.empty()) return kNowhere;
    const std::size_t tag = TagOf(id);
    for (std::size_t place = Home(tag); places_[place].tag != 0; place = Next(place)) {
      if (places_[place].tag == tag && places_[place].entry->first == id) return place;
    }
    return kNowhere;
  }
  void Put(iterator entry) {
    const std::size_t tag = TagOf(entry->first);
    std::size_t place = Home(tag);
    while (places_[place].tag != 0) place = Next(place);
    places_[place] = {tag, entry};
  }
  void Rebuild() {
    std::size_t size = kFirstPlaces;
    while (size < 4 * ordered_.size()) size *= 2;
    places_.assign(size, {});
    for (auto entry = ordered_.begin(); entry != ordered_.end(); ++entry) Put(entry);
  }
  // Those behind a place that becomes free move up, unless they would come before their home.
  void Remove(std::size_t gap) {
    const std::size_t mask = places_.size() - 1;
    for (std::size_t place = Next(gap); places_[place].tag != 0; place = Next(place)) {
      const std::size_t from_home = (place - Home(places_[place].tag)) & mask;
      if (from_home < ((place - gap) & mask)) continue;
      places_[gap] = places_[place];
      gap = place;
    }
    places_[gap] = {};
  }

  Ordered ordered_;
  std::vector<Place> places_;  // a power of two, at most half of them taken
};

}  // namespace grapevine::wire

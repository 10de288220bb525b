// A map by PKI-ID that is asked several times for each message.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "wire/pki_id.h"

namespace grapevine::wire {

// In order of PKI-ID, and with entries that stay where they are, as std::map. But in a large network nearly every step
// through a tree misses the processor's cache, and so: a look-up goes by hash, through one table of small places with
// linear probing; the order is a list of pointers, so that whoever goes through it need not wait for one entry to find
// the next. Adding and removing one moves the pointers behind it, 160 KB at most with 20,000 entries. The hash
// influences nothing else.
template <typename Value>
class PkiIdMap {
 public:
  using Entry = std::pair<const PkiId, Value>;

  // What find, emplace and end() give says which entry, not where it is in the order: it must not be incremented.
  template <typename Pointee>
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Pointee;
    using difference_type = std::ptrdiff_t;
    using pointer = Pointee*;
    using reference = Pointee&;

    Iterator() = default;
    operator Iterator<const Pointee>() const { return {entry_, place_, last_}; }  // NOLINT: as a pointer

    Pointee& operator*() const { return *entry_; }
    Pointee* operator->() const { return entry_; }
    Iterator& operator++() {
      assert(place_ != nullptr);
      entry_ = ++place_ == last_ ? nullptr : *place_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.entry_ == b.entry_; }

   private:
    friend class PkiIdMap;
    template <typename>
    friend class Iterator;
    using Place = Entry* const*;
    Iterator(Pointee* entry, Place place, Place last) : entry_(entry), place_(place), last_(last) {}  // NOLINT
    explicit Iterator(Pointee* entry) : entry_(entry) {}

    Pointee* entry_ = nullptr;  // null: the end
    Place place_ = nullptr;
    Place last_ = nullptr;
  };
  using iterator = Iterator<Entry>;
  using const_iterator = Iterator<const Entry>;

  PkiIdMap() = default;
  PkiIdMap(const PkiIdMap&) = delete;
  PkiIdMap& operator=(const PkiIdMap&) = delete;
  ~PkiIdMap() { clear(); }

  iterator find(const PkiId& id) { return iterator(EntryOf(id)); }
  const_iterator find(const PkiId& id) const { return const_iterator(EntryOf(id)); }
  // The first entry behind `id`, which need not have one itself.
  const_iterator upper_bound(const PkiId& id) const { return From(PlaceBehind(id)); }
  bool contains(const PkiId& id) const { return EntryOf(id) != nullptr; }
  // Precondition: contains(id).
  Value& at(const PkiId& id) { return EntryOf(id)->second; }
  Value& operator[](const PkiId& id) { return emplace(id).first->second; }

  template <typename... Arguments>
  std::pair<iterator, bool> emplace(const PkiId& id, Arguments&&... arguments) {
    if (Entry* found = EntryOf(id)) return {iterator(found), false};
    auto added = std::make_unique<Entry>(std::piecewise_construct, std::forward_as_tuple(id),
                                         std::forward_as_tuple(std::forward<Arguments>(arguments)...));
    Entry* const entry = added.get();
    ordered_.insert(ordered_.begin() + PlaceBehind(id), entry);
    added.release();  // NOLINT(bugprone-unused-return-value): it is in the order now
    if (2 * ordered_.size() > slots_.size()) {
      Rebuild();
    } else {
      Put(entry);
    }
    return {iterator(entry), true};
  }
  // Null if there is none.
  std::unique_ptr<Entry> extract(const PkiId& id) {
    const std::size_t slot = SlotOf(id);
    if (slot == kNowhere) return nullptr;
    Remove(slot);
    const auto place = ordered_.begin() + PlaceBehind(id) - 1;
    std::unique_ptr<Entry> extracted(*place);
    ordered_.erase(place);
    return extracted;
  }
  std::size_t erase(const PkiId& id) { return extract(id) == nullptr ? 0 : 1; }
  void erase(iterator entry) { extract(entry->first); }
  void clear() {
    slots_.clear();
    for (const Entry* entry : std::exchange(ordered_, {})) delete entry;
  }

  iterator begin() { return {ordered_.empty() ? nullptr : ordered_.front(), first(), last()}; }
  iterator end() { return {}; }
  const_iterator begin() const { return From(0); }
  const_iterator end() const { return {}; }
  std::size_t size() const { return ordered_.size(); }
  bool empty() const { return ordered_.empty(); }

 private:
  struct Slot {
    std::size_t tag = 0;  // 0: free
    Entry* entry = nullptr;
  };
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  static constexpr std::size_t kFirstSlots = 8;

  Entry* const* first() const { return ordered_.data(); }
  Entry* const* last() const { return ordered_.data() + ordered_.size(); }
  const_iterator From(std::ptrdiff_t place) const {
    Entry* const* at = first() + place;
    return {at == last() ? nullptr : *at, at, last()};
  }
  // In the order: of the first entry behind `id`.
  std::ptrdiff_t PlaceBehind(const PkiId& id) const {
    return std::ranges::upper_bound(ordered_, id, {}, [](const Entry* entry) -> const PkiId& { return entry->first; }) -
           ordered_.begin();
  }

  // The hash of a PKI-ID, a digest: any bits of it are as good as others.
  static std::size_t TagOf(const PkiId& id) { return std::hash<PkiId>()(id) | 1; }
  std::size_t Home(std::size_t tag) const { return (tag >> 1) & (slots_.size() - 1); }
  std::size_t Next(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }

  std::size_t SlotOf(const PkiId& id) const {
    if (slots_.empty()) return kNowhere;
    const std::size_t tag = TagOf(id);
    for (std::size_t slot = Home(tag); slots_[slot].tag != 0; slot = Next(slot)) {
      if (slots_[slot].tag == tag && slots_[slot].entry->first == id) return slot;
    }
    return kNowhere;
  }
  Entry* EntryOf(const PkiId& id) const {
    const std::size_t slot = SlotOf(id);
    return slot == kNowhere ? nullptr : slots_[slot].entry;
  }
  void Put(Entry* entry) {
    const std::size_t tag = TagOf(entry->first);
    std::size_t slot = Home(tag);
    while (slots_[slot].tag != 0) slot = Next(slot);
    slots_[slot] = {tag, entry};
  }
  void Rebuild() {
    std::size_t size = kFirstSlots;
    while (size < 4 * ordered_.size()) size *= 2;
    slots_.assign(size, {});
    for (Entry* entry : ordered_) Put(entry);
  }
  // Those behind a slot that becomes free move up, unless they would come before their home.
  void Remove(std::size_t gap) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = Next(gap); slots_[slot].tag != 0; slot = Next(slot)) {
      const std::size_t from_home = (slot - Home(slots_[slot].tag)) & mask;
      if (from_home < ((slot - gap) & mask)) continue;
      slots_[gap] = slots_[slot];
      gap = slot;
    }
    slots_[gap] = {};
  }

  std::vector<Entry*> ordered_;  // owned
  std::vector<Slot> slots_;      // a power of two, at most half of them taken
};

}  // namespace grapevine::wire

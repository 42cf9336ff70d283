// IdTable: a hash table of u32 ids, eight bytes an entry. The keys live elsewhere, under the id:
// look-ups take a hash and a test for equality. Ids are below 2^32 - 1. Thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tributary::tsdb {

class IdTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The id under `hash` for which equal(id) holds, or kNone.
  template <class Equal>
  uint32_t Find(uint64_t hash, Equal&& equal) const {
    if (entries_.empty()) return kNone;
    const uint32_t tag = Tag(hash);
    for (size_t i = tag & mask_;; i = (i + 1) & mask_) {
      const Entry entry = entries_[i];
      if (entry.id_plus_one == 0) return kNone;
      if (entry.tag == tag && equal(entry.id_plus_one - 1)) return entry.id_plus_one - 1;
    }
  }

  void Prefetch(uint64_t hash) const {
    if (!entries_.empty()) __builtin_prefetch(&entries_[Tag(hash) & mask_]);
  }

  // REQUIRES: the id's key is not in the table.
  void Insert(uint64_t hash, uint32_t id) {
    if ((size_ + 1) * 4 > entries_.size() * 3) Resize(entries_.empty() ? 64 : entries_.size() * 2);
    Place({Tag(hash), id + 1});
    ++size_;
  }

  // True when it was there.
  bool Erase(uint64_t hash, uint32_t id) {
    if (entries_.empty()) return false;
    size_t i = Tag(hash) & mask_;
    while (entries_[i].id_plus_one != id + 1) {
      if (entries_[i].id_plus_one == 0) return false;
      i = (i + 1) & mask_;
    }
    // Closes the gap: an entry moves back unless that would put it before its own place.
    size_t gap = i;
    for (size_t next = (gap + 1) & mask_; entries_[next].id_plus_one != 0;
         next = (next + 1) & mask_) {
      const size_t home = entries_[next].tag & mask_;
      if (((next - home) & mask_) >= ((next - gap) & mask_)) {
        entries_[gap] = entries_[next];
        gap = next;
      }
    }
    entries_[gap] = {};
    --size_;
    return true;
  }

  size_t size() const { return size_; }

 private:
  struct Entry {
    uint32_t tag = 0;
    uint32_t id_plus_one = 0;
  };
  // The high half: the low bits of a hash may have chosen the shard already.
  static uint32_t Tag(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }

  void Place(Entry entry) {
    size_t i = entry.tag & mask_;
    while (entries_[i].id_plus_one != 0) i = (i + 1) & mask_;
    entries_[i] = entry;
  }
  void Resize(size_t capacity) {
    std::vector<Entry> old(capacity);
    old.swap(entries_);
    mask_ = capacity - 1;
    for (const Entry entry : old) {
      if (entry.id_plus_one != 0) Place(entry);
    }
  }

  std::vector<Entry> entries_;
  size_t mask_ = 0;
  size_t size_ = 0;
};

}  // namespace tributary::tsdb

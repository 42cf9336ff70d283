// SeriesIndex: which series carry a label. Series are numbered in the order they were made, so that
// a posting list only ever grows at its end and can be kept as varint differences: one to two bytes
// an entry. Thread-safe; lock order: a series shard's mutex before this one.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "tsdb/head/label_table.h"
#include "tsdb/head/stable_array.h"

namespace tributary::tsdb {

// Where a series is: its slot << 4 | its shard, the low half of its ref.
struct IndexedSeries {
  uint32_t place = 0;
  LabelRun labels;
};

class SeriesIndex {
 public:
  explicit SeriesIndex(const LabelTable& labels) : labels_(labels) {}
  ~SeriesIndex();
  SeriesIndex(const SeriesIndex&) = delete;
  SeriesIndex& operator=(const SeriesIndex&) = delete;

  void Add(IndexedSeries series) TB_EXCLUDES(mutex_);

  // How many series carry the label.
  uint32_t Count(LabelId label) const TB_EXCLUDES(mutex_);
  uint64_t Count(std::span<const LabelId> labels) const TB_EXCLUDES(mutex_);
  // Calls visit(label, count) for every label that some series carries.
  void EachLabel(const std::function<void(LabelId, uint32_t)>& visit) const TB_EXCLUDES(mutex_);

  // Appends the series that carry any of these labels, which are all of one name, oldest first.
  void Collect(std::span<const LabelId> labels, std::vector<IndexedSeries>* out) const
      TB_EXCLUDES(mutex_);
  void CollectAll(std::vector<IndexedSeries>* out) const TB_EXCLUDES(mutex_);

  // Takes out every series for which dead() holds, now and later. Walks the whole index once, in
  // pieces, and needs memory for a second one meanwhile. One call at a time.
  void Remove(const std::function<bool(const IndexedSeries&)>& dead) TB_EXCLUDES(mutex_);

  size_t memory_bytes() const TB_EXCLUDES(mutex_);

 private:
  // Ascending numbers as varint differences; up to eight bytes of them need no memory of their own.
  struct PostingList {
    union {
      uint8_t* heap;
      uint8_t inlined[8];
    };
    uint32_t size;      // bytes
    uint32_t capacity;  // of heap; 0: inlined
    uint32_t count;
    uint32_t last;
  };
  static void Append(PostingList* list, uint32_t number, size_t* memory);
  // Behind some entries of a list: their bytes and the last number.
  struct ListPlace {
    uint32_t bytes = 0;
    uint32_t number = 0;
  };
  template <class F>
  static void Each(const PostingList& list, F&& visit);
  template <class F>
  static void EachAfter(const PostingList& list, ListPlace place, F&& visit);

  const LabelTable& labels_;
  mutable base::Mutex mutex_;
  StableArray<IndexedSeries> series_ TB_GUARDED_BY(mutex_);  // by number, from 1
  uint32_t last_number_ TB_GUARDED_BY(mutex_) = 0;
  StableArray<PostingList> lists_ TB_GUARDED_BY(mutex_);  // by label
  uint32_t num_lists_ TB_GUARDED_BY(mutex_) = 0;
  size_t heap_bytes_ TB_GUARDED_BY(mutex_) = 0;
};

}  // namespace tributary::tsdb

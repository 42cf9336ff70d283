#include "tsdb/head/series_index.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "tsdb/head/let_others_in.h"

namespace tributary::tsdb {
namespace {

// Who makes a series or selects waits while this much of the index is walked.
constexpr uint32_t kNumbersPerLock = 4 << 10;
constexpr size_t kBytesPerLock = 64 << 10;

}  // namespace

template <class F>
void SeriesIndex::Each(const PostingList& list, F&& visit) {
  EachAfter(list, {}, std::forward<F>(visit));
}

template <class F>
void SeriesIndex::EachAfter(const PostingList& list, ListPlace place, F&& visit) {
  const uint8_t* begin = list.capacity == 0 ? list.inlined : list.heap;
  const uint8_t* p = begin + place.bytes;
  const uint8_t* end = begin + list.size;
  uint32_t number = place.number;
  while (p != end) {
    uint32_t delta = *p & 0x7f;
    for (unsigned shift = 7; (*p++ & 0x80) != 0; shift += 7) {
      delta |= static_cast<uint32_t>(*p & 0x7f) << shift;
    }
    number += delta;
    visit(number);
  }
}

void SeriesIndex::Append(PostingList* list, uint32_t number, size_t* memory) {
  uint8_t bytes[5];
  uint32_t size = 0;
  uint32_t delta = number - list->last;
  for (; delta >= 0x80; delta >>= 7) bytes[size++] = static_cast<uint8_t>(delta | 0x80);
  bytes[size++] = static_cast<uint8_t>(delta);

  const uint32_t room = list->capacity == 0 ? sizeof(list->inlined) : list->capacity;
  if (list->size + size > room) {
    const uint32_t capacity = std::max<uint32_t>(24, list->size + list->size / 2 + 5);
    auto* heap =
        static_cast<uint8_t*>(std::realloc(list->capacity == 0 ? nullptr : list->heap, capacity));
    CHECK(heap != nullptr, "out of memory");
    if (list->capacity == 0) std::memcpy(heap, list->inlined, list->size);
    *memory += capacity - list->capacity;
    list->heap = heap;
    list->capacity = capacity;
  }
  std::memcpy((list->capacity == 0 ? list->inlined : list->heap) + list->size, bytes, size);
  list->size += size;
  list->last = number;
  ++list->count;
}

SeriesIndex::~SeriesIndex() {
  for (uint32_t label = 1; label < num_lists_; ++label) {
    if (lists_[label].capacity != 0) std::free(lists_[label].heap);
  }
}

void SeriesIndex::Add(IndexedSeries series) {
  base::MutexLock lock(mutex_);
  CHECK(last_number_ < UINT32_MAX - 1, "more than 4 billion series made");
  const uint32_t number = ++last_number_;
  series_.Grow(number + 1);
  series_[number] = series;
  const std::span<const LabelId> ids = labels_.LabelsOf(series.labels);
  for (const LabelId id : ids) {
    if (id.value() >= num_lists_) {
      num_lists_ = id.value() + 1;
      lists_.Grow(num_lists_);
    }
    __builtin_prefetch(&lists_[id.value()], 1);
  }
  for (const LabelId id : ids) Append(&lists_[id.value()], number, &heap_bytes_);
}

uint32_t SeriesIndex::Count(LabelId label) const {
  base::MutexLock lock(mutex_);
  return label.value() < num_lists_ ? lists_[label.value()].count : 0;
}

uint64_t SeriesIndex::Count(std::span<const LabelId> labels) const {
  base::MutexLock lock(mutex_);
  uint64_t count = 0;
  for (const LabelId label : labels) {
    if (label.value() < num_lists_) count += lists_[label.value()].count;
  }
  return count;
}

void SeriesIndex::EachLabel(const std::function<void(LabelId, uint32_t)>& visit) const {
  base::MutexLock lock(mutex_);
  for (uint32_t label = 1; label < num_lists_; ++label) {
    if (lists_[label].count != 0) visit(LabelId(label), lists_[label].count);
  }
}

void SeriesIndex::Collect(std::span<const LabelId> labels, std::vector<IndexedSeries>* out) const {
  base::MutexLock lock(mutex_);
  const auto take = [&](uint32_t number) TB_NO_THREAD_SAFETY_ANALYSIS {  // under the lock above
    out->push_back(series_[number]);
  };
  uint64_t total = 0;
  const PostingList* only = nullptr;
  size_t lists = 0;
  for (const LabelId label : labels) {
    if (label.value() >= num_lists_ || lists_[label.value()].count == 0) continue;
    only = &lists_[label.value()];
    total += only->count;
    ++lists;
  }
  out->reserve(out->size() + total);
  if (lists == 0) return;
  if (lists == 1) {
    Each(*only, take);
    return;
  }
  // A series has one value under a name, so the lists are disjoint; only their order is to be made.
  if (total * 32 < last_number_) {
    std::vector<uint32_t> numbers;
    numbers.reserve(total);
    for (const LabelId label : labels) {
      if (label.value() >= num_lists_) continue;
      Each(lists_[label.value()], [&](uint32_t number) { numbers.push_back(number); });
    }
    std::ranges::sort(numbers);
    for (const uint32_t number : numbers) take(number);
    return;
  }
  std::vector<uint64_t> bitmap(last_number_ / 64 + 1);
  for (const LabelId label : labels) {
    if (label.value() >= num_lists_) continue;
    Each(lists_[label.value()],
         [&](uint32_t number) { bitmap[number / 64] |= uint64_t{1} << (number % 64); });
  }
  for (uint32_t word = 0; word < bitmap.size(); ++word) {
    for (uint64_t bits = bitmap[word]; bits != 0; bits &= bits - 1) {
      take(word * 64 + static_cast<uint32_t>(std::countr_zero(bits)));
    }
  }
}

void SeriesIndex::CollectAll(std::vector<IndexedSeries>* out) const {
  base::MutexLock lock(mutex_);
  out->reserve(out->size() + last_number_);
  for (uint32_t number = 1; number <= last_number_; ++number) out->push_back(series_[number]);
}

void SeriesIndex::Remove(const std::function<bool(const IndexedSeries&)>& dead) {
  uint32_t seen;
  {
    base::MutexLock lock(mutex_);
    seen = last_number_;
  }
  // New numbers keep the order of the old ones, so the lists stay ascending. Series that come
  // meanwhile have numbers beyond `seen`.
  std::vector<uint32_t> renumbered(seen + 1, 0);
  uint32_t kept = 0;
  for (uint32_t from = 1; from <= seen; from += kNumbersPerLock) {
    LetOthersIn();
    base::MutexLock lock(mutex_);
    for (uint32_t number = from; number < from + kNumbersPerLock && number <= seen; ++number) {
      if (!dead(series_[number])) renumbered[number] = ++kept;
    }
  }
  if (kept == seen) return;
  const auto now = [&](uint32_t number) {
    return number <= seen ? renumbered[number] : number - (seen - kept);
  };
  // The new lists are made beside the old ones, some at a time.
  std::vector<PostingList> lists;
  std::vector<ListPlace> copied;
  {
    base::MutexLock lock(mutex_);
    lists.reserve(num_lists_);
    copied.reserve(num_lists_);
  }
  size_t memory = 0;
  const auto copy = [&](const PostingList& old, PostingList* list, ListPlace from) {
    EachAfter(old, from, [&](uint32_t number) {
      if (const uint32_t renamed = now(number); renamed != 0) Append(list, renamed, &memory);
    });
  };
  for (uint32_t label = 0;;) {
    LetOthersIn();
    base::MutexLock lock(mutex_);
    if (label >= num_lists_) break;
    size_t bytes = 0;
    for (; label < num_lists_ && bytes < kBytesPerLock; ++label) {
      const PostingList& old = lists_[label];
      lists.push_back({});
      copied.push_back({old.size, old.last});
      copy(old, &lists.back(), {});
      bytes += old.size + sizeof(PostingList);
    }
  }
  {
    base::MutexLock lock(mutex_);
    lists.resize(num_lists_);
    copied.resize(num_lists_);
    for (uint32_t label = 1; label < num_lists_; ++label) {
      if (lists_[label].size != copied[label].bytes) {
        copy(lists_[label], &lists[label], copied[label]);
      }
      std::swap(lists_[label], lists[label]);
    }
    for (uint32_t number = 1; number <= last_number_; ++number) {
      if (const uint32_t renamed = now(number); renamed != 0) series_[renamed] = series_[number];
    }
    last_number_ = now(last_number_ + 1) - 1;
    heap_bytes_ = memory;
  }
  for (const PostingList& old : lists) {
    if (old.capacity != 0) std::free(old.heap);
  }
}

size_t SeriesIndex::memory_bytes() const {
  base::MutexLock lock(mutex_);
  return heap_bytes_ + num_lists_ * sizeof(PostingList) + last_number_ * sizeof(IndexedSeries);
}

}  // namespace tributary::tsdb

// LabelTable: label sets as numbers. Every distinct (name, value) pair is kept once under a
// LabelId; every distinct list of names once as a shape; a series' labels are a run of u32: its
// shape, then the LabelIds in name order. 15 labels take 64 bytes, and questions about labels
// ("which value has it under this name", "same group?") are answered on integers.
//
// Thread-safe. Interning takes one lock; everything that starts from an id or a run is lock-free,
// provided that the id or run came to the reader through a lock or another ordered hand-over.
// Names live as long as the table, ids and values of labels as long as some run has them, and then
// until they are reclaimed in two steps: TakeUnused() and FreeLabels().
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/mutex.h"
#include "base/string_map.h"
#include "base/strong_int.h"
#include "model/labels.h"
#include "storage/wal_source.h"
#include "tsdb/head/id_table.h"
#include "tsdb/head/stable_array.h"

namespace tributary::tsdb {

struct LabelIdTag;
using LabelId = base::StrongInt<LabelIdTag, uint32_t>;  // 0: no label
struct LabelNameIdTag;
using LabelNameId = base::StrongInt<LabelNameIdTag, uint32_t>;
struct LabelRunTag;
using LabelRun = base::StrongInt<LabelRunTag, uint32_t>;  // 0: no run

class LabelTable {
 public:
  static constexpr size_t kMaxLabels = 8192;  // in one set

  LabelTable();
  ~LabelTable();

  // A run for these labels; calling twice gives two runs. REQUIRES: at most kMaxLabels, well
  // formed.
  LabelRun Intern(model::LabelSpan labels) TB_EXCLUDES(mutex_);
  // The same in two steps, for sets that have many labels in common: the label stays until the next
  // TakeUnused(), or as long as some run has it.
  LabelId InternLabel(const model::Label& label) TB_EXCLUDES(mutex_);
  LabelRun Intern(std::span<const LabelId> labels) TB_EXCLUDES(mutex_);
  // Gives the run's memory back.
  void Release(LabelRun run) TB_EXCLUDES(mutex_);

  // Labels that no run has: from the call on nobody finds them. One call at a time.
  std::vector<LabelId> TakeUnused() TB_EXCLUDES(mutex_);
  // The second step: ids and memory go to other labels. Nobody may hold these ids or their text.
  void FreeLabels(std::span<const LabelId> unused) TB_EXCLUDES(mutex_);

  std::optional<LabelNameId> FindName(std::string_view name) const TB_EXCLUDES(mutex_);
  std::optional<LabelId> Find(LabelNameId name, std::string_view value) const TB_EXCLUDES(mutex_);
  // Every value interned under this name, in no order.
  std::vector<LabelId> ValuesOf(LabelNameId name) const TB_EXCLUDES(mutex_);
  std::vector<std::string> Names() const TB_EXCLUDES(mutex_);
  // LabelIds are at most this.
  uint32_t num_labels() const { return num_labels_.load(std::memory_order_acquire); }
  size_t memory_bytes() const TB_EXCLUDES(mutex_);

  // Lock-free.
  LabelNameId NameOf(LabelId id) const { return LabelNameId(entries_[id.value()].name); }
  std::string_view Value(LabelId id) const {
    const Entry& e = entries_[id.value()];
    return {e.data, e.size};
  }
  std::string_view Name(LabelNameId id) const {
    const NameEntry& e = names_[id.value()];
    return {e.data, e.size};
  }
  std::span<const LabelId> LabelsOf(LabelRun run) const {
    const uint32_t* words = Words(run);
    return {reinterpret_cast<const LabelId*>(words + 1), shapes_[words[0]].size};
  }
  uint32_t ShapeOf(LabelRun run) const { return *Words(run); }
  // Where in a shape's runs the name stands, or -1.
  int PositionIn(uint32_t shape, LabelNameId name) const;
  // The label of this name, LabelId(0) when the run has none.
  LabelId FindIn(LabelRun run, LabelNameId name) const;
  bool Equal(LabelRun run, model::LabelSpan labels) const;
  // The views live as long as the labels are interned.
  void ToSpan(LabelRun run, std::vector<model::Label>* out) const;
  // The shape, and the ids of the labels: as long as the run is not released.
  storage::LabelNumbers NumbersOf(LabelRun run) const {
    const uint32_t* words = Words(run);
    return {words[0], {words + 1, shapes_[words[0]].size}};
  }
  // The ids of a shape's names.
  std::span<const uint32_t> NamesOf(uint32_t shape) const {
    return {shapes_[shape].names, shapes_[shape].size};
  }
  std::strong_ordering Compare(LabelRun a, LabelRun b) const;

 private:
  struct Entry {
    const char* data;
    uint32_t size;
    uint32_t name;
  };
  struct NameEntry {
    const char* data;
    uint32_t size;
  };
  struct Shape {
    const uint32_t* names;
    uint32_t size;
  };
  static constexpr uint32_t kBlockWords = 1 << 16;

  const uint32_t* Words(LabelRun run) const {
    return blocks_[run.value() / kBlockWords] + run.value() % kBlockWords;
  }
  uint32_t InternName(std::string_view name) TB_REQUIRES(mutex_);
  uint32_t InternShape(std::span<const uint32_t> names) TB_REQUIRES(mutex_);
  uint32_t InternLabel(uint32_t name, std::string_view value) TB_REQUIRES(mutex_);
  uint32_t AllocateRun(uint32_t words) TB_REQUIRES(mutex_);
  const char* Store(std::string_view s) TB_REQUIRES(mutex_);
  void FreeString(const char* data, size_t size) TB_REQUIRES(mutex_);

  mutable base::Mutex mutex_;
  StableArray<Entry> entries_;
  StableArray<NameEntry, 6> names_;
  StableArray<Shape, 6> shapes_;
  StableArray<uint32_t*, 6> blocks_;  // of runs

  std::atomic<uint32_t> num_labels_{0};
  uint32_t num_names_ TB_GUARDED_BY(mutex_) = 0;
  uint32_t num_shapes_ TB_GUARDED_BY(mutex_) = 0;
  uint32_t num_blocks_ TB_GUARDED_BY(mutex_) = 0;
  uint32_t next_word_ TB_GUARDED_BY(mutex_) = 0;
  IdTable label_ids_ TB_GUARDED_BY(mutex_);
  IdTable name_ids_ TB_GUARDED_BY(mutex_);
  IdTable shape_ids_ TB_GUARDED_BY(mutex_);
  std::vector<std::vector<uint32_t>> values_of_ TB_GUARDED_BY(mutex_);  // by name
  std::vector<std::vector<uint32_t>> free_runs_ TB_GUARDED_BY(mutex_);  // by words
  std::vector<uint32_t> scratch_ TB_GUARDED_BY(mutex_);
  uint32_t last_shape_ TB_GUARDED_BY(mutex_) = 0;

  // How many runs have a label; kUnused: it was taken by TakeUnused(), or its id is free.
  static constexpr uint32_t kUnused = UINT32_MAX;
  StableArray<uint32_t> runs_with_ TB_GUARDED_BY(mutex_);  // by id
  std::vector<uint32_t> free_labels_ TB_GUARDED_BY(mutex_);

  // Strings of up to kMaxPooledBytes are rounded up to words, so that a freed one serves others.
  static constexpr size_t kWord = 8;
  static constexpr size_t kMaxPooledBytes = 256;
  static size_t WordsOf(size_t size) { return (size + kWord - 1) / kWord; }
  struct Arena {
    std::vector<std::unique_ptr<char[]>> blocks;
    size_t used = 0;
    size_t size = 0;
    size_t total = 0;
    char* free[kMaxPooledBytes / kWord + 1] = {};  // by words; each begins with the next one
    absl::flat_hash_map<const char*, std::unique_ptr<char[]>> large;
  };
  Arena strings_ TB_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<uint32_t[]>> owned_words_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::tsdb

#include "tsdb/head/head_querier.h"

#include <algorithm>
#include <array>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "tsdb/head/head_view.h"

namespace tributary::tsdb {
namespace {

uint32_t ShardOfPlace(uint32_t place) { return place & (kSeriesShards - 1); }
uint32_t SlotOfPlace(uint32_t place) { return place >> 4; }

class HeadSelection : public storage::SeriesSelection {
 public:
  HeadSelection(HeadState& head, std::vector<IndexedSeries> series, const HeadView& view)
      : head_(head), series_(std::move(series)), view_(view) {}

  size_t size() const override { return series_.size(); }
  bool sorted() const override { return series_.size() < 2; }

  model::Labels LabelsOf(size_t i) const override {
    std::vector<model::Label> labels;
    head_.labels.ToSpan(series_[i].labels, &labels);
    return model::Labels::FromSpan(labels);
  }

  storage::LabelColumn Column(std::string_view label_name) const override {
    storage::LabelColumn column;
    column.ids.reserve(series_.size());
    const auto name = head_.labels.FindName(label_name);
    if (!name) {
      column.ids.assign(series_.size(), 0);
      column.values.emplace_back();
      return column;
    }
    absl::flat_hash_map<uint32_t, uint32_t> dictionary;
    uint32_t shape = 0;
    int position = -1;
    uint32_t last_label = UINT32_MAX;
    uint32_t last_id = 0;
    for (const IndexedSeries& s : series_) {
      if (const uint32_t its = head_.labels.ShapeOf(s.labels); its != shape) {
        shape = its;
        position = head_.labels.PositionIn(shape, *name);
      }
      const LabelId label = position < 0
                                ? LabelId(0)
                                : head_.labels.LabelsOf(s.labels)[static_cast<size_t>(position)];
      if (label.value() != last_label) {
        last_label = label.value();
        const auto [it, inserted] =
            dictionary.try_emplace(last_label, static_cast<uint32_t>(column.values.size()));
        if (inserted) {
          column.values.push_back(position < 0 ? std::string_view() : head_.labels.Value(label));
        }
        last_id = it->second;
      }
      column.ids.push_back(last_id);
    }
    return column;
  }

  std::vector<storage::Fingerprint> Fingerprints() const override {
    const LabelTable& labels = head_.labels;
    std::vector<storage::Fingerprint> out;
    out.reserve(series_.size());
    storage::FingerprintBuilder builder;
    for (const IndexedSeries& s : series_) {
      builder.Begin();
      for (const LabelId id : labels.LabelsOf(s.labels)) {
        builder.Add(id.value(), [&labels, id] {
          return model::Label{labels.Name(labels.NameOf(id)), labels.Value(id)};
        });
      }
      out.push_back(builder.sum());
    }
    return out;
  }

  base::Status Chunks(size_t i, storage::ChunkBuffer* buffer,
                      std::vector<chunk::ChunkView>* out) const override {
    const uint32_t place = series_[i].place;
    HeadState::Shard& shard = head_.series.shard(ShardOfPlace(place));
    base::MutexLock lock(shard.mutex);
    const MemSeries& series = shard.slots[SlotOfPlace(place)];
    if (series.labels != series_[i].labels.value()) return {};
    return view_.Chunks(ShardOfPlace(place), SlotOfPlace(place), series, buffer, out);
  }

 private:
  HeadState& head_;
  const std::vector<IndexedSeries> series_;
  const HeadView view_;
};

class HeadQuerier final : public storage::Querier {
 public:
  HeadQuerier(HeadState& head, HeadView::Samples samples, TimeInterval range)
      : head_(head),
        pin_(head.readers),
        complete_(head.isolation),
        view_(head, complete_, samples, range) {}

  base::Result<std::unique_ptr<storage::SeriesSelection>> Select(
      storage::Matchers matchers, const storage::SelectHints& hints) override {
    std::vector<IndexedSeries> series = Matching(matchers);
    if (hints.limit != 0 && series.size() > hints.limit) series.resize(hints.limit);
    return std::make_unique<HeadSelection>(head_, std::move(series), view_);
  }

  base::Result<std::vector<std::string>> LabelNames(storage::Matchers matchers) override {
    absl::flat_hash_set<uint32_t> names;
    if (!view_.MayHaveData()) return std::vector<std::string>();
    if (matchers.empty()) {
      head_.index.EachLabel(
          [&](LabelId id, uint32_t) { names.insert(head_.labels.NameOf(id).value()); });
    } else {
      absl::flat_hash_set<uint32_t> shapes;
      for (const IndexedSeries& s : Matching(matchers)) {
        if (!shapes.insert(head_.labels.ShapeOf(s.labels)).second) continue;
        for (const LabelId id : head_.labels.LabelsOf(s.labels)) {
          names.insert(head_.labels.NameOf(id).value());
        }
      }
    }
    std::vector<std::string> out;
    for (const uint32_t name : names) out.emplace_back(head_.labels.Name(LabelNameId(name)));
    std::ranges::sort(out);
    return out;
  }

  base::Result<std::vector<std::string>> LabelValues(std::string_view name,
                                                     storage::Matchers matchers) override {
    std::vector<std::string> out;
    const auto id = head_.labels.FindName(name);
    if (!id || !view_.MayHaveData()) return out;
    if (matchers.empty()) {
      for (const LabelId label : head_.labels.ValuesOf(*id)) {
        if (head_.index.Count(label) != 0) out.emplace_back(head_.labels.Value(label));
      }
    } else {
      absl::flat_hash_set<uint32_t> seen;
      for (const IndexedSeries& s : Matching(matchers)) {
        const LabelId label = head_.labels.FindIn(s.labels, *id);
        if (label.value() != 0 && seen.insert(label.value()).second) {
          out.emplace_back(head_.labels.Value(label));
        }
      }
    }
    std::ranges::sort(out);
    return out;
  }

  // Selected by labels and with samples in the querier's time.
  std::vector<IndexedSeries> Matching(storage::Matchers matchers) {
    if (!view_.MayHaveData()) return {};
    std::vector<IndexedSeries> series = SelectSeries(head_.labels, head_.index, matchers);
    std::array<std::vector<uint32_t>, kSeriesShards> by_shard;
    for (uint32_t i = 0; i < series.size(); ++i) {
      by_shard[ShardOfPlace(series[i].place)].push_back(i);
    }
    for (uint32_t s = 0; s < kSeriesShards; ++s) DropWithoutChunks(s, by_shard[s], &series);
    std::erase_if(series, [](const IndexedSeries& s) { return s.labels.value() == 0; });
    return series;
  }

  const HeadView& view() const { return view_; }

 private:
  // Marks the series of one shard that have nothing to show by taking their labels.
  void DropWithoutChunks(uint32_t shard_index, std::span<const uint32_t> positions,
                         std::vector<IndexedSeries>* series) {
    constexpr size_t kPerLock = 1024;
    constexpr size_t kAhead = 12;
    HeadState::Shard& shard = head_.series.shard(shard_index);
    while (!positions.empty()) {
      const std::span<const uint32_t> part = positions.first(std::min(kPerLock, positions.size()));
      positions = positions.subspan(part.size());
      base::MutexLock lock(shard.mutex);
      for (size_t i = 0; i < part.size(); ++i) {
        if (i + kAhead < part.size()) {
          __builtin_prefetch(&shard.slots[SlotOfPlace((*series)[part[i + kAhead]].place)]);
        }
        IndexedSeries& s = (*series)[part[i]];
        const MemSeries& mem = shard.slots[SlotOfPlace(s.place)];
        if (mem.labels != s.labels.value() ||
            !view_.HasChunks(shard_index, SlotOfPlace(s.place), mem)) {
          s.labels = LabelRun(0);
        }
      }
    }
  }

  HeadState& head_;
  const Gate::Pin pin_;
  const Isolation::View complete_;
  const HeadView view_;
};

// Outlives the querier that made it.
class SortedSelection final : public HeadSelection {
 public:
  SortedSelection(HeadState& head, std::unique_ptr<HeadQuerier> querier,
                  std::vector<IndexedSeries> series)
      : HeadSelection(head, std::move(series), querier->view()), querier_(std::move(querier)) {}
  bool sorted() const override { return true; }

 private:
  const std::unique_ptr<HeadQuerier> querier_;  // holds the pin
};

std::vector<IndexedSeries> MarkedSeries(HeadState& head, TimeInterval range) {
  std::vector<IndexedSeries> out;
  for (uint32_t s = 0; s < kSeriesShards; ++s) {
    HeadState::Shard& shard = head.series.shard(s);
    const OutOfOrderChunks& chunks = head.out_of_order[s];
    base::MutexLock lock(shard.mutex);
    for (const uint32_t slot : chunks.slots()) {
      if (!chunks.Overlaps(slot, range, OutOfOrderChunks::Part::kMarked)) continue;
      out.push_back({slot << 4 | s, LabelRun(shard.slots[slot].labels)});
    }
  }
  return out;
}

std::unique_ptr<storage::SeriesSelection> SelectSorted(HeadState& head, HeadView::Samples samples,
                                                       TimeInterval range) {
  auto querier = std::make_unique<HeadQuerier>(head, samples, range);
  std::vector<IndexedSeries> series = samples == HeadView::Samples::kMarkedOutOfOrder
                                          ? MarkedSeries(head, range)
                                          : querier->Matching({});
  std::ranges::sort(series, [&](const IndexedSeries& a, const IndexedSeries& b) {
    return head.labels.Compare(a.labels, b.labels) < 0;
  });
  return std::make_unique<SortedSelection>(head, std::move(querier), std::move(series));
}

}  // namespace

std::unique_ptr<storage::SeriesSelection> MakeSortedSelection(HeadState& head,
                                                              model::Timestamp min_time,
                                                              model::Timestamp max_time) {
  return SelectSorted(head, HeadView::Samples::kInOrder, {min_time, max_time});
}

std::unique_ptr<storage::SeriesSelection> MakeMarkedSelection(HeadState& head,
                                                              model::Timestamp min_time,
                                                              model::Timestamp max_time) {
  return SelectSorted(head, HeadView::Samples::kMarkedOutOfOrder, {min_time, max_time});
}

std::unique_ptr<storage::Querier> MakeHeadQuerier(HeadState& head, model::Timestamp min_time,
                                                  model::Timestamp max_time) {
  return std::make_unique<HeadQuerier>(head, HeadView::Samples::kAll,
                                       TimeInterval{min_time, max_time});
}

}  // namespace tributary::tsdb

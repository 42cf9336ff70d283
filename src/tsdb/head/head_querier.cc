#include "tsdb/head/head_querier.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "chunk/histogram_reader.h"
#include "chunk/xor_chunk.h"

namespace tributary::tsdb {
namespace {

uint32_t ShardOfPlace(uint32_t place) { return place & (kSeriesShards - 1); }
uint32_t SlotOfPlace(uint32_t place) { return place >> 4; }

// The head made the bytes itself, so that they decode.
model::Timestamp LastTime(const chunk::ChunkView& view) {
  if (view.encoding == chunk::Encoding::kXor) return chunk::XorResume(view.data)->t;
  chunk::HistogramReader reader(view.encoding, view.data);
  while (reader.Next()) {
  }
  return reader.t();
}

// Takes the newest `hidden` samples of a series away; `chunks` are all it has up to the newest.
void HideNewest(size_t hidden, storage::ChunkBuffer* buffer, size_t first,
                std::vector<chunk::ChunkView>* chunks) {
  while (hidden > 0 && chunks->size() > first) {
    chunk::ChunkView& newest = chunks->back();
    const size_t samples = chunk::ChunkNumSamples(newest.data);
    if (hidden >= samples) {
      hidden -= samples;
      chunks->pop_back();
      continue;
    }
    const std::span<uint8_t> copy = buffer->Allocate(newest.data.size());
    std::memcpy(copy.data(), newest.data.data(), newest.data.size());
    copy[0] = static_cast<uint8_t>((samples - hidden) >> 8);
    copy[1] = static_cast<uint8_t>(samples - hidden);
    newest.data = copy;
    newest.max_time = LastTime(newest);
    return;
  }
}

class HeadSelection : public storage::SeriesSelection {
 public:
  HeadSelection(HeadState& head, std::vector<IndexedSeries> series, model::Timestamp min_time,
                model::Timestamp max_time, const Isolation::View& view)
      : head_(head),
        series_(std::move(series)),
        min_time_(min_time),
        max_time_(max_time),
        view_(view) {}

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

  base::Status Chunks(size_t i, storage::ChunkBuffer* buffer,
                      std::vector<chunk::ChunkView>* out) const override {
    const uint32_t place = series_[i].place;
    HeadState::Shard& shard = head_.series.shard(ShardOfPlace(place));
    HeadShard& chunks = head_.chunks[ShardOfPlace(place)];
    base::MutexLock lock(shard.mutex);
    const MemSeries& series = shard.slots[SlotOfPlace(place)];
    if (series.labels != series_[i].labels.value()) return {};
    const size_t hidden = chunks.superseded.Hidden(view_, SlotOfPlace(place), series.commit);
    const size_t first = out->size();
    // What is hidden is counted from the newest sample on, even if that is after max_time_.
    ClosedChunksOf(&chunks, series, min_time_, hidden > 0 ? model::kMaxTime : max_time_, out);
    chunk::ChunkView open = OpenChunkOf(&chunks, series);
    if (!open.data.empty() && open.max_time >= min_time_ &&
        (hidden > 0 || open.min_time <= max_time_)) {
      const std::span<uint8_t> copy = buffer->Allocate(open.data.size());
      std::memcpy(copy.data(), open.data.data(), open.data.size());
      open.data = copy;
      out->push_back(open);
    }
    if (hidden > 0) {
      HideNewest(hidden, buffer, first, out);
      while (out->size() > first && out->back().min_time > max_time_) out->pop_back();
    }
    return {};
  }

 private:
  HeadState& head_;
  const std::vector<IndexedSeries> series_;
  const model::Timestamp min_time_;
  const model::Timestamp max_time_;
  const Isolation::View& view_;
};

class HeadQuerier final : public storage::Querier {
 public:
  HeadQuerier(HeadState& head, model::Timestamp min_time, model::Timestamp max_time)
      : head_(head),
        pin_(head.readers),
        view_(head.isolation),
        min_time_(std::max(min_time, head.min_valid_time.load())),
        max_time_(max_time) {}

  base::Result<std::unique_ptr<storage::SeriesSelection>> Select(
      storage::Matchers matchers, const storage::SelectHints& hints) override {
    std::vector<IndexedSeries> series = Matching(matchers);
    if (hints.limit != 0 && series.size() > hints.limit) series.resize(hints.limit);
    return std::make_unique<HeadSelection>(head_, std::move(series), min_time_, max_time_, view_);
  }

  base::Result<std::vector<std::string>> LabelNames(storage::Matchers matchers) override {
    absl::flat_hash_set<uint32_t> names;
    if (!MayHaveData()) return std::vector<std::string>();
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
    if (!id || !MayHaveData()) return out;
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

  const Isolation::View& view() const { return view_; }

  // Selected by labels and with samples in the querier's time.
  std::vector<IndexedSeries> Matching(storage::Matchers matchers) {
    if (!MayHaveData()) return {};
    std::vector<IndexedSeries> series = SelectSeries(head_.labels, head_.index, matchers);
    std::array<std::vector<uint32_t>, kSeriesShards> by_shard;
    for (uint32_t i = 0; i < series.size(); ++i) {
      by_shard[ShardOfPlace(series[i].place)].push_back(i);
    }
    for (uint32_t s = 0; s < kSeriesShards; ++s) DropWithoutChunks(s, by_shard[s], &series);
    std::erase_if(series, [](const IndexedSeries& s) { return s.labels.value() == 0; });
    return series;
  }

 private:
  bool MayHaveData() const {
    return min_time_ <= head_.max_time.load() && max_time_ >= head_.min_time.load();
  }

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
            !HasChunks(&head_.chunks[shard_index], mem, min_time_, max_time_)) {
          s.labels = LabelRun(0);
        }
      }
    }
  }

  HeadState& head_;
  const Gate::Pin pin_;
  const Isolation::View view_;
  const model::Timestamp min_time_;
  const model::Timestamp max_time_;
};

// Outlives the querier that made it.
class SortedSelection final : public HeadSelection {
 public:
  SortedSelection(HeadState& head, std::unique_ptr<HeadQuerier> querier,
                  std::vector<IndexedSeries> series, model::Timestamp min_time,
                  model::Timestamp max_time)
      : HeadSelection(head, std::move(series), min_time, max_time, querier->view()),
        querier_(std::move(querier)) {}
  bool sorted() const override { return true; }

 private:
  const std::unique_ptr<HeadQuerier> querier_;  // holds the pin
};

}  // namespace

std::unique_ptr<storage::SeriesSelection> MakeSortedSelection(HeadState& head,
                                                              model::Timestamp min_time,
                                                              model::Timestamp max_time) {
  auto querier = std::make_unique<HeadQuerier>(head, min_time, max_time);
  std::vector<IndexedSeries> series = querier->Matching({});
  std::ranges::sort(series, [&](const IndexedSeries& a, const IndexedSeries& b) {
    return head.labels.Compare(a.labels, b.labels) < 0;
  });
  return std::make_unique<SortedSelection>(head, std::move(querier), std::move(series), min_time,
                                           max_time);
}

std::unique_ptr<storage::Querier> MakeHeadQuerier(HeadState& head, model::Timestamp min_time,
                                                  model::Timestamp max_time) {
  return std::make_unique<HeadQuerier>(head, min_time, max_time);
}

}  // namespace tributary::tsdb

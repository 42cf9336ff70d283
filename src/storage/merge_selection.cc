#include "storage/merge_selection.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "base/hash.h"

namespace tributary::storage {

namespace {

struct Source {
  uint32_t input;
  uint32_t index;
};

struct ViewHash {
  size_t operator()(std::string_view s) const { return base::Hash64(s); }
};

class MergedSelection final : public SeriesSelection {
 public:
  // `sources` are grouped by series; series i has those from first[i] to first[i + 1].
  MergedSelection(std::vector<std::unique_ptr<SeriesSelection>> inputs, std::vector<Source> sources,
                  std::vector<uint32_t> first, bool sorted)
      : inputs_(std::move(inputs)),
        sources_(std::move(sources)),
        first_(std::move(first)),
        sorted_(sorted) {}

  size_t size() const override { return first_.size() - 1; }
  bool sorted() const override { return sorted_; }

  model::Labels LabelsOf(size_t i) const override {
    const Source source = sources_[first_[i]];
    return inputs_[source.input]->LabelsOf(source.index);
  }

  LabelColumn Column(std::string_view label_name) const override {
    LabelColumn merged;
    absl::flat_hash_map<std::string_view, uint32_t, ViewHash> ids;
    std::vector<LabelColumn> columns;
    std::vector<std::vector<uint32_t>> new_ids;  // by input and old id
    for (const auto& input : inputs_) {
      LabelColumn& column = columns.emplace_back(input->Column(label_name));
      std::vector<uint32_t>& mapped = new_ids.emplace_back();
      for (const std::string_view value : column.values) {
        const auto [it, added] =
            ids.try_emplace(value, static_cast<uint32_t>(merged.values.size()));
        if (added) merged.values.push_back(value);
        mapped.push_back(it->second);
      }
    }
    merged.ids.reserve(size());
    for (size_t i = 0; i < size(); ++i) {
      const Source source = sources_[first_[i]];
      merged.ids.push_back(new_ids[source.input][columns[source.input].ids[source.index]]);
    }
    return merged;
  }

  std::vector<Fingerprint> Fingerprints() const override {
    std::vector<std::vector<Fingerprint>> of_inputs;
    for (const auto& input : inputs_) of_inputs.push_back(input->Fingerprints());
    std::vector<Fingerprint> out;
    out.reserve(size());
    for (size_t i = 0; i < size(); ++i) {
      const Source source = sources_[first_[i]];
      out.push_back(of_inputs[source.input][source.index]);
    }
    return out;
  }

  base::Status Chunks(size_t i, ChunkBuffer* buffer,
                      std::vector<chunk::ChunkView>* out) const override {
    const size_t begin = out->size();
    for (uint32_t s = first_[i]; s < first_[i + 1]; ++s) {
      RETURN_IF_ERROR(inputs_[sources_[s].input]->Chunks(sources_[s].index, buffer, out));
    }
    if (first_[i + 1] - first_[i] > 1) {
      std::stable_sort(out->begin() + static_cast<std::ptrdiff_t>(begin), out->end(),
                       [](const chunk::ChunkView& a, const chunk::ChunkView& b) {
                         return a.min_time < b.min_time;
                       });
    }
    return base::OkStatus();
  }

 private:
  const std::vector<std::unique_ptr<SeriesSelection>> inputs_;
  const std::vector<Source> sources_;
  const std::vector<uint32_t> first_;
  const bool sorted_;
};

struct FingerprintHash {
  size_t operator()(const Fingerprint& f) const { return f.low; }
};

}  // namespace

std::unique_ptr<SeriesSelection> UniteSelections(
    std::vector<std::unique_ptr<SeriesSelection>> inputs) {
  if (inputs.size() == 1) return std::move(inputs[0]);
  struct Row {
    Source source;
    uint32_t series;
  };
  std::vector<Row> rows;
  std::vector<uint32_t> first;  // as counts by series, then as sums of them
  absl::flat_hash_map<Fingerprint, uint32_t, FingerprintHash> index;
  for (uint32_t input = 0; input < inputs.size(); ++input) {
    const std::vector<Fingerprint> fingerprints = inputs[input]->Fingerprints();
    rows.reserve(rows.size() + fingerprints.size());
    index.reserve(std::max(index.size(), fingerprints.size()));
    for (uint32_t i = 0; i < fingerprints.size(); ++i) {
      const auto [it, is_new] =
          index.try_emplace(fingerprints[i], static_cast<uint32_t>(first.size()));
      if (is_new) first.push_back(0);
      ++first[it->second];
      rows.push_back({{input, i}, it->second});
    }
  }
  uint32_t before = 0;
  for (uint32_t& count : first) before += std::exchange(count, before);
  std::vector<uint32_t> next = first;
  first.push_back(before);
  std::vector<Source> sources(rows.size());
  for (const Row& row : rows) sources[next[row.series]++] = row.source;
  return std::make_unique<MergedSelection>(std::move(inputs), std::move(sources), std::move(first),
                                           /*sorted=*/false);
}

std::unique_ptr<SeriesSelection> MergeSelections(
    std::vector<std::unique_ptr<SeriesSelection>> inputs) {
  if (inputs.size() == 1 && inputs[0]->sorted()) return std::move(inputs[0]);
  struct Row {
    model::Labels labels;
    Source source;
  };
  std::vector<Row> rows;
  for (uint32_t input = 0; input < inputs.size(); ++input) {
    const SeriesSelection& selection = *inputs[input];
    const size_t middle = rows.size();
    for (uint32_t i = 0; i < selection.size(); ++i) {
      rows.push_back({selection.LabelsOf(i), {input, i}});
    }
    const auto by_labels = [](const Row& a, const Row& b) { return a.labels < b.labels; };
    const auto begin_of_new = rows.begin() + static_cast<std::ptrdiff_t>(middle);
    if (!selection.sorted()) std::sort(begin_of_new, rows.end(), by_labels);
    // Stable: of equal labels the earlier input stays in front.
    std::inplace_merge(rows.begin(), begin_of_new, rows.end(), by_labels);
  }
  std::vector<Source> sources;
  std::vector<uint32_t> first;
  sources.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || rows[i].labels != rows[i - 1].labels) {
      first.push_back(static_cast<uint32_t>(sources.size()));
    }
    sources.push_back(rows[i].source);
  }
  first.push_back(static_cast<uint32_t>(sources.size()));
  return std::make_unique<MergedSelection>(std::move(inputs), std::move(sources), std::move(first),
                                           /*sorted=*/true);
}

}  // namespace tributary::storage

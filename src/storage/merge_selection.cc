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
  explicit MergedSelection(std::vector<std::unique_ptr<SeriesSelection>> inputs)
      : inputs_(std::move(inputs)) {
    struct Row {
      model::Labels labels;
      Source source;
    };
    std::vector<Row> rows;
    for (uint32_t input = 0; input < inputs_.size(); ++input) {
      const SeriesSelection& selection = *inputs_[input];
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
    sources_.reserve(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i == 0 || rows[i].labels != rows[i - 1].labels) {
        first_.push_back(static_cast<uint32_t>(sources_.size()));
      }
      sources_.push_back(rows[i].source);
    }
    first_.push_back(static_cast<uint32_t>(sources_.size()));
  }

  size_t size() const override { return first_.size() - 1; }
  bool sorted() const override { return true; }

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
  std::vector<std::unique_ptr<SeriesSelection>> inputs_;
  std::vector<Source> sources_;  // grouped by series
  std::vector<uint32_t> first_;  // series i has sources first_[i] … first_[i + 1] - 1
};

}  // namespace

std::unique_ptr<SeriesSelection> MergeSelections(
    std::vector<std::unique_ptr<SeriesSelection>> inputs) {
  if (inputs.size() == 1 && inputs[0]->sorted()) return std::move(inputs[0]);
  return std::make_unique<MergedSelection>(std::move(inputs));
}

}  // namespace tributary::storage

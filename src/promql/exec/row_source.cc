#include "promql/exec/row_source.h"

#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

namespace tributary::promql {
namespace {

class BlockRows final : public RowSource {
 public:
  explicit BlockRows(Block block) : block_(std::move(block)) {}
  const Steps& steps() const override { return block_.steps; }
  size_t size() const override { return block_.series.size(); }
  model::Labels LabelsOf(size_t i) const override { return block_.series[i].labels; }
  bool drop_name(size_t i) const override { return block_.series[i].drop_name; }
  bool may_collide() const override { return false; }

  storage::LabelColumn Column(std::string_view label_name) const override {
    return ColumnOf(block_, label_name);
  }

  base::Status Fill(size_t i, ReadScratch*, Row* row) const override {
    const Row& from = block_.series[i].row;
    std::ranges::copy(from.values, row->values.begin());
    row->histograms = from.histograms;
    return {};
  }

 private:
  const Block block_;
};

}  // namespace

storage::LabelColumn ColumnOf(const Block& block, std::string_view label_name) {
  storage::LabelColumn column;
  absl::flat_hash_map<std::string_view, uint32_t> ids;
  column.ids.reserve(block.series.size());
  for (const auto& s : block.series) {
    const std::string_view value = s.labels.Get(label_name);
    auto [it, added] = ids.try_emplace(value, static_cast<uint32_t>(column.values.size()));
    if (added) column.values.push_back(value);
    column.ids.push_back(it->second);
  }
  return column;
}

std::unique_ptr<RowSource> MakeBlockRows(Block block) {
  return std::make_unique<BlockRows>(std::move(block));
}

base::Result<Block> Materialize(QueryContext& context, const RowSource& source) {
  const size_t n = source.size();
  const size_t per_task = SeriesPerTask(source.steps().count);
  const size_t shards = (n + per_task - 1) / per_task;
  std::vector<Block> parts(shards);
  auto run = [&](size_t shard) -> base::Status {
    RETURN_IF_ERROR(context.Check());
    const size_t begin = shard * per_task;
    const size_t end = std::min(n, begin + per_task);
    Block& part = parts[shard];
    part.steps = source.steps();
    ASSIGN_OR_RETURN(double* memory, part.AddSlab(&context.budget(), end - begin));
    ReadScratch scratch;
    Row row;
    for (size_t i = begin; i < end; i++) {
      row.values = {memory, part.steps.count};
      row.histograms.clear();
      RETURN_IF_ERROR(source.Fill(i, &scratch, &row));
      if (!row.HasAny()) continue;
      memory += part.steps.count;
      part.series.push_back({source.LabelsOf(i), source.drop_name(i), std::move(row)});
      row = {};
    }
    return part.ChargeSamples(&context.budget());
  };
  RETURN_IF_ERROR(context.ForEach(shards, WorthThreads(n, source.steps().count), run));

  Block out(source.steps());
  size_t total = 0;
  for (const auto& part : parts) total += part.series.size();
  out.series.reserve(total);
  for (auto& part : parts) {
    std::ranges::move(part.series, std::back_inserter(out.series));
    out.AdoptMemory(std::move(part));
  }
  if (source.may_collide()) RETURN_IF_ERROR(CheckDistinctLabels(out));
  return out;
}

model::Labels DropMetricLabels(const model::Labels& labels) {
  std::vector<model::Label> kept;
  for (const auto& label : labels) {
    if (label.name != model::kMetricName && label.name != "__type__" && label.name != "__unit__") {
      kept.push_back(label);
    }
  }
  return model::Labels::FromSpan(kept);
}

base::Error SameLabelsetError() {
  return {base::ErrorCode::kExecution, "vector cannot contain metrics with the same labelset"};
}

base::Status CheckDistinctLabels(const Block& block) {
  if (block.series.size() < 2) return {};
  absl::flat_hash_set<std::string_view> seen;
  seen.reserve(block.series.size());
  for (const auto& s : block.series) {
    if (!seen.insert(s.labels.packed()).second) return SameLabelsetError();
  }
  return {};
}

base::Status MergeSameLabels(Block* block) {
  if (block->series.size() < 2) return {};
  absl::flat_hash_map<std::string_view, size_t> first;
  first.reserve(block->series.size());
  bool merged = false;
  for (size_t i = 0; i < block->series.size(); i++) {
    auto [it, added] = first.try_emplace(block->series[i].labels.packed(), i);
    if (added) continue;
    merged = true;
    Row& to = block->series[it->second].row;
    Row& from = block->series[i].row;
    for (size_t step = 0; step < block->steps.count; step++) {
      if (!from.present(step)) continue;
      if (to.present(step)) return SameLabelsetError();
      if (from.histogram(step) != nullptr) {
        to.Set(step, from.histograms[step]);
      } else {
        to.Set(step, from.values[step]);
      }
    }
    from.Reset();
  }
  first.clear();
  if (merged) block->DropEmpty();
  return {};
}

}  // namespace tributary::promql

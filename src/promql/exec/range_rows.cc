#include "promql/exec/range_rows.h"

#include <algorithm>
#include <atomic>

#include "promql/exec/selector_rows.h"

namespace tributary::promql {
namespace {

bool LooksLikeCounter(std::string_view metric) {
  return metric.ends_with("_total") || metric.ends_with("_sum") || metric.ends_with("_count") ||
         metric.ends_with("_bucket");
}

class RangeRows final : public SelectorRows {
 public:
  RangeRows(FunctionId id, const RangeFunctionEnv& env, std::unique_ptr<SampleSource> source)
      : SelectorRows(*env.context, env.steps, std::move(source), !KeepsMetricName(id)),
        env_(env),
        function_(MakeRangeFunction(id, env)) {
    if (id == FunctionId::kRate || id == FunctionId::kIncrease) {
      names_ = source_->Column(model::kMetricName);
      told_ = std::make_unique<std::atomic<bool>[]>(names_.values.size());
      if (context_.features().type_and_unit_labels) types_ = source_->Column("__type__");
    }
  }

  base::Status Fill(size_t i, ReadScratch* scratch, Row* row) const override {
    row->Reset();
    const WindowSpec& window = env_.window;
    const auto mint = window.when(steps_.start) - window.range_ms - window.extra_before_ms + 1;
    const auto maxt = window.when(steps_.last()) + window.extra_after_ms;
    Samples& samples = scratch->samples;
    RETURN_IF_ERROR(source_->Read(i, mint, maxt, scratch, &samples));
    samples.DropStale();
    if (samples.empty()) return {};
    if (counts_ != nullptr) counts_->AddWindows(samples, window, !env_.reads_subquery);
    RETURN_IF_ERROR(function_->Run(samples, MetricName(*source_, i), row));
    if (told_) NoteIfNoCounter(i, *row);
    return {};
  }

 private:
  void NoteIfNoCounter(size_t i, const Row& row) const {
    const uint32_t id = names_.ids[i];
    const std::string_view name = names_.values[id];
    if (name.empty()) return;
    const bool by_type = !types_.ids.empty();
    const std::string_view type = by_type ? types_.values[types_.ids[i]] : std::string_view();
    if (by_type ? type == "counter" || type == "histogram" : LooksLikeCounter(name)) return;
    if (!by_type && told_[id].load(std::memory_order_relaxed)) return;
    if (std::ranges::all_of(row.values, IsAbsent)) return;
    if (by_type) {
      context_.annotations().PossibleNonCounterLabel(name, type, env_.arg_pos);
    } else {
      told_[id].store(true, std::memory_order_relaxed);
      context_.annotations().PossibleNonCounter(name, env_.arg_pos);
    }
  }

  const RangeFunctionEnv env_;
  const std::unique_ptr<RangeFunction> function_;
  // Only for functions that expect counters.
  storage::LabelColumn names_, types_;
  std::unique_ptr<std::atomic<bool>[]> told_;  // by id of the name
};

}  // namespace

std::unique_ptr<RowSource> MakeRangeRows(FunctionId id, const RangeFunctionEnv& env,
                                         std::unique_ptr<SampleSource> source) {
  return std::make_unique<RangeRows>(id, env, std::move(source));
}

}  // namespace tributary::promql

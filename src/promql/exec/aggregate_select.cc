// topk, bottomk, limitk, limit_ratio: aggregations that let series through as they are.
#include <algorithm>
#include <cmath>
#include <limits>
#include <xxhash.h>

#include <fmt/format.h>

#include "base/strings.h"
#include "promql/exec/aggregate.h"
#include "promql/exec/grouping.h"
#include "promql/functions/go_math.h"
#include "promql/functions/go_sort.h"

namespace tributary::promql {
namespace {

base::Error ExecutionError(std::string message) {
  return {base::ErrorCode::kExecution, std::move(message)};
}

// What the parameter amounts to over all steps.
struct ParamRange {
  double min, max;
  bool any_nan = false;
  explicit ParamRange(const std::vector<double>& params) : min(params[0]), max(params[0]) {
    for (double p : params) {
      min = GoMin(min, p);
      max = GoMax(max, p);
      any_nan |= std::isnan(p);
    }
  }
};

// Where a series lies in [0, 1] for limit_ratio: the hash that Prometheus gives its labels.
double SampleOffset(const model::Labels& labels) {
  std::string encoded;
  auto append = [&](std::string_view part) {
    const size_t n = part.size();
    if (n < 255) {
      encoded.push_back(static_cast<char>(n));
    } else {
      encoded.push_back(static_cast<char>(255));
      for (int shift = 0; shift < 24; shift += 8) encoded.push_back(static_cast<char>(n >> shift));
    }
    encoded.append(part);
  };
  for (const auto& label : labels) {
    append(label.name);
    append(label.value);
  }
  constexpr double kMax = 18446744073709551615.0;
  return static_cast<double>(XXH64(encoded.data(), encoded.size(), 0)) / kMax;
}

// The k first elements by rank, kept in a binary heap with the worst on top, as Go's
// container/heap would: which of equal elements stay depends on it.
class TopHeap {
 public:
  struct Item {
    double v;
    size_t series;
  };

  TopHeap(bool top, size_t k) : top_(top), k_(k) {}

  void Offer(double v, size_t series) {
    if (items_.size() < k_) {
      items_.push_back({v, series});
      Up(items_.size() - 1);
    } else if (Better(v, items_[0].v) || (std::isnan(items_[0].v) && !std::isnan(v))) {
      items_[0] = {v, series};
      Down();
    }
  }
  // As they lie in the heap.
  const std::vector<Item>& items() const { return items_; }
  // Best first, NaN last.
  std::vector<Item> Ranked() {
    GoSort(&items_,
           [&](const Item& a, const Item& b) { return std::isnan(b.v) || Better(a.v, b.v); });
    return std::move(items_);
  }

 private:
  bool Better(double a, double b) const { return top_ ? a > b : a < b; }
  bool Worse(size_t i, size_t j) const {
    return std::isnan(items_[i].v) || Better(items_[j].v, items_[i].v);
  }
  void Up(size_t j) {
    while (j > 0) {
      const size_t parent = (j - 1) / 2;
      if (!Worse(j, parent)) return;
      std::swap(items_[parent], items_[j]);
      j = parent;
    }
  }
  void Down() {
    size_t i = 0;
    for (;;) {
      size_t child = 2 * i + 1;
      if (child >= items_.size()) return;
      if (child + 1 < items_.size() && Worse(child + 1, child)) child++;
      if (!Worse(child, i)) return;
      std::swap(items_[i], items_[child]);
      i = child;
    }
  }

  const bool top_;
  const size_t k_;
  std::vector<Item> items_;
};

class Selector {
 public:
  Selector(QueryContext& context, const Plan& plan, Block input, const std::vector<double>& params)
      : context_(context),
        aggregate_(As<AggregateExpr>(*plan.expr)),
        op_(aggregate_.op),
        pos_(plan.pos),
        param_pos_(plan.children[1]->pos),
        input_(std::move(input)),
        params_(params) {}

  base::Result<Block> Run() {
    ASSIGN_OR_RETURN(const bool anything, CheckParams());
    if (!anything) return Block(input_.steps);
    const Grouping grouping = GroupBlock(input_, aggregate_.grouping, aggregate_.without);
    groups_.resize(grouping.size());
    for (size_t i = 0; i < input_.series.size(); i++) groups_[grouping.group_of[i]].push_back(i);
    keep_.assign(input_.series.size(), std::vector<bool>(input_.steps.count));
    for (size_t step = 0; step < input_.steps.count; step++) {
      RETURN_IF_ERROR(context_.Check());
      SelectAt(step);
    }
    return Finish();
  }

 private:
  bool is_ratio() const { return op_ == AggregateOp::kLimitRatio; }

  // False when no series can pass at any step.
  base::Result<bool> CheckParams() {
    const ParamRange range(params_);
    auto& annotations = context_.annotations();
    if (is_ratio()) {
      if (range.max == 0 && range.min == 0) return false;
      if (range.any_nan) return ExecutionError("Ratio value is NaN");
      if (range.max > 1) annotations.InvalidRatio(range.max, 1, param_pos_);
      if (range.min < -1) annotations.InvalidRatio(range.min, -1, param_pos_);
      return true;
    }
    constexpr double kInt64Limit = 9223372036854775808.0;
    if (range.max < 1) return false;
    if (range.any_nan) return ExecutionError("Parameter value is NaN");
    if (range.min <= -kInt64Limit) {
      return ExecutionError(
          fmt::format("Scalar value {} underflows int64", base::FormatFloatG(range.min)));
    }
    if (range.max >= kInt64Limit) {
      return ExecutionError(
          fmt::format("Scalar value {} overflows int64", base::FormatFloatG(range.max)));
    }
    return true;
  }

  void SelectAt(size_t step) {
    if (is_ratio()) {
      SelectRatio(step);
      return;
    }
    const double param = params_[step];
    if (param < 1) return;
    const size_t k =
        static_cast<size_t>(std::min(param, static_cast<double>(input_.series.size())));
    for (const auto& group : groups_) {
      if (op_ == AggregateOp::kLimitK) {
        SelectFirst(group, k, step, [](size_t) { return true; });
      } else {
        SelectTop(group, k, step);
      }
    }
  }

  // The first k that `accepts`. Prometheus keeps them, too, in a heap, whose order is that of the
  // answer of an instant query.
  template <class Accepts>
  void SelectFirst(const std::vector<size_t>& group, size_t k, size_t step, Accepts&& accepts) {
    TopHeap heap(true, k);
    for (size_t i : group) {
      if (heap.items().size() == k) break;
      const Row& row = input_.series[i].row;
      if (!row.present(step) || !accepts(i)) continue;
      keep_[i][step] = true;
      heap.Offer(row.histogram(step) != nullptr ? 0 : row.values[step], i);
    }
    if (!input_.steps.instant()) return;
    for (const auto& item : heap.items()) ranked_.push_back(item.series);
  }

  void SelectTop(const std::vector<size_t>& group, size_t k, size_t step) {
    const bool top = op_ == AggregateOp::kTopK;
    TopHeap heap(top, k);
    for (size_t i : group) {
      const Row& row = input_.series[i].row;
      if (row.histogram(step) != nullptr) {
        context_.annotations().HistogramIgnoredInAggregation(AggregateOpName(op_), pos_);
      } else if (!IsAbsent(row.values[step])) {
        heap.Offer(row.values[step], i);
      }
    }
    for (const auto& item : heap.Ranked()) {
      keep_[item.series][step] = true;
      if (input_.steps.instant()) ranked_.push_back(item.series);
    }
  }

  void SelectRatio(size_t step) {
    const double ratio = std::clamp(params_[step], -1.0, 1.0);
    if (ratio == 0) return;
    if (offsets_.empty()) {
      offsets_.reserve(input_.series.size());
      for (const auto& s : input_.series) offsets_.push_back(SampleOffset(s.labels));
    }
    for (const auto& group : groups_) {
      SelectFirst(group, group.size(), step, [&](size_t i) {
        return ratio >= 0 ? offsets_[i] < ratio : offsets_[i] >= 1.0 + ratio;
      });
    }
  }

  base::Result<Block> Finish() {
    for (size_t i = 0; i < input_.series.size(); i++) {
      Row& row = input_.series[i].row;
      for (size_t step = 0; step < input_.steps.count; step++) {
        if (!keep_[i][step]) row.Clear(step);
      }
    }
    if (!ranked_.empty()) {
      std::vector<BlockSeries> ordered;
      ordered.reserve(ranked_.size());
      for (size_t i : ranked_) ordered.push_back(std::move(input_.series[i]));
      input_.series = std::move(ordered);
    }
    input_.DropEmpty();
    RETURN_IF_ERROR(input_.ChargeSamples(&context_.budget()));
    return std::move(input_);
  }

  QueryContext& context_;
  const AggregateExpr& aggregate_;
  const AggregateOp op_;
  const PosRange pos_;
  const PosRange param_pos_;
  Block input_;
  const std::vector<double>& params_;
  std::vector<std::vector<size_t>> groups_;
  std::vector<std::vector<bool>> keep_;  // by series, by step
  std::vector<size_t> ranked_;           // in an instant query
  std::vector<double> offsets_;          // of limit_ratio, by series
};

}  // namespace

base::Result<Block> SelectSeries(QueryContext& context, const Plan& plan, Block input,
                                 const std::vector<double>& params) {
  return Selector(context, plan, std::move(input), params).Run();
}

}  // namespace tributary::promql

// Arithmetic and comparison between two vectors: matching per signature, then element by element.
#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include "promql/exec/binary.h"
#include "promql/exec/binary_ops.h"
#include "promql/exec/matching.h"
#include "promql/exec/row_source.h"

namespace tributary::promql {
namespace {

base::Error ExecutionError(std::string message) {
  return {base::ErrorCode::kExecution, std::move(message)};
}

constexpr size_t kFilled = SIZE_MAX;  // instead of a series: a sample made up by fill

// One result series, while it is being made.
struct Output {
  size_t order = 0;  // among results: by left-hand ("many") series, then by right-hand
  size_t series = 0;
  uint32_t labels_id = 0;  // within the signature
};

class VectorCombiner {
 public:
  // In a group_right operation "left" here is the right operand: the side that may have many
  // series for each of the other.
  VectorCombiner(QueryContext& context, const Plan& plan, Block lhs, Block rhs)
      : context_(context),
        binary_(As<BinaryExpr>(*plan.expr)),
        matching_(*binary_.matching),
        pos_(plan.pos),
        swapped_(matching_.card == MatchCardinality::kOneToMany),
        left_(swapped_ ? std::move(rhs) : std::move(lhs)),
        right_(swapped_ ? std::move(lhs) : std::move(rhs)),
        out_(left_.steps) {}

  base::Result<Block> Run() {
    const Signatures signatures = MatchSignatures(matching_, left_, right_);
    const auto lefts = BySignature(signatures.lhs, signatures.count);
    const auto rights = BySignature(signatures.rhs, signatures.count);
    const bool fills = matching_.fill_left || matching_.fill_right;
    for (uint32_t i = 0; i < signatures.count; i++) {
      if (i % kSeriesPerCheck == 0) RETURN_IF_ERROR(context_.Check());
      if (lefts[i].size() == 1 && rights[i].size() == 1 && !fills &&
          IsPlain(left_.series[lefts[i][0]]) && IsPlain(right_.series[rights[i][0]]) &&
          !IsTrimOperator(binary_.op)) {
        RETURN_IF_ERROR(CombinePair(lefts[i][0], rights[i][0]));
      } else if (fills || !rights[i].empty()) {
        const auto status = CombineGroup(lefts[i], rights[i]);
        if (!status && !failure_) return status.error();
      }
    }
    if (failure_) return failure_->error;
    return Finish();
  }

 private:
  using Group = std::vector<size_t>;

  // What is wrong with the matching. Of all such errors the one told is the one that comes first
  // going step by step, there through the "one" side and then through the results.
  struct Failure {
    std::tuple<size_t, bool, size_t> place;  // step, not the "one" side, series
    base::Error error;
  };
  base::Error Fail(std::tuple<size_t, bool, size_t> place, std::string message) {
    base::Error error = ExecutionError(std::move(message));
    if (!failure_ || place < failure_->place) failure_ = Failure{place, error};
    return error;
  }

  static std::vector<Group> BySignature(const std::vector<uint32_t>& ordinals, uint32_t count) {
    std::vector<Group> groups(count);
    for (size_t i = 0; i < ordinals.size(); i++) groups[ordinals[i]].push_back(i);
    return groups;
  }

  static bool IsPlain(const BlockSeries& s) { return s.row.histograms.empty(); }

  // One series on each side, floats only: no element can match twice.
  base::Status CombinePair(size_t l, size_t r) {
    const auto left = left_.series[l].row.values;
    const auto right = right_.series[r].row.values;
    ASSIGN_OR_RETURN(Output * output,
                     AddOutput(left_.series[l].labels, right_.series[r].labels, l));
    auto to = out_.series[output->series].row.values;
    for (size_t step = 0; step < to.size(); step++) {
      if (IsAbsent(left[step]) || IsAbsent(right[step])) continue;
      const FloatOutcome out = swapped_ ? FloatBinary(binary_.op, right[step], left[step])
                                        : FloatBinary(binary_.op, left[step], right[step]);
      if (binary_.return_bool) {
        to[step] = out.keep ? 1.0 : 0.0;
      } else if (out.keep) {
        to[step] = out.v;
      }
    }
    return {};
  }

  static Element ElementAt(const BlockSeries& s, size_t step) {
    return {s.row.values[step], s.row.histograms.empty() ? HistogramPtr() : s.row.histograms[step]};
  }

  base::Status CombineGroup(const Group& lefts, const Group& rights) {
    outputs_of_group_.clear();
    labels_of_group_.clear();
    for (size_t step = 0; step < out_.steps.count; step++) {
      ASSIGN_OR_RETURN(const std::optional<size_t> right, OneSide(rights, step));
      if (!right && !matching_.fill_right) continue;
      matched_ = false;
      seen_.assign(labels_of_group_.size(), false);
      for (size_t l : lefts) {
        const BlockSeries& left = left_.series[l];
        if (!left.row.present(step)) continue;
        const Element other = right ? ElementAt(right_.series[*right], step)
                                    : Element{*matching_.fill_right, nullptr};
        RETURN_IF_ERROR(Combine(l, ElementAt(left, step), right.value_or(kFilled), other, step));
      }
      if (right && matching_.fill_left && !matched_) {
        RETURN_IF_ERROR(Combine(kFilled, {*matching_.fill_left, nullptr}, *right,
                                ElementAt(right_.series[*right], step), step));
      }
    }
    return {};
  }

  // The only series of the "one" side at a step.
  base::Result<std::optional<size_t>> OneSide(const Group& rights, size_t step) {
    std::optional<size_t> found;
    for (size_t r : rights) {
      if (!right_.series[r].row.present(step)) continue;
      if (!found) {
        found = r;
        continue;
      }
      const bool fills = matching_.fill_left || matching_.fill_right;
      if (!fills && !AnyPresent(left_, step)) return std::optional<size_t>();
      auto a = right_.series[*found].labels.ToString();
      auto b = right_.series[r].labels.ToString();
      if (a > b) std::swap(a, b);
      return Fail(
          {step, false, r},
          fmt::format(
              "found duplicate series for the match group {} on the {} hand-side of the operation: "
              "[{}, {}];many-to-many matching not allowed: matching labels must be unique on one "
              "side",
              MatchLabels(matching_, right_.series[r].labels).ToString(),
              swapped_ ? "left" : "right", a, b));
    }
    return found;
  }

  static bool AnyPresent(const Block& block, size_t step) {
    return std::ranges::any_of(block.series,
                               [&](const BlockSeries& s) { return s.row.present(step); });
  }

  base::Status Combine(size_t l, const Element& left, size_t r, const Element& right, size_t step) {
    Outcome out = swapped_ ? ElementBinary(binary_.op, right, left, context_.annotations(), pos_)
                           : ElementBinary(binary_.op, left, right, context_.annotations(), pos_);
    if (!out.valid) return {};
    ASSIGN_OR_RETURN(Output * output, OutputOf(l, r));
    if (matching_.card == MatchCardinality::kOneToOne) {
      if (matched_) {
        return Fail({step, true, l},
                    "multiple matches for labels: many-to-one matching must be explicit "
                    "(group_left/group_right)");
      }
    } else {
      if (seen_.size() <= output->labels_id) seen_.resize(output->labels_id + 1);
      if (seen_[output->labels_id]) {
        return Fail({step, true, l},
                    "multiple matches for labels: grouping labels must ensure unique matches");
      }
      seen_[output->labels_id] = true;
    }
    matched_ = true;
    Row& row = out_.series[output->series].row;
    if (binary_.return_bool) {
      row.Set(step, out.keep ? 1.0 : 0.0);
    } else if (out.keep && out.value.h) {
      row.Set(step, std::move(out.value.h));
    } else if (out.keep) {
      row.Set(step, out.value.v);
    }
    return {};
  }

  base::Result<Output*> OutputOf(size_t l, size_t r) {
    const auto key = std::make_pair(l, r);
    if (auto it = outputs_of_group_.find(key); it != outputs_of_group_.end()) {
      return &outputs_[it->second];
    }
    const model::Labels& left = l == kFilled
                                    ? (scratch_ = MatchLabels(matching_, right_.series[r].labels))
                                    : left_.series[l].labels;
    const model::Labels right =
        r == kFilled ? MatchLabels(matching_, left) : right_.series[r].labels;
    ASSIGN_OR_RETURN(Output * output,
                     AddOutput(left, right, l == kFilled ? left_.series.size() + r : l));
    const auto& labels = out_.series[output->series].labels;
    output->labels_id =
        labels_of_group_.try_emplace(labels.packed(), labels_of_group_.size()).first->second;
    outputs_of_group_.emplace(key, outputs_.size() - 1);
    return output;
  }

  base::Result<Output*> AddOutput(const model::Labels& left, const model::Labels& right,
                                  size_t order) {
    const bool drops_now = binary_.return_bool && !context_.delayed_name_removal();
    ASSIGN_OR_RETURN(BlockSeries * series,
                     out_.Add(&context_.budget(),
                              ResultLabels(left, right, drops_now || ChangesMetric(binary_.op)),
                              binary_.return_bool));
    (void)series;
    outputs_.push_back({.order = order, .series = out_.series.size() - 1});
    return &outputs_.back();
  }

  model::Labels ResultLabels(const model::Labels& left, const model::Labels& right,
                             bool drop_metric) const {
    model::LabelsBuilder builder(drop_metric ? DropMetricLabels(left) : left);
    if (matching_.card == MatchCardinality::kOneToOne) {
      for (const auto& label : left) {
        const bool listed =
            std::ranges::find(matching_.labels, label.name) != matching_.labels.end();
        if (listed != matching_.on) builder.Del(label.name);
      }
    }
    for (const auto& name : matching_.include) builder.Set(name, right.Get(name));
    return builder.Build();
  }

  base::Result<Block> Finish() {
    std::ranges::stable_sort(outputs_, {}, &Output::order);
    std::vector<BlockSeries> ordered;
    ordered.reserve(outputs_.size());
    for (const Output& output : outputs_) ordered.push_back(std::move(out_.series[output.series]));
    out_.series = std::move(ordered);
    out_.DropEmpty();
    RETURN_IF_ERROR(SettleSameLabels(context_, &out_));
    RETURN_IF_ERROR(out_.ChargeSamples(&context_.budget()));
    return std::move(out_);
  }

  QueryContext& context_;
  const BinaryExpr& binary_;
  const VectorMatching& matching_;
  const PosRange pos_;
  const bool swapped_;
  const Block left_, right_;
  Block out_;
  std::vector<Output> outputs_;
  std::optional<Failure> failure_;

  // Of the signature at hand.
  absl::flat_hash_map<std::pair<size_t, size_t>, size_t> outputs_of_group_;
  absl::flat_hash_map<std::string, uint32_t> labels_of_group_;
  std::vector<bool> seen_;  // at the step at hand, by labels_id
  bool matched_ = false;    // at the step at hand
  model::Labels scratch_;
};

}  // namespace

base::Result<Block> CombineVectors(QueryContext& context, const Plan& plan, Block lhs, Block rhs) {
  return VectorCombiner(context, plan, std::move(lhs), std::move(rhs)).Run();
}

}  // namespace tributary::promql

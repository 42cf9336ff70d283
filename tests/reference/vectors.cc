// Many elements at once: aggregation, matching, classic histograms.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/strings.h"
#include "evaluator.h"

namespace tributary::reference {

using namespace promql;  // NOLINT(google-build-using-namespace)
using VectorResult = base::Result<reference::Vector>;
using reference::Vector;

namespace {

bool Listed(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The labels that are listed, or those that are not, the name never.
model::Labels Keep(const model::Labels& labels, const std::vector<std::string>& names,
                   bool listed) {
  std::vector<std::pair<std::string, std::string>> kept;
  for (const auto& label : labels) {
    if (!listed && label.name == "__name__") continue;
    if (Listed(names, label.name) == listed) kept.emplace_back(label.name, label.value);
  }
  return model::Labels::FromPairs(std::move(kept));
}

base::Error Mismatch(const char* what) { return {base::ErrorCode::kExecution, what}; }

// topk and bottomk, unless it depends on the order of equal elements.
base::Status KeepBest(const std::vector<Element>& group, bool top, double k, Vector* out) {
  if (k < 1) return {};
  std::vector<Element> ranked = group;
  std::ranges::stable_sort(ranked, [top](const Element& a, const Element& b) {
    if (std::isnan(a.v) || std::isnan(b.v)) return !std::isnan(a.v) && std::isnan(b.v);
    return top ? a.v > b.v : a.v < b.v;
  });
  const auto n = static_cast<size_t>(std::min(k, static_cast<double>(ranked.size())));
  for (size_t i = 0; i < n; i++) out->push_back(ranked[i]);
  if (n == ranked.size()) return {};
  const double last = ranked[n - 1].v, next = ranked[n].v;
  if (last == next || (std::isnan(last) && std::isnan(next))) return Unimplemented("ties");
  return {};
}

// sum and avg of histograms; no value when they do not go together.
base::Result<std::optional<Bars>> FoldHistograms(AggregateOp op,
                                                 const std::vector<Element>& group) {
  std::optional<Bars> total = group[0].h;
  for (size_t i = 1; i < group.size() && total; i++) {
    ASSIGN_OR_RETURN(total, Plus(*total, *group[i].h, 1));
  }
  const bool is_mean = op == AggregateOp::kAvg;
  if (total && is_mean) total = Times(*total, 1 / static_cast<double>(group.size()));
  return total;
}

bool IsHistogram(const Element& e) { return e.h.has_value(); }

double Fold(AggregateOp op, double param, const std::vector<double>& values) {
  double best = values[0];
  switch (op) {
    case AggregateOp::kSum:
      return Sum(values);
    case AggregateOp::kAvg:
      return Mean(values);
    case AggregateOp::kCount:
      return static_cast<double>(values.size());
    case AggregateOp::kGroup:
      return 1;
    case AggregateOp::kStdvar:
      return Variance(values);
    case AggregateOp::kStddev:
      return std::sqrt(Variance(values));
    case AggregateOp::kQuantile:
      return Quantile(param, values);
    default:
      for (const double v : values) {
        const bool better = op == AggregateOp::kMax ? v > best : v < best;
        if (better || std::isnan(best)) best = v;
      }
      return best;
  }
}

}  // namespace

VectorResult Aggregate(const AggregateExpr& expr, const Vector& operand, double param) {
  if (expr.op == AggregateOp::kLimitRatio || expr.op == AggregateOp::kLimitK) {
    return Unimplemented("limits");
  }
  const bool ranks = expr.op == AggregateOp::kTopK || expr.op == AggregateOp::kBottomK;
  if (ranks && !(param < 1e15)) return Unimplemented("strange limits");
  std::map<model::Labels, std::vector<Element>> groups;
  for (const Element& e : operand) {
    model::Labels labels = e.labels;
    std::vector<std::string> names = expr.grouping;
    if (expr.op == AggregateOp::kCountValues) {
      if (e.h) return Unimplemented("values that are histograms");
      const std::string& name = As<StringLiteral>(*expr.param).value;
      labels = model::LabelsBuilder(labels).Set(name, base::FormatFloat(e.v)).Build();
      if (!expr.without) names.push_back(name);
    }
    groups[Keep(labels, names, !expr.without)].push_back(e);
  }
  Vector out;
  const bool counts = expr.op == AggregateOp::kCount || expr.op == AggregateOp::kGroup;
  const bool adds = expr.op == AggregateOp::kSum || expr.op == AggregateOp::kAvg;
  for (auto& [labels, group] : groups) {
    if (adds && std::ranges::all_of(group, IsHistogram)) {
      ASSIGN_OR_RETURN(const auto total, FoldHistograms(expr.op, group));
      if (total) out.push_back({labels, 0, total});
      continue;
    }
    if (adds && std::ranges::any_of(group, IsHistogram)) continue;
    if (!counts) std::erase_if(group, IsHistogram);
    if (group.empty()) continue;
    if (ranks) {
      RETURN_IF_ERROR(KeepBest(group, expr.op == AggregateOp::kTopK, param, &out));
      continue;
    }
    std::vector<double> values;
    for (const Element& e : group) values.push_back(e.v);
    out.push_back({labels, expr.op == AggregateOp::kCountValues ? static_cast<double>(values.size())
                                                                : Fold(expr.op, param, values)});
  }
  return out;
}

VectorResult CombineVectors(const BinaryExpr& binary, const Vector& lhs, const Vector& rhs) {
  const VectorMatching& matching = *binary.matching;
  const auto key = [&](const Element& e) { return Keep(e.labels, matching.labels, matching.on); };
  Vector out;
  if (IsSetOperator(binary.op)) {
    std::set<model::Labels> left, right;
    for (const Element& e : lhs) left.insert(key(e));
    for (const Element& e : rhs) right.insert(key(e));
    for (const Element& e : lhs) {
      if (binary.op == BinaryOp::kOr || right.contains(key(e)) == (binary.op == BinaryOp::kAnd)) {
        out.push_back(e);
      }
    }
    for (const Element& e : rhs) {
      if (binary.op == BinaryOp::kOr && !left.contains(key(e))) out.push_back(e);
    }
    return out;
  }
  if (matching.fill_left || matching.fill_right) return Unimplemented("fill");
  if (lhs.empty() || rhs.empty()) return out;
  const bool swapped = matching.card == MatchCardinality::kOneToMany;
  const bool one_to_one = matching.card == MatchCardinality::kOneToOne;
  const Vector& many = swapped ? rhs : lhs;
  const Vector& one = swapped ? lhs : rhs;
  std::map<model::Labels, const Element*> ones;
  for (const Element& e : one) {
    if (!ones.emplace(key(e), &e).second) return Mismatch("found duplicate series");
  }
  std::set<model::Labels> matched;
  std::set<std::pair<model::Labels, model::Labels>> results;
  for (const Element& e : many) {
    const auto found = ones.find(key(e));
    if (found == ones.end()) continue;
    const Element& other = *found->second;
    ASSIGN_OR_RETURN(const auto combined,
                     swapped ? Combine(binary.op, other, e) : Combine(binary.op, e, other));
    if (!combined) continue;
    const bool is_filter = IsComparison(binary.op) && !binary.return_bool;
    model::LabelsBuilder builder(is_filter ? e.labels : WithoutName(e.labels));
    if (one_to_one) {
      for (const auto& label : e.labels) {
        if (Listed(matching.labels, label.name) != matching.on) builder.Del(label.name);
      }
    }
    for (const auto& name : matching.include) builder.Set(name, other.labels.Get(name));
    const model::Labels labels = builder.Build();
    if (one_to_one && !matched.insert(key(e)).second) return Mismatch("multiple matches");
    if (!one_to_one && !results.emplace(key(e), labels).second) return Mismatch("not unique");
    if (binary.return_bool) {
      out.push_back({labels, combined->keep ? 1.0 : 0.0});
    } else if (combined->keep) {
      out.push_back({labels, combined->value.v, combined->value.h});
    }
  }
  RETURN_IF_ERROR(CheckNoDuplicates(out));
  return out;
}

VectorResult HistogramQuantile(double q, const Vector& input) {
  std::map<model::Labels, std::map<double, double>> histograms;
  for (const Element& e : input) {
    if (e.h) return Unimplemented("quantiles of native histograms");
    const auto bound = base::ParseFloat(e.labels.Get("le"));
    if (!bound) continue;
    const model::Labels rest = model::LabelsBuilder(e.labels).Del("le").Del("__name__").Build();
    auto [bucket, added] = histograms[rest].emplace(*bound, e.v);
    if (!added) return Unimplemented("equal bounds");
  }
  Vector out;
  for (const auto& [labels, buckets] : histograms) {
    const auto result = [&]() -> double {
      if (std::isnan(q)) return NAN;
      if (q < 0) return -INFINITY;
      if (q > 1) return INFINITY;
      std::vector<std::pair<double, double>> b(buckets.begin(), buckets.end());
      if (!std::isinf(b.back().first) || b.size() < 2) return NAN;
      // Small steps down are taken for rounding errors, large ones are levelled.
      for (size_t i = 1; i < b.size(); i++) {
        if (std::isnan(b[i].second)) return NAN;
        const double before = b[i - 1].second;
        const bool close =
            std::abs(b[i].second - before) < 1e-12 * (std::abs(b[i].second) + std::abs(before));
        if (close || b[i].second < before) b[i].second = before;
      }
      const double total = b.back().second;
      if (total == 0 || std::isnan(total)) return NAN;
      const double rank = q * total;
      size_t i = 0;
      while (i + 1 < b.size() && b[i].second < rank) i++;
      if (i + 1 == b.size()) return b[b.size() - 2].first;
      if (i == 0 && b[0].first <= 0) return b[0].first;
      const double lower = i == 0 ? 0 : b[i - 1].first;
      const double below = i == 0 ? 0 : b[i - 1].second;
      return lower + (b[i].first - lower) * ((rank - below) / (b[i].second - below));
    };
    out.push_back({labels, result()});
  }
  return out;
}

}  // namespace tributary::reference

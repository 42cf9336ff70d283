#include "compare.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/float_histogram.h"

namespace tributary::promqltest {
namespace {

using model::FloatHistogram;
using promql::SequenceValue;

const ExpectedSeries* FindExpected(const EvalCommand& eval, const model::Labels& labels) {
  const auto it = std::ranges::find(eval.series, labels, &ExpectedSeries::labels);
  return it == eval.series.end() ? nullptr : &*it;
}

bool BucketsMatch(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, AlmostEqual);
}

bool HistogramsMatch(FloatHistogram expected, FloatHistogram got, bool compare_hint) {
  model::Compact(&expected);
  model::Compact(&got);
  return expected.schema == got.schema && AlmostEqual(expected.count, got.count) &&
         AlmostEqual(expected.sum, got.sum) && expected.zero_threshold == got.zero_threshold &&
         AlmostEqual(expected.zero_count, got.zero_count) &&
         (!model::UsesCustomBuckets(expected) || expected.custom_values == got.custom_values) &&
         model::SameSpans(expected.negative_spans, got.negative_spans) &&
         BucketsMatch(expected.negative_buckets, got.negative_buckets) &&
         model::SameSpans(expected.positive_spans, got.positive_spans) &&
         BucketsMatch(expected.positive_buckets, got.positive_buckets) &&
         (!compare_hint || expected.reset_hint == got.reset_hint);
}

std::string Text(double v, const std::shared_ptr<const FloatHistogram>& h) {
  return h ? model::ToTestExpression(*h) : base::FormatFloat(v);
}

// One value against one point.
Mismatch ComparePoint(const SequenceValue& expected, double v,
                      const std::shared_ptr<const FloatHistogram>& h) {
  const bool same_kind = (expected.histogram == nullptr) == (h == nullptr);
  const bool same =
      same_kind && (h ? HistogramsMatch(*expected.histogram, *h, expected.reset_hint_given)
                      : AlmostEqual(expected.value, v));
  if (same) return std::nullopt;
  return fmt::format("expected {}, got {}", Text(expected.value, expected.histogram), Text(v, h));
}

Mismatch Missing(const EvalCommand& eval, const std::set<model::Labels>& seen) {
  for (const ExpectedSeries& series : eval.series) {
    if (!seen.contains(series.labels)) {
      return fmt::format("expected metric {} not found", series.labels.ToMetricString());
    }
  }
  return std::nullopt;
}

std::string Text(const promql::Series& series) {
  std::string out = series.metric.ToMetricString();
  for (const model::Sample& s : series.floats) {
    out += fmt::format(" {}@{}", base::FormatFloat(s.v), s.t);
  }
  for (const auto& s : series.histograms) out += fmt::format(" {}@{}", Text(0, s.h), s.t);
  return out;
}

Mismatch CompareSeries(const EvalCommand& eval, const ExpectedSeries& expected,
                       const promql::Series& got) {
  size_t floats = 0;
  size_t histograms = 0;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    const SequenceValue& value = expected.values[i];
    const int64_t t = eval.start_ms + static_cast<int64_t>(i) * eval.step_ms;
    if (t > eval.end_ms) return "more points expected than the time range can hold";
    if (value.omitted) continue;
    Mismatch mismatch = "expected a point, got none";
    int64_t got_t = t;
    if (value.histogram && histograms < got.histograms.size()) {
      const auto& point = got.histograms[histograms++];
      got_t = point.t;
      mismatch = ComparePoint(value, 0, point.h);
    } else if (!value.histogram && floats < got.floats.size()) {
      const auto& point = got.floats[floats++];
      got_t = point.t;
      mismatch = ComparePoint(value, point.v, nullptr);
    }
    if (got_t != t) mismatch = fmt::format("expected a point at {}, got one at {}", t, got_t);
    if (mismatch) return fmt::format("at {}: {}; result is {}", t, *mismatch, Text(got));
  }
  if (floats < got.floats.size() || histograms < got.histograms.size()) {
    return fmt::format("more points than expected: {}", Text(got));
  }
  return std::nullopt;
}

Mismatch CompareMatrix(const EvalCommand& eval, const promql::Matrix& matrix) {
  if (eval.ordered) return "expected ordered result, but query returned a matrix";
  if (eval.scalar) return "expected scalar result, but got a matrix";
  if (auto mismatch = CheckSorted(matrix)) return mismatch;
  std::set<model::Labels> seen;
  for (const promql::Series& series : matrix) {
    const ExpectedSeries* expected = FindExpected(eval, series.metric);
    if (expected == nullptr) return "unexpected series in result: " + Text(series);
    seen.insert(series.metric);
    if (auto mismatch = CompareSeries(eval, *expected, series)) return mismatch;
  }
  return Missing(eval, seen);
}

Mismatch CheckMessages(std::string_view kind, const std::vector<MessageMatch>& expected,
                       const std::vector<std::string>& got) {
  if (expected.empty()) return std::nullopt;
  if (got.empty()) return fmt::format("expected {} annotations but got none", kind);
  for (const MessageMatch& match : expected) {
    if (std::ranges::none_of(got, [&](const auto& message) { return match.Matches(message); })) {
      return fmt::format("no {} annotation matches {}; got: {}", kind, base::Quote(match.text),
                         base::Join(got, " | "));
    }
  }
  for (const std::string& message : got) {
    if (std::ranges::none_of(expected, [&](const auto& match) { return match.Matches(message); })) {
      return fmt::format("unexpected {} annotation: {}", kind, message);
    }
  }
  return std::nullopt;
}

}  // namespace

bool AlmostEqual(double a, double b) {
  if (model::IsStaleNaN(a) || model::IsStaleNaN(b)) {
    return model::IsStaleNaN(a) && model::IsStaleNaN(b);
  }
  if ((std::isnan(a) && std::isnan(b)) || a == b) return true;
  constexpr double kEpsilon = 1e-6;
  const double sum = std::fabs(a) + std::fabs(b);
  const double difference = std::fabs(a - b);
  if (a == 0 || b == 0 || sum < DBL_MIN) return difference < kEpsilon * DBL_MIN;
  return difference / std::min(sum, DBL_MAX) < kEpsilon;
}

Mismatch CheckSorted(const promql::Matrix& matrix) {
  if (std::ranges::is_sorted(matrix, std::less<>(), &promql::Series::metric)) return std::nullopt;
  return "the matrix is not sorted by labels";
}

Mismatch CompareVector(const EvalCommand& eval, const promql::Vector& vector) {
  if (eval.scalar) return "expected scalar result, but got a vector";
  std::set<model::Labels> seen;
  for (size_t i = 0; i < vector.size(); ++i) {
    const promql::VectorSample& sample = vector[i];
    const std::string metric = sample.metric.ToMetricString();
    const ExpectedSeries* expected = FindExpected(eval, sample.metric);
    if (expected == nullptr) {
      return fmt::format("unexpected metric {} in result, has value {}", metric,
                         Text(sample.v, sample.h));
    }
    if (eval.ordered && expected->position != static_cast<int>(i) + 1) {
      return fmt::format("expected {} at position {} but it is at {}", metric, expected->position,
                         i + 1);
    }
    if (expected->values.empty()) return fmt::format("no value expected for {}", metric);
    if (const auto mismatch = ComparePoint(expected->values[0], sample.v, sample.h)) {
      return fmt::format("{}: {}", metric, *mismatch);
    }
    seen.insert(sample.metric);
  }
  return Missing(eval, seen);
}

Mismatch CompareScalar(const EvalCommand& eval, double value) {
  if (!eval.scalar) {
    return fmt::format("expected a vector or matrix, got scalar {}", base::FormatFloat(value));
  }
  if (AlmostEqual(*eval.scalar, value)) return std::nullopt;
  return fmt::format("expected scalar {}, got {}", base::FormatFloat(*eval.scalar),
                     base::FormatFloat(value));
}

Mismatch CompareValue(const EvalCommand& eval, const promql::Value& value) {
  if (const auto* matrix = std::get_if<promql::Matrix>(&value)) return CompareMatrix(eval, *matrix);
  if (const auto* vector = std::get_if<promql::Vector>(&value)) return CompareVector(eval, *vector);
  if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
    return CompareScalar(eval, scalar->v);
  }
  const std::string& text = std::get<promql::String>(value).v;
  if (text == eval.string.value_or("")) return std::nullopt;
  return fmt::format("expected string {}, got {}", base::Quote(eval.string.value_or("")),
                     base::Quote(text));
}

Mismatch CheckAnnotations(const EvalCommand& eval, const promql::Annotations& annotations) {
  const auto& [warnings, infos] = annotations;
  if (eval.any_warning && warnings.empty()) return "expected warnings but got none";
  if (eval.any_info && infos.empty()) return "expected info annotations but got none";
  if (auto mismatch = CheckMessages("warn", eval.warn_matches, warnings)) return mismatch;
  if (auto mismatch = CheckMessages("info", eval.info_matches, infos)) return mismatch;
  if (eval.no_warn && !warnings.empty()) return "unexpected warning: " + warnings[0];
  if (eval.no_info && !infos.empty()) return "unexpected info: " + infos[0];
  return std::nullopt;
}

Mismatch CheckFailure(const EvalCommand& eval, const std::string& message) {
  if (!eval.fail) return "failed: " + message;
  for (const MessageMatch& match : eval.fail_matches) {
    if (!match.Matches(message)) {
      return fmt::format("expected an error like {}, got {}", base::Quote(match.text),
                         base::Quote(message));
    }
  }
  return std::nullopt;
}

}  // namespace tributary::promqltest

// Series descriptions: one series and its values on one line, as in promqltest scripts and rule
// unit tests: `metric{a="b"} 1+2x5 _ stale {{schema:1 count:4 buckets:[1 2 1]}}x3`. Source of the
// language: Prometheus docs/configuration/unit_testing_rules.md, promql/parser.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"

namespace tributary::promql {

struct SequenceValue {
  bool omitted = false;
  double value = 0;  // when neither omitted nor a histogram; `stale` is the staleness marker
  std::shared_ptr<const model::FloatHistogram> histogram;
  bool reset_hint_given = false;  // counter_reset_hint was written down
};

struct SeriesDescription {
  model::Labels labels;
  std::vector<SequenceValue> values;
};

// At most this many values come of one line; more is an error.
inline constexpr size_t kMaxSequenceValues = 1'000'000;

base::Result<SeriesDescription> ParseSeriesDescription(std::string_view text);

}  // namespace tributary::promql

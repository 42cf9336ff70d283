// Scripts in the language of Prometheus's promqltest: load samples, evaluate, compare.
// Source of the language: promql/promqltest/README.md; docs/querying there tells of the values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "promql/parse/series_description.h"

namespace tributary::promqltest {

// One sample to store. `start` is its start timestamp, 0 when unknown.
struct LoadSample {
  int64_t t = 0;
  int64_t start = 0;
  double v = 0;
  std::shared_ptr<const model::FloatHistogram> h;
};

struct LoadSeries {
  model::Labels labels;
  std::vector<LoadSample> samples;
};

struct LoadCommand {
  int line = 0;
  bool with_nhcb = false;
  std::vector<LoadSeries> series;
};

struct ClearCommand {
  int line = 0;
};

// A text that a message must equal, or a regular expression that it must contain.
struct MessageMatch {
  bool is_regex = false;
  std::string text;
  bool Matches(const std::string& message) const;
};

struct ExpectedSeries {
  model::Labels labels;
  int position = 0;  // from 1, of the line among the expected series
  std::vector<promql::SequenceValue> values;
};

struct EvalCommand {
  int line = 0;
  std::string expr;
  bool is_range = false;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 0;
  int64_t eval_ms = 0;  // of an instant query

  bool ordered = false;
  bool fail = false;
  bool any_warning = false;  // eval_warn
  bool any_info = false;     // eval_info
  bool no_warn = false;
  bool no_info = false;
  std::vector<MessageMatch> fail_matches;
  std::vector<MessageMatch> warn_matches;
  std::vector<MessageMatch> info_matches;

  // Expects a string or a matrix: not tried as a range query.
  bool only_instant = false;
  std::optional<std::string> string;
  std::optional<double> scalar;
  std::vector<ExpectedSeries> series;
};

using Command = std::variant<ClearCommand, LoadCommand, EvalCommand>;

// Errors name the line.
base::Result<std::vector<Command>> ParseScript(std::string_view text);

}  // namespace tributary::promqltest

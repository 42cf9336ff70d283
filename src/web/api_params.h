// Parameters of API calls: times, durations, limits, selectors, with Prometheus's rules and texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "promql/parse/ast.h"
#include "web/call.h"

namespace tributary::web {

using MatcherSets = std::vector<std::vector<model::Matcher>>;

// Unix seconds with fraction, or RFC 3339. Milliseconds.
base::Result<model::Timestamp> ParseTime(std::string_view text);
// "" gives `fallback`.
base::Result<model::Timestamp> ParseTimeParam(const Call& call, std::string_view name,
                                              model::Timestamp fallback);
// Seconds with fraction, or a Prometheus duration. Milliseconds; what is shorter than one and not
// zero becomes one, so that it stays what it was: positive.
base::Result<int64_t> ParseApiDuration(std::string_view text);
// 0 or absent: no limit.
base::Result<uint64_t> ParseLimit(std::string_view text);
// Each must have a matcher that does not match the empty string.
base::Result<MatcherSets> ParseMatcherSets(const std::vector<std::string_view>& texts);

// The `query` parameter, with the language features that are switched on.
base::Result<promql::ExprPtr> ParseQueryParam(const Context& context, const Call& call);

// 2006-01-02T15:04:05.999Z; 0 is Go's zero time when `zero_is_never`.
std::string FormatTime(int64_t ms, bool zero_is_never = false);

// The start, end and limit that most metadata calls have. Answers the call and returns nothing
// when one of them is wrong.
struct RangeAndLimit {
  model::Timestamp start = model::kMinTime;
  model::Timestamp end = model::kMaxTime;
  uint64_t limit = 0;
};
std::optional<RangeAndLimit> ParseRangeAndLimit(Call& call);

}  // namespace tributary::web

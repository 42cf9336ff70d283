// Any bytes either fail to parse or make a tree that prints to text which parses to the same tree.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "promql/parse/parser.h"
#include "promql/parse/series_description.h"

namespace {

using namespace tributary::promql;  // NOLINT(google-build-using-namespace)

// Timestamps beyond the integers of a double lose digits on the way to text.
bool HasHugeTimestamp(const Expr& expr) {
  const auto huge = [](const AtModifier& at) {
    constexpr int64_t kExact = int64_t{1} << 50;
    return at.kind == AtKind::kTimestamp && (at.timestamp_ms > kExact || at.timestamp_ms < -kExact);
  };
  if (const auto* selector = DynAs<VectorSelector>(&expr)) return huge(selector->at);
  const auto* subquery = DynAs<SubqueryExpr>(&expr);
  if (subquery != nullptr && huge(subquery->at)) return true;
  bool found = false;
  ForEachChild(expr, [&](const Expr& child) { found = found || HasHugeTimestamp(child); });
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)ParseMetricSelector(text);
  (void)ParseSeriesDescription(text);
  const ParserOptions options{.experimental_functions = true,
                              .extended_range_selectors = true,
                              .binop_fill_modifiers = true,
                              .max_depth = 300};
  const auto expr = ParseExpr(text, options);
  if (!expr) {
    CHECK(!expr.error().message().empty(), "an error says something");
    return 0;
  }
  const auto again = ParseExpr(Print(**expr), options);
  CHECK(again, "canonical text parses");
  if (!HasHugeTimestamp(**expr)) CHECK(SameTree(**expr, **again), "canonical text means the same");
  const auto pretty = ParseExpr(Prettify(**expr), options);
  CHECK(pretty && SameTree(**again, **pretty), "formatted text means the same");
  CHECK(SameTree(**expr, *Clone(**expr)), "a clone is equal");
  return 0;
}

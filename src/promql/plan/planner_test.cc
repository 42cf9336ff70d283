#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "promql/parse/parser.h"
#include "promql/plan/plan.h"

namespace tributary::promql {
namespace {

// s(…) selector, r(…) range, q(…) subquery, c:name(…), a:op(…), b:op(…), inv(…) step-invariant.
std::string Show(const Plan& plan) {
  std::string children;
  for (const auto& child : plan.children) {
    if (!children.empty()) children += ", ";
    children += Show(*child);
  }
  auto times = [&] {
    std::string out = fmt::format("#{}", plan.selection);
    if (plan.range_ms != 0) out += fmt::format(" [{}]", plan.range_ms);
    if (plan.at) out += fmt::format(" @{}", *plan.at);
    if (plan.offset_ms != 0) out += fmt::format(" -{}", plan.offset_ms);
    return out;
  };
  switch (plan.kind) {
    case PlanKind::kNumber:
      return fmt::format("{}", plan.number);
    case PlanKind::kString:
      return "'" + plan.text + "'";
    case PlanKind::kInstantSelector:
      return "s(" + times() + ")";
    case PlanKind::kRangeSelector:
      return "r(" + times() + ")";
    case PlanKind::kSubquery:
      return fmt::format("q([{}:{}]{} {})", plan.range_ms, plan.step_ms,
                         plan.at ? fmt::format(" @{}", *plan.at) : "", children);
    case PlanKind::kCall:
      return fmt::format("c:{}({})", As<Call>(*plan.expr).function->name, children);
    case PlanKind::kAggregate:
      return "a(" + children + ")";
    case PlanKind::kBinary:
      return fmt::format("b:{}({})", BinaryOpSymbol(As<BinaryExpr>(*plan.expr).op), children);
    case PlanKind::kNegate:
      return "neg(" + children + ")";
    case PlanKind::kUnaryPlus:
      return "plus(" + children + ")";
    case PlanKind::kStepInvariant:
      return "inv(" + children + ")";
  }
  return "?";
}

constexpr ParserOptions kEverything{
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

TEST(Planner, WorksOutWhatDependsOnTheQueryOnly) {
  auto f = [](std::string_view query, std::string_view want) {
    const auto expr = ParseExpr(query, kEverything);
    ASSERT_TRUE(expr) << expr.error().message();
    const auto plan = MakePlan(**expr, {.start = 1000, .end = 61'000, .step_ms = 10'000});
    ASSERT_TRUE(plan) << plan.error().message();
    EXPECT_EQ(Show(*plan->root), want) << query;
  };
  f("(((1)))", "1");
  f("x", "s(#0)");
  f("x offset 5s", "s(#0 -5000)");
  f("x @ start()", "inv(s(#0 @1000))");
  f("x @ end() + y", "b:+(inv(s(#0 @61000)), s(#1))");
  f("x / (x + y)", "b:/(s(#0), b:+(s(#0), s(#1)))");
  f("rate(x[5m] @ 10)", "inv(c:rate(r(#0 [300000] @10000)))");
  f("timestamp(+x)", "c:timestamp(plus(s(#0)))");
  f("+(1)", "1");
  f("1 + 2", "3");
  f("-(2 * (3 - 1))", "-4");
  f("x * -2 ^ 2", "b:*(s(#0), -4)");
  f("1 > bool 2", "0");
  f("x @ 1 + 2 * 3", "inv(b:+(s(#0 @1000), 6))");
  f("start() + time()", "b:+(1, c:time())");
  f("step() + range()", "70");
  f("x[step() * 2:step()] @ 5", "q([20000:10000] @5000 s(#0))");
  f("max_over_time((x @ 1)[1m:])", "c:max_over_time(q([60000:60000] inv(s(#0 @1000))))");
  f("predict_linear(x[1m] @ 5, 3)", "c:predict_linear(r(#0 [60000] @5000), 3)");
  f("timestamp(x @ 5)", "inv(c:timestamp(s(#0 @5000)))");
  f("-x", "neg(s(#0))");
  f("+x", "plus(s(#0))");
  f("topk(2, sum by (a) (x))", "a(a(s(#0)), 2)");
}

TEST(Planner, ReadsNoMoreThanIsLookedAt) {
  auto f = [](std::string_view query, model::Timestamp mint, model::Timestamp maxt) {
    const auto expr = ParseExpr(query, kEverything);
    ASSERT_TRUE(expr) << expr.error().message();
    const auto plan = MakePlan(**expr, {.start = 1'000'000, .end = 2'000'000, .step_ms = 1000});
    ASSERT_TRUE(plan) << plan.error().message();
    EXPECT_EQ(plan->mint, mint) << query;
    EXPECT_EQ(plan->maxt, maxt) << query;
  };
  f("1", 0, 0);
  f("x", 700'001, 2'000'000);
  f("x offset 10s", 690'001, 1'990'000);
  f("x[1m:]", 640'001, 2'000'000);
  f("rate(x[1m])", 940'001, 2'000'000);
  f("x @ 50", -249'999, 50'000);
  f("rate(x[1m] anchored)", 640'001, 2'000'000);
  f("rate(x[1m] smoothed)", 640'001, 2'300'000);
  f("x + rate(x[20m])", -199'999, 2'000'000);
}

TEST(Planner, RefusesDurationsWithoutAValue) {
  auto f = [](std::string_view query, std::string_view want) {
    const auto expr = ParseExpr(query, kEverything);
    ASSERT_TRUE(expr) << expr.error().message();
    const auto plan = MakePlan(**expr, {});
    ASSERT_FALSE(plan) << query;
    EXPECT_EQ(plan.error().message(), want);
  };
  f("x[step()]", "2:8: duration must be greater than 0");
  f("x[5m / step()]", "2:13: division by zero");
  f("x[5m % step()]", "2:13: modulo by zero");
}

}  // namespace
}  // namespace tributary::promql

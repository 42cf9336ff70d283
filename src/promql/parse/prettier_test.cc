#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "promql/parse/parser.h"

namespace tributary::promql {
namespace {

TEST(PrettierTest, SplitsOnlyWhatDoesNotFit) {
  const auto f = [](std::string_view in, std::string_view want) {
    const auto expr = ParseExpr(in);
    ASSERT_TRUE(expr) << in;
    EXPECT_EQ(Prettify(**expr), want) << in;
  };
  f("sum( foo )", "sum(foo)");
  const std::string a = "a_metric_with_a_long_name{cluster=\"one\",namespace=\"monitoring\"}";
  f("sum by(cluster)(rate(" + a + "[5m])) / sum by(cluster)(rate(" + a + "[5m]))",
    "  sum by (cluster) (rate(" + a + "[5m]))\n/\n  sum by (cluster) (rate(" + a + "[5m]))");
  f("topk(5, sum by(cluster)(rate(" + a + "[5m])) + 1)",
    "topk(\n  5,\n  sum by (cluster) (rate(" + a + "[5m])) + 1\n)");
  f("-(" + a + " * on(cluster) group_left(x) " + a + ")",
    "-(\n    " + a + "\n  * on (cluster) group_left (x)\n    " + a + "\n)");
  f("label_replace(" + a + ", \"dst\", \"$1-and-more\", \"src\", \"(.*)\")",
    "label_replace(\n  " + a + ",\n  \"dst\",\n  \"$1-and-more\",\n  \"src\",\n  \"(.*)\"\n)");
  f("max_over_time((" + a + " > bool " + a + ")[1h:1m] offset 5m)",
    "max_over_time(\n  (\n      " + a + "\n    > bool\n      " + a + "\n  )[1h:1m] offset 5m\n)");
}

}  // namespace
}  // namespace tributary::promql

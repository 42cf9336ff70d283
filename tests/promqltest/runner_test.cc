// The interpreter must notice what is wrong: each script here is one that must not pass.
#include "runner.h"

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/metrics.h"
#include "base/threads.h"

namespace tributary::promqltest {
namespace {

class RunnerTest : public testing::Test {
 protected:
  // The first failure of the script's evaluations; "" when all pass.
  std::string FirstFailure(const std::string& evals) {
    const std::string load = R"(
load 1m
  foo{a="1"} 0+60x10
  foo{a="2"} 1 2 3 stale
  hist {{schema:0 count:3 sum:4 buckets:[1 2]}}x10
  left 1x10
  right{b="1"} 1x10
  right{b="2"} 1x10

)";
    const auto outcomes = RunScript(load + evals, *engine_);
    if (!outcomes) return "script: " + outcomes.error().message();
    for (const EvalOutcome& outcome : *outcomes) {
      if (!outcome.failure.empty()) return outcome.failure;
    }
    return "";
  }

  base::ThreadPool pool_{"runner_test", 1};
  base::MetricsRegistry metrics_;
  std::unique_ptr<promql::Engine> engine_ =
      promql::Engine::Create(ScriptEngineOptions(), pool_, metrics_);
};

TEST_F(RunnerTest, PassesWhatIsRight) {
  for (const std::string_view script : {
           "eval instant at 2m foo\n foo{a=\"1\"} 120\n foo{a=\"2\"} 3\n",
           "eval instant at 4m foo\n foo{a=\"1\"} 240\n",
           "eval range from 0 to 4m step 1m foo{a=\"2\"}\n foo{a=\"2\"} 1 2 3\n",
           "eval instant at 1m hist\n hist {{count:3 sum:4 buckets:[1 2 0]}}\n",
           "eval instant at 1m 1 + 1\n 2\n",
           "eval instant at 1m \"x\"\n expect string \"x\"\n",
           "eval instant at 2m foo[2m]\n expect range vector from 1m to 2m step 1m\n"
           " foo{a=\"1\"} 60 120\n foo{a=\"2\"} 2 3\n",
           "eval instant at 1m sort(foo)\n expect ordered\n foo{a=\"2\"} 2\n foo{a=\"1\"} 60\n",
           "eval instant at 1m left + on () right\n expect fail regex: many-to-many\n",
           "eval instant at 1m quantile(2, left)\n expect warn\n {} +Inf\n",
           "eval instant at 5m nothing\n",
       }) {
    EXPECT_EQ(FirstFailure(std::string(script)), "") << script;
  }
}

TEST_F(RunnerTest, FailsWhatIsWrong) {
  for (const std::string_view script : {
           "eval instant at 2m foo\n foo{a=\"1\"} 121\n foo{a=\"2\"} 3\n",
           "eval instant at 2m foo\n foo{a=\"1\"} 120\n",
           "eval instant at 2m foo\n foo{a=\"1\"} 120\n foo{a=\"2\"} 3\n foo{a=\"3\"} 3\n",
           "eval instant at 2m foo\n 5\n",
           "eval range from 0 to 4m step 1m foo{a=\"2\"}\n foo{a=\"2\"} 1 2\n",
           "eval range from 0 to 4m step 1m foo{a=\"2\"}\n foo{a=\"2\"} 1 2 3 4\n",
           "eval range from 0 to 4m step 1m foo{a=\"2\"}\n foo{a=\"2\"} 1 _ 2 3\n",
           "eval range from 0 to 1m step 1m foo{a=\"2\"}\n foo{a=\"2\"} 1 2 3\n",
           "eval instant at 1m hist\n hist {{count:3 sum:4 buckets:[1 3]}}\n",
           "eval instant at 1m hist\n hist {{count:3 sum:4 offset:1 buckets:[1 2]}}\n",
           "eval instant at 1m hist\n hist {{schema:1 count:3 sum:4 buckets:[1 2]}}\n",
           "eval instant at 1m hist\n hist {{counter_reset_hint:gauge count:3 sum:4 buckets:[1 "
           "2]}}\n",
           "eval instant at 1m hist\n hist 3\n",
           "eval instant at 1m 1 + 1\n 3\n",
           "eval instant at 1m 1 + 1\n {} 2\n",
           "eval instant at 1m \"x\"\n expect string \"y\"\n",
           "eval instant at 2m foo[2m]\n expect range vector from 0 to 2m step 1m\n"
           " foo{a=\"1\"} 0 60 120\n foo{a=\"2\"} 1 2 3\n",
           "eval instant at 1m sort(foo)\n expect ordered\n foo{a=\"1\"} 60\n foo{a=\"2\"} 2\n",
           "eval instant at 1m left + on () right\n",
           "eval instant at 1m left + on () right\n expect fail msg: other\n",
           "eval instant at 1m left\n expect fail\n",
           "eval instant at 1m left\n expect warn\n left 1\n",
           "eval instant at 1m quantile(2, left)\n expect no_warn\n {} +Inf\n",
           "eval instant at 1m quantile(2, left)\n expect warn msg: other\n {} +Inf\n",
           "eval instant at 1m quantile(2, left)\n expect info\n {} +Inf\n",
       }) {
    EXPECT_NE(FirstFailure(std::string(script)), "") << script;
  }
}

}  // namespace
}  // namespace tributary::promqltest

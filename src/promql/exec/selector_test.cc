// What an instant selector finds at each step, beside a search through all samples.
#include <algorithm>
#include <bit>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/metrics.h"
#include "base/threads.h"
#include "promql/engine.h"
#include "promql/parse/parser.h"
#include "storage/memory_store.h"

namespace tributary::promql {
namespace {

constexpr int64_t kLookback = 300'000;

std::vector<model::Sample> RandomSamples(std::mt19937* random) {
  const double kOdd[] = {model::StaleNaN(), model::NormalNaN(), 0.0, -0.0};
  std::vector<model::Sample> samples;
  const size_t n = (*random)() % 300;
  int64_t t = (*random)() % 100'000;
  for (size_t i = 0; i < n; i++) {
    samples.push_back(
        {t, (*random)() % 8 == 0 ? kOdd[(*random)() % 4] : static_cast<double>((*random)() % 50)});
    const bool gap = (*random)() % 30 == 0;
    t += gap ? (*random)() % 1'000'000 + 1 : 15'000 + (*random)() % 20;
  }
  return samples;
}

// The samples looked up at start, start + step, …
std::vector<model::Sample> Plain(const std::vector<model::Sample>& samples, int64_t start,
                                 int64_t end, int64_t step, int64_t offset) {
  std::vector<model::Sample> found;
  for (int64_t t = start; t <= end; t += step) {
    const auto after = std::ranges::upper_bound(samples, t - offset, {}, &model::Sample::t);
    if (after == samples.begin()) continue;
    const model::Sample& newest = *std::prev(after);
    if (newest.t <= t - offset - kLookback || model::IsStaleNaN(newest.v)) continue;
    found.push_back({t, newest.v});
  }
  return found;
}

TEST(InstantSelector, FindsTheNewestSampleWithinTheLookback) {
  constexpr unsigned kSeed = 17;
  std::mt19937 random(kSeed);
  base::ThreadPool pool("test", 1);
  base::MetricsRegistry metrics;
  const auto engine = Engine::Create({}, pool, metrics);
  for (int round = 0; round < 200; round++) {
    storage::MemoryStore store(1 + random() % 150);
    const auto samples = RandomSamples(&random);
    if (samples.empty()) continue;
    ASSERT_TRUE(store.Add(*ParseMetric("x"), samples));
    const int64_t start = random() % 2'000'000, end = start + random() % 5'000'000;
    const int64_t step = random() % 2 == 0 ? 15'000 : 1 + random() % 400'000;
    const int64_t offset = random() % 3 * 60'000;
    const std::string query = "x offset " + std::to_string(offset / 1000) + "s";
    QueryOptions options;
    options.count_samples = true;
    const auto result = engine->Range(store, query, start, end, step, options);
    ASSERT_TRUE(result);
    const auto want = Plain(samples, start, end, step, offset);
    const Matrix& matrix = std::get<Matrix>(result->value);
    ASSERT_EQ(matrix.empty(), want.empty());
    EXPECT_EQ(result->stats.samples_read, want.size());
    if (want.empty()) continue;
    const auto& got = matrix[0].floats;
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < want.size(); i++) {
      EXPECT_EQ(got[i].t, want[i].t);
      EXPECT_EQ(std::bit_cast<uint64_t>(got[i].v), std::bit_cast<uint64_t>(want[i].v));
    }
  }
}

}  // namespace
}  // namespace tributary::promql

#include "promql/observe/query_stats_json.h"

#include <fmt/format.h>

namespace tributary::promql {
namespace {

void WritePerStep(wire::JsonWriter& json, std::string_view key, const std::vector<uint64_t>& counts,
                  StatsSteps steps) {
  if (counts.empty()) return;
  json.Key(key);
  json.BeginArray();
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t t = steps.start + static_cast<int64_t>(i) * steps.step_ms;
    json.BeginArray();
    json.Double(static_cast<double>(t) / 1000);
    json.Uint(counts[i]);
    json.EndArray();
  }
  json.EndArray();
}

}  // namespace

void WriteQueryStats(wire::JsonWriter& json, const QueryStats& stats, StatsSteps steps) {
  const double eval = stats.eval_seconds + stats.sort_seconds + stats.prepare_seconds;
  json.BeginObject();
  json.Key("timings");
  json.BeginObject();
  const auto number = [&](std::string_view key, double value) {
    json.Key(key);
    json.Double(value);
  };
  number("evalTotalTime", eval);
  number("resultSortTime", stats.sort_seconds);
  number("queryPreparationTime", stats.prepare_seconds);
  number("innerEvalTime", stats.eval_seconds);
  number("execQueueTime", stats.queue_seconds);
  number("execTotalTime", stats.queue_seconds + eval);
  json.EndObject();
  json.Key("samples");
  json.BeginObject();
  WritePerStep(json, "totalQueryableSamplesPerStep", stats.samples_per_step, steps);
  json.Key("totalQueryableSamples");
  json.Uint(stats.total_samples);
  WritePerStep(json, "samplesReadPerStep", stats.samples_read_per_step, steps);
  json.Key("samplesRead");
  json.Uint(stats.samples_read);
  json.Key("peakSamples");
  json.Uint(stats.peak_samples);
  json.EndObject();
  json.EndObject();
}

}  // namespace tributary::promql

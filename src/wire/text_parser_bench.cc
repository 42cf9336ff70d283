// Exposition text as kubelets and exporters write it: 5000 samples of about 110 bytes.
//   Text          name, labels, value found; labels not built (a line the scrape cache knows)
//   TextLabels    labels built as well
//   OpenMetrics   the same body in OpenMetrics
#include <benchmark/benchmark.h>

#include "wire/text_parser.h"

namespace tributary::wire {
namespace {

constexpr int kFamilies = 50;
constexpr int kPerFamily = 100;

std::string Body(bool open_metrics) {
  std::string body;
  for (int family = 0; family < kFamilies; ++family) {
    const std::string name = "container_network_bytes_" + std::to_string(family);
    body += "# HELP " + name + " Cumulative count of bytes received\n# TYPE " + name +
            (open_metrics ? " unknown\n" : " counter\n");
    for (int i = 0; i < kPerFamily; ++i) {
      body += name + "{interface=\"eth" + std::to_string(i % 4) +
              "\",namespace=\"production\",pod=\"application-7d9f8b6c5d-" + std::to_string(i) +
              "\"} " +
              (i % 3 == 0   ? "0"
               : i % 3 == 1 ? "1.234567e+06"
                            : "48213.75") +
              "\n";
    }
  }
  if (open_metrics) body += "# EOF\n";
  return body;
}

void Run(benchmark::State& state, const std::string& body,
         std::unique_ptr<ExpositionParser> (*make)(std::string_view), bool build) {
  std::vector<model::Label> labels;
  double sum = 0;
  for (auto _ : state) {
    const auto parser = make(body);
    for (;;) {
      const auto entry = parser->Next();
      if (!entry || *entry == EntryKind::kEnd) break;
      if (*entry != EntryKind::kSample) continue;
      sum += parser->value();
      if (build) (void)parser->Labels(&labels);
    }
  }
  benchmark::DoNotOptimize(sum);
  state.counters["sample"] =
      benchmark::Counter(kFamilies * kPerFamily, benchmark::Counter::kIsIterationInvariantRate |
                                                     benchmark::Counter::kInvert);
  state.SetBytesProcessed(static_cast<int64_t>(body.size()) *
                          static_cast<int64_t>(state.iterations()));
}

void Text(benchmark::State& state) { Run(state, Body(false), NewTextParser, false); }
BENCHMARK(Text);
void TextLabels(benchmark::State& state) { Run(state, Body(false), NewTextParser, true); }
BENCHMARK(TextLabels);
void OpenMetrics(benchmark::State& state) { Run(state, Body(true), NewOpenMetricsParser, false); }
BENCHMARK(OpenMetrics);

}  // namespace
}  // namespace tributary::wire

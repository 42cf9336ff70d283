// Remote write messages of 2000 series, 13 labels and about 466 bytes each.
//   DecodeV1         walk: raw label span and sample
//   DecodeV1Split    the same and every label split (what a cache miss costs)
//   EncodeV1, EncodeV1Raw, DecodeV2, EncodeV2
//   SnappyDecodeV1
#include <benchmark/benchmark.h>

#include "wire/compression.h"
#include "wire/remote_write_v1.h"
#include "wire/remote_write_v2.h"

namespace tributary::wire {
namespace {

constexpr int kSeries = 2000;

struct Series {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<model::Label> span;
};

const std::vector<Series>& AllSeries() {
  static const std::vector<Series> all = [] {
    std::vector<Series> series(kSeries);
    for (int i = 0; i < kSeries; ++i) {
      Series& s = series[static_cast<size_t>(i)];
      const std::string n = std::to_string(i);
      s.labels = {{"__name__", "container_network_receive_packets_dropped_total"},
                  {"cluster", "downstream-one"},
                  {"container", "application-" + n},
                  {"endpoint", "https-metrics"},
                  {"id", "/kubepods/burstable/pod8a7b1c3e-5f" + n},
                  {"image", "registry.example.com/team/application:v1.2.3"},
                  {"instance", "10.42.17.123:10250"},
                  {"job", "kubelet"},
                  {"metrics_path", "/metrics/cadvisor"},
                  {"namespace", "production"},
                  {"node", "worker-" + std::to_string(i % 50)},
                  {"pod", "application-7d9f8b6c5d-" + n},
                  {"service", "prometheus-kube-prometheus-kubelet"}};
      for (const auto& [name, value] : s.labels) s.span.push_back({name, value});
    }
    return series;
  }();
  return all;
}

constexpr int64_t kTime = 1'700'000'000'000;

std::string MessageV1() {
  std::string message;
  WriteEncoderV1 encoder(&message);
  for (const Series& s : AllSeries()) encoder.AddSample(s.span, {kTime, 12.5});
  return message;
}

class Sink : public WriteVisitorV1, public WriteVisitorV2 {
 public:
  void OnSeries(const WriteSeriesV1& series) override {
    bytes += series.raw_labels.size();
    sum += series.samples[0].v;
    if (split) (void)SplitLabelsV1(series, &labels);
  }
  void OnSeries(const WriteSeriesV2& series) override {
    bytes += series.label_refs.size();
    sum += series.samples[0].v;
  }
  bool split = false;
  size_t bytes = 0;
  double sum = 0;
  std::vector<model::Label> labels;
};

void PerSample(benchmark::State& state) {
  state.counters["sample"] = benchmark::Counter(
      kSeries, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void DecodeV1(benchmark::State& state) {
  const std::string message = MessageV1();
  Sink sink;
  for (auto _ : state) (void)DecodeWriteV1(message, &sink);
  benchmark::DoNotOptimize(sink.sum);
  state.counters["bytes/series"] = static_cast<double>(message.size()) / kSeries;
  PerSample(state);
}
BENCHMARK(DecodeV1);

void DecodeV1Split(benchmark::State& state) {
  const std::string message = MessageV1();
  Sink sink;
  sink.split = true;
  for (auto _ : state) (void)DecodeWriteV1(message, &sink);
  PerSample(state);
}
BENCHMARK(DecodeV1Split);

void EncodeV1(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    WriteEncoderV1 encoder(&out);
    for (const Series& s : AllSeries()) encoder.AddSample(s.span, {kTime, 12.5});
  }
  PerSample(state);
}
BENCHMARK(EncodeV1);

void EncodeV1Raw(benchmark::State& state) {
  std::vector<std::string> raw(kSeries);
  for (size_t i = 0; i < kSeries; ++i) WriteEncoderV1::EncodeLabels(AllSeries()[i].span, &raw[i]);
  std::string out;
  for (auto _ : state) {
    out.clear();
    WriteEncoderV1 encoder(&out);
    for (const std::string& labels : raw) encoder.AddSampleRaw(labels, {kTime, 12.5});
  }
  PerSample(state);
}
BENCHMARK(EncodeV1Raw);

void EncodeV2(benchmark::State& state) {
  WriteEncoderV2 encoder;
  std::string_view out;
  for (auto _ : state) {
    encoder.Reset();
    for (const Series& s : AllSeries()) encoder.AddSample(s.span, {.t = kTime, .v = 12.5});
    out = encoder.Finish();
  }
  state.counters["bytes/series"] = static_cast<double>(out.size()) / kSeries;
  PerSample(state);
}
BENCHMARK(EncodeV2);

void DecodeV2(benchmark::State& state) {
  WriteEncoderV2 encoder;
  for (const Series& s : AllSeries()) encoder.AddSample(s.span, {.t = kTime, .v = 12.5});
  const std::string_view message = encoder.Finish();
  std::vector<std::string_view> symbols;
  Sink sink;
  for (auto _ : state) (void)DecodeWriteV2(message, &symbols, &sink);
  PerSample(state);
}
BENCHMARK(DecodeV2);

void SnappyDecodeV1(benchmark::State& state) {
  std::string packed, out;
  SnappyEncode(base::AsBytes(MessageV1()), &packed);
  for (auto _ : state) (void)SnappyDecode(base::AsBytes(packed), 32 << 20, &out);
  PerSample(state);
}
BENCHMARK(SnappyDecodeV1);

}  // namespace
}  // namespace tributary::wire

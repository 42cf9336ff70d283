// Remote write requests of 2000 series, 13 labels and about 470 bytes each, series known, over a
// store that takes everything and keeps nothing: unpack, walk, hash, look up, hand over.
//   ReceiveV1, ReceiveV2   10 requests in turn: 20k series, whose table fits into the caches
//   ReceiveV1Large         500 requests in turn: 1M series, whose table does not
#include <benchmark/benchmark.h>

#include "remote/receive/write_handler.h"
#include "wire/compression.h"
#include "wire/remote_write_v1.h"
#include "wire/remote_write_v2.h"

namespace tributary::remote {
namespace {

constexpr int kSeries = 2000;

class NullStore : public storage::Appendable {
 public:
  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<NullAppender>(*this);
  }
  uint64_t created = 0;

 private:
  class NullAppender : public storage::Appender {
   public:
    explicit NullAppender(NullStore& store) : store_(store) {}
    base::Result<model::SeriesRef> GetOrCreate(model::LabelSpan, uint64_t) override {
      return model::SeriesRef(++store_.created);
    }
    void Append(std::span<const storage::RefSample> samples,
                std::span<storage::AppendOutcome> outcomes) override {
      benchmark::DoNotOptimize(samples.data());
      std::fill(outcomes.begin(), outcomes.end(), storage::AppendOutcome::kAppended);
    }
    storage::AppendOutcome AppendHistogram(model::SeriesRef, model::Timestamp,
                                           const model::Histogram&) override {
      return storage::AppendOutcome::kAppended;
    }
    storage::AppendOutcome AppendHistogram(model::SeriesRef, model::Timestamp,
                                           const model::FloatHistogram&) override {
      return storage::AppendOutcome::kAppended;
    }
    void AppendExemplar(model::SeriesRef, const model::Exemplar&) override {}
    void UpdateMetadata(model::SeriesRef, const model::Metadata&) override {}
    base::Status Commit() override { return base::OkStatus(); }
    void Rollback() override {}
    const storage::AppenderStats& stats() const override { return stats_; }

   private:
    NullStore& store_;
    storage::AppenderStats stats_;
  };
};

template <class AddOne>
void ForEachSeries(int request, AddOne add) {
  for (int i = 0; i < kSeries; ++i) {
    const std::string n = std::to_string(request * kSeries + i);
    const std::string container = "application-" + n, id = "/kubepods/burstable/pod8a7b1c3e-5f" + n,
                      node = "worker-" + std::to_string(i % 50),
                      pod = "application-7d9f8b6c5d-" + n;
    const model::Label labels[] = {{"__name__", "container_network_receive_packets_dropped_total"},
                                   {"cluster", "downstream-one"},
                                   {"container", container},
                                   {"endpoint", "https-metrics"},
                                   {"id", id},
                                   {"image", "registry.example.com/team/application:v1.2.3"},
                                   {"instance", "10.42.17.123:10250"},
                                   {"job", "kubelet"},
                                   {"metrics_path", "/metrics/cadvisor"},
                                   {"namespace", "production"},
                                   {"node", node},
                                   {"pod", pod},
                                   {"service", "prometheus-kube-prometheus-kubelet"}};
    add(labels);
  }
}

std::string RequestV1(int request) {
  std::string message, packed;
  wire::WriteEncoderV1 encoder(&message);
  ForEachSeries(request, [&](model::LabelSpan labels) {
    encoder.AddSample(labels, {base::SystemClock().NowMs(), 12.5});
  });
  wire::SnappyEncode(base::AsBytes(message), &packed);
  packed.shrink_to_fit();
  return packed;
}

std::string RequestV2(int request) {
  wire::WriteEncoderV2 encoder;
  ForEachSeries(request, [&](model::LabelSpan labels) {
    encoder.AddSample(labels, {.t = base::SystemClock().NowMs(), .v = 12.5});
  });
  std::string packed;
  wire::SnappyEncode(base::AsBytes(encoder.Finish()), &packed);
  return packed;
}

void Run(benchmark::State& state, int requests, std::string (*make)(int), std::string_view type) {
  NullStore store;
  base::MetricsRegistry metrics;
  const auto handler = WriteHandler::Create({}, store, base::SystemClock(), metrics);
  std::vector<std::string> bodies;
  for (int i = 0; i < requests; ++i) bodies.push_back(make(i));
  const auto send = [&](const std::string& body) {
    const WriteRequest request{
        .content_type = type, .content_encoding = "snappy", .user = "", .body = body};
    const WriteResponse response = handler->Handle(request);
    if (response.status != 204) state.SkipWithError(response.error.c_str());
  };
  for (const std::string& body : bodies) send(body);
  size_t next = 0;
  for (auto _ : state) {
    send(bodies[next]);
    next = (next + 1) % bodies.size();
  }
  state.counters["sample"] = benchmark::Counter(
      kSeries, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void ReceiveV1(benchmark::State& state) { Run(state, 10, RequestV1, ""); }
BENCHMARK(ReceiveV1);
void ReceiveV1Large(benchmark::State& state) { Run(state, 500, RequestV1, ""); }
BENCHMARK(ReceiveV1Large);
void ReceiveV2(benchmark::State& state) {
  Run(state, 10, RequestV2, "application/x-protobuf;proto=io.prometheus.write.v2.Request");
}
BENCHMARK(ReceiveV2);

}  // namespace
}  // namespace tributary::remote

#include "remote/receive/write_probe.h"

#include <string>

namespace tributary::remote {
namespace {

constexpr const char* kRejected = "tributary_remote_write_rejected_samples_total";
constexpr const char* kRejectedHelp =
    "Received samples and histograms that were not stored, by reason.";
constexpr const char* kSamples = "tributary_remote_write_received_samples_total";
constexpr const char* kSamplesHelp =
    "Received samples and histograms that were stored, by protocol version.";

}  // namespace

WriteProbe::WriteProbe(base::MetricsRegistry& metrics, const SeriesCache& cache)
    : metrics_(metrics),
      invalid_labels_(metrics.GetCounter(
          "prometheus_api_remote_write_invalid_labels_samples_total",
          "The total number of received remote write samples and histogram samples which were "
          "rejected due to invalid labels.")),
      samples_{&metrics.GetCounter(kSamples, kSamplesHelp, {{"version", "1.0"}}),
               &metrics.GetCounter(kSamples, kSamplesHelp, {{"version", "2.0"}})},
      cache_misses_(metrics.GetCounter(
          "tributary_remote_write_series_cache_misses_total",
          "Received series whose labels had to be read because their fingerprint was not known.")),
      failed_(metrics.GetCounter("tributary_remote_write_failed_requests_total",
                                 "Remote write requests that the store could not take.")),
      cache_bytes_(
          metrics.AddGaugeCallback("tributary_remote_write_series_cache_bytes",
                                   "Memory of the table of known series fingerprints.", {},
                                   [&cache] { return static_cast<double>(cache.bytes()); })) {
  metrics.GetCounter("prometheus_api_remote_write_without_metadata_appended_samples_total",
                     "The total number of received remote write samples (and histogram samples) "
                     "which were ingested without corresponding metadata.");
}

void WriteProbe::Count(WriteProtocol protocol, const WriteCounts& counts) {
  samples_[protocol == WriteProtocol::kV1 ? 0 : 1]->Add(
      static_cast<double>(counts.samples_written + counts.histograms_written));
  if (counts.cache_misses > 0) cache_misses_.Add(static_cast<double>(counts.cache_misses));
  const auto rejected = [&](std::string_view reason, uint64_t count) {
    if (count == 0) return;
    metrics_.GetCounter(kRejected, kRejectedHelp, {{"reason", std::string(reason)}})
        .Add(static_cast<double>(count));
  };
  if (counts.invalid_label_samples > 0) {
    invalid_labels_.Add(static_cast<double>(counts.invalid_label_samples));
    rejected("invalid labels", counts.invalid_label_samples);
  }
  rejected("series refused", counts.refused_series_samples);
  for (size_t i = 0; i < counts.by_outcome.size(); ++i) {
    if (counts.by_outcome[i] == 0) continue;
    rejected(storage::AppendOutcomeText(static_cast<storage::AppendOutcome>(i)),
             counts.by_outcome[i]);
  }
}

void WriteProbe::Failed() { failed_.Add(); }

}  // namespace tributary::remote

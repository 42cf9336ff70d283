#include "tsdb/head/head_metrics.h"

namespace tributary::tsdb {
namespace {

constexpr std::string_view kAppended = "prometheus_tsdb_head_samples_appended_total";
constexpr std::string_view kAppendedHelp = "Total number of appended samples.";
constexpr std::string_view kOutOfOrder = "prometheus_tsdb_out_of_order_samples_total";
constexpr std::string_view kOutOfOrderHelp =
    "Total number of out of order samples ingestion failed attempts due to out of order being "
    "disabled.";
constexpr std::string_view kOutOfBound = "prometheus_tsdb_out_of_bound_samples_total";
constexpr std::string_view kOutOfBoundHelp =
    "Total number of out of bound samples ingestion failed attempts with out of order support "
    "disabled.";
constexpr std::string_view kTooOld = "prometheus_tsdb_too_old_samples_total";
constexpr std::string_view kTooOldHelp =
    "Total number of out of order samples ingestion failed attempts with out of support enabled, "
    "but sample outside of time window.";
constexpr std::string_view kLateAppended =
    "prometheus_tsdb_head_out_of_order_samples_appended_total";
constexpr std::string_view kLateAppendedHelp = "Total number of appended out of order samples.";
constexpr std::string_view kUnknownInWbl = "prometheus_tsdb_wbl_replay_unknown_refs_total";
constexpr std::string_view kUnknownInWblHelp =
    "Total number of unknown series references encountered during WBL replay.";

base::Counter& Typed(base::MetricsRegistry& registry, std::string_view name, std::string_view help,
                     const char* type) {
  return registry.GetCounter(name, help, {{"type", type}});
}

}  // namespace

HeadMetrics::HeadMetrics(base::MetricsRegistry& r)
    : series_created(r.GetCounter("prometheus_tsdb_head_series_created_total",
                                  "Total number of series created in the head")),
      series_removed(r.GetCounter("prometheus_tsdb_head_series_removed_total",
                                  "Total number of series removed in the head")),
      series_not_found(r.GetCounter("prometheus_tsdb_head_series_not_found_total",
                                    "Total number of requests for series that were not found.")),
      float_samples(Typed(r, kAppended, kAppendedHelp, "float")),
      histogram_samples(Typed(r, kAppended, kAppendedHelp, "histogram")),
      out_of_order_floats(Typed(r, kOutOfOrder, kOutOfOrderHelp, "float")),
      out_of_order_histograms(Typed(r, kOutOfOrder, kOutOfOrderHelp, "histogram")),
      out_of_bound_floats(Typed(r, kOutOfBound, kOutOfBoundHelp, "float")),
      out_of_bound_histograms(Typed(r, kOutOfBound, kOutOfBoundHelp, "histogram")),
      too_old_floats(Typed(r, kTooOld, kTooOldHelp, "float")),
      too_old_histograms(Typed(r, kTooOld, kTooOldHelp, "histogram")),
      out_of_order_floats_appended(Typed(r, kLateAppended, kLateAppendedHelp, "float")),
      out_of_order_histograms_appended(Typed(r, kLateAppended, kLateAppendedHelp, "histogram")),
      out_of_order_delta_seconds(r.GetHistogram(
          "prometheus_tsdb_sample_ooo_delta",
          "Delta in seconds by which a sample is considered out of order (reported regardless of "
          "OOO time window and whether sample is accepted or not).",
          {600, 1800, 3600, 7200, 10800, 21600, 43200})),
      wbl_unknown_samples(Typed(r, kUnknownInWbl, kUnknownInWblHelp, "samples")),
      wbl_unknown_histograms(Typed(r, kUnknownInWbl, kUnknownInWblHelp, "histograms")),
      truncations(r.GetCounter("prometheus_tsdb_head_truncations_total",
                               "Total number of head truncations attempted.")),
      truncations_failed(r.GetCounter("prometheus_tsdb_head_truncations_failed_total",
                                      "Total number of head truncations that failed.")),
      gc_seconds(r.GetSummary("prometheus_tsdb_head_gc_duration_seconds",
                              "Runtime of garbage collection in the head block.")),
      checkpoint_creations(r.GetCounter("prometheus_tsdb_checkpoint_creations_total",
                                        "Total number of checkpoint creations attempted.")),
      checkpoint_creations_failed(r.GetCounter("prometheus_tsdb_checkpoint_creations_failed_total",
                                               "Total number of checkpoint creations that "
                                               "failed.")),
      checkpoint_deletions(r.GetCounter("prometheus_tsdb_checkpoint_deletions_total",
                                        "Total number of checkpoint deletions attempted.")),
      checkpoint_deletions_failed(r.GetCounter("prometheus_tsdb_checkpoint_deletions_failed_total",
                                               "Total number of checkpoint deletions that "
                                               "failed.")),
      replay_unknown_refs(r.GetCounter("tributary_wal_replay_unknown_refs_total",
                                       "Samples in the log whose series record was missing.")),
      replay_unknown_records(
          r.GetCounter("tributary_wal_replay_unknown_records_total",
                       "Records in the logs of a type that this version does not know.")),
      snapshots(r.GetCounter("tributary_tsdb_head_snapshots_total",
                             "Snapshots of the head written, for a faster start.")),
      snapshots_failed(r.GetCounter("tributary_tsdb_head_snapshots_failed_total",
                                    "Snapshots of the head that could not be written.")) {}

}  // namespace tributary::tsdb

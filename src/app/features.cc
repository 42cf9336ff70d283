#include "app/features.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::app {
namespace {

using Switch = void (*)(Features&);

struct FeatureRow {
  std::string_view name;
  Switch apply;                   // null: nothing to switch
  std::string_view warning = {};  // follows "feature X "
};

constexpr std::string_view kNotYet = "is not served yet";
constexpr std::string_view kAlwaysOn = "is always on: the option does nothing";

constexpr std::array kFeatures = std::to_array<FeatureRow>({
    {"agent", [](Features& f) { f.agent = true; }},
    {"auto-reload-config", [](Features& f) { f.auto_reload = true; },
     "is deprecated: use --config.auto-reload"},
    {"exemplar-storage", [](Features& f) { f.exemplar_storage = true; }},
    {"extra-scrape-metrics", [](Features& f) { f.extra_scrape_metrics = true; },
     "is deprecated: set extra_scrape_metrics in the configuration"},
    {"created-timestamp-zero-ingestion", [](Features& f) { f.proto_first = f.start_zeros = true; }},
    {"st-storage", [](Features& f) { f.proto_first = f.keep_starts = true; },
     "makes an agent send start timestamps; a server does not store them yet"},
    {"xor2-encoding", [](Features& f) { f.xor2 = true; },
     "is deprecated: set storage.tsdb.chunk_encoding.floats in the configuration"},
    {"promql-experimental-functions", [](Features& f) { f.promql.experimental_functions = true; }},
    {"promql-delayed-name-removal", [](Features& f) { f.promql.delayed_name_removal = true; }},
    {"promql-extended-range-selectors",
     [](Features& f) { f.promql.extended_range_selectors = true; }},
    {"promql-binop-fill-modifiers", [](Features& f) { f.promql.binop_fill_modifiers = true; }},
    {"use-start-timestamps", [](Features& f) { f.promql.use_start_timestamps = true; }},
    {"type-and-unit-labels", [](Features& f) { f.promql.type_and_unit_labels = true; }},
    {"promql-duration-expr", nullptr, kAlwaysOn},
    {"ooo-native-histograms", nullptr, kAlwaysOn},
    {"native-histograms", nullptr, "does nothing: set scrape_native_histograms"},
    {"memory-snapshot-on-shutdown", nullptr, kNotYet},
    {"metadata-wal-records", nullptr, kAlwaysOn},
    {"promql-per-step-stats", [](Features& f) { f.per_step_stats = true; }},
    {"concurrent-rule-eval", nullptr, kNotYet},
    {"st-synthesis", nullptr, kNotYet},
    {"histograms-st-encoding", nullptr, kNotYet},
    {"delayed-compaction", nullptr, kNotYet},
    {"use-uncached-io", nullptr, kNotYet},
    {"fast-startup", nullptr, kAlwaysOn},
    {"old-ui", nullptr, kNotYet},
    {"search-api", [](Features& f) { f.search_api = true; }},
    {"otlp-deltatocumulative", nullptr, kNotYet},
    {"otlp-native-delta-ingestion", nullptr, kNotYet},
});

}  // namespace

Features ParseFeatures(const std::vector<std::string>& lists) {
  Features features;
  for (const std::string& list : lists) {
    for (const std::string_view part : base::Split(list, ',')) {
      const std::string_view name = base::TrimSpace(part);
      if (name.empty()) continue;
      const auto row = std::ranges::find(kFeatures, name, &FeatureRow::name);
      if (row == kFeatures.end()) {
        features.warnings.push_back(fmt::format("feature {} is not known", base::Quote(name)));
        continue;
      }
      if (row->apply != nullptr) row->apply(features);
      if (!row->warning.empty()) {
        features.warnings.push_back(fmt::format("feature {} {}", name, row->warning));
      }
    }
  }
  return features;
}

std::map<std::string, std::map<std::string, bool>> FeatureList(const Features& features,
                                                               const Options& options) {
  return {
      {"prometheus",
       {{"agent_mode", options.agent},
        {"auto_reload_config", options.auto_reload || features.auto_reload},
        {"server_mode", !options.agent}}},
      {"rules",
       {{"concurrent_rule_eval", false}, {"keep_firing_for", false}, {"query_offset", false}}},
      {"scrape",
       {{"extra_scrape_metrics", true},
        {"start_timestamp_zero_ingestion", false},
        {"type_and_unit_labels", features.promql.type_and_unit_labels}}},
      {"service_discovery_providers",
       {{"file", true}, {"http", true}, {"kubernetes", true}, {"static", true}}},
      {"tsdb",
       {{"delayed_compaction", false},
        {"exemplar_storage", features.exemplar_storage},
        {"histograms_st_encoding", false},
        {"isolation", true},
        {"native_histograms", true},
        {"st_storage", false},
        {"use_uncached_io", false},
        {"xor2_encoding", true}}},
  };
}

}  // namespace tributary::app

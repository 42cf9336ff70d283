#include "config/config_printer.h"

#include <utility>

#include "base/duration.h"
#include "base/strings.h"
#include "config/remote_write_config.h"
#include "config/scrape_config.h"
#include "config/size_text.h"

namespace tributary::config {
namespace {

void PrintStorage(const Config& config, YamlNode* out) {
  YamlNode tsdb = YamlNode::Map();
  // Prometheus shows the window twice: its field in milliseconds has no name of its own.
  tsdb.SetPlain("outofordertimewindow", std::to_string(config.tsdb.out_of_order_time_window_ms));
  if (config.tsdb.out_of_order_time_window_ms != 0) {
    tsdb.SetString("out_of_order_time_window",
                   base::FormatDurationMs(config.tsdb.out_of_order_time_window_ms));
  }
  if (config.tsdb.stale_series_compaction_threshold != 0) {
    tsdb.SetPlain("stale_series_compaction_threshold",
                  base::FormatFloatG(config.tsdb.stale_series_compaction_threshold));
  }
  if (!config.tsdb.float_encoding.empty()) {
    YamlNode encoding = YamlNode::Map();
    encoding.SetString("floats", config.tsdb.float_encoding);
    tsdb.Set("chunk_encoding", std::move(encoding));
  }
  YamlNode retention = YamlNode::Map();
  if (config.tsdb.retention_time_ms != 0) {
    retention.SetString("time", base::FormatDurationMs(config.tsdb.retention_time_ms));
  }
  if (config.tsdb.retention_size_bytes != 0) {
    retention.SetString("size", FormatSize(config.tsdb.retention_size_bytes));
  }
  if (config.tsdb.retention_percentage != 0) {
    retention.SetPlain("percentage", base::FormatFloatG(config.tsdb.retention_percentage));
  }
  tsdb.Set("retention", std::move(retention));
  YamlNode storage = YamlNode::Map();
  storage.Set("tsdb", std::move(tsdb));
  if (config.has_exemplars) {
    YamlNode exemplars = YamlNode::Map();
    if (config.max_exemplars != 0) {
      exemplars.SetPlain("max_exemplars", std::to_string(config.max_exemplars));
    }
    storage.Set("exemplars", std::move(exemplars));
  }
  out->Set("storage", std::move(storage));
}

}  // namespace

std::string PrintConfig(const Config& config, const GlobalSection& global, size_t main_jobs,
                        OtherSections others) {
  YamlNode out = YamlNode::Map();
  PrintGlobal(global, &out);
  out.Set("runtime", std::move(others.runtime));
  out.SetUnlessEmpty("alerting", std::move(others.alerting));
  out.SetUnlessEmpty("rule_files", config.rule_files);
  out.SetUnlessEmpty("scrape_config_files", config.scrape_config_files);
  YamlNode jobs = YamlNode::Sequence();
  for (size_t i = 0; i < main_jobs; ++i) jobs.Append(PrintScrapeConfig(config.scrape_configs[i]));
  out.SetUnlessEmpty("scrape_configs", std::move(jobs));
  PrintStorage(config, &out);
  out.SetUnlessEmpty("tracing", std::move(others.tracing));
  YamlNode writes = YamlNode::Sequence();
  for (const RemoteWriteConfig& write : config.remote_write) {
    writes.Append(PrintRemoteWrite(write));
  }
  out.SetUnlessEmpty("remote_write", std::move(writes));
  out.SetUnlessEmpty("remote_read", std::move(others.remote_read));
  out.SetUnlessEmpty("otlp", std::move(others.otlp));
  return RenderYaml(out);
}

std::string PrintScrapePool(const ScrapeConfig& config) {
  return RenderYaml(PrintScrapeConfig(config));
}

}  // namespace tributary::config

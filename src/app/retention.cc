#include "app/retention.h"

#include <fmt/format.h>

#include "base/duration.h"
#include "base/strings.h"
#include "config/fleet_config.h"
#include "config/size_text.h"
#include "promql/parse/parser.h"

namespace tributary::app {
base::Result<Retention> ComputeRetention(const config::TsdbConfig& config, base::FileSystem& fs,
                                         const std::string& path) {
  Retention retention{.time_ms = config.retention_time_ms,
                      .size_bytes = config.retention_size_bytes};
  if (config.retention_percentage > 0) {
    const auto space = fs.SpaceAt(path);
    if (!space || space->total == 0) {
      return base::InvalidArgument(
          fmt::format("unable to detect the capacity of {}: disable retention percentage ({}%)",
                      path, base::FormatFloatG(config.retention_percentage)));
    }
    retention.percentage = config.retention_percentage;
    retention.size_bytes = static_cast<uint64_t>(static_cast<double>(space->total) *
                                                 config.retention_percentage / 100);
  }
  return retention;
}

base::Result<std::vector<tsdb::SelectorRetention>> LoadSelectorRetention(base::FileSystem& fs,
                                                                         const std::string& path) {
  std::vector<tsdb::SelectorRetention> rules;
  if (path.empty()) return rules;
  ASSIGN_OR_RETURN(const config::FleetConfig fleet, config::LoadFleetConfig(fs, path));
  for (const config::RetentionRule& rule : fleet.retention) {
    auto matchers = promql::ParseMetricSelector(rule.match);
    if (!matchers) {
      return matchers.error().Context(path + ": retention: match " + base::Quote(rule.match));
    }
    rules.push_back({.matchers = *std::move(matchers), .keep_ms = rule.keep_ms});
  }
  return rules;
}

std::string RetentionText(const Retention& retention) {
  std::vector<std::string> parts;
  if (retention.time_ms != 0) parts.push_back(base::FormatDurationMs(retention.time_ms));
  if (retention.percentage != 0) {
    parts.push_back(base::FormatFloatG(retention.percentage) + "%");
  } else if (retention.size_bytes != 0) {
    parts.push_back(config::FormatSize(retention.size_bytes));
  }
  return base::Join(parts, " or ");
}

}  // namespace tributary::app

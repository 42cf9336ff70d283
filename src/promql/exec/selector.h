// Instant selectors: the newest sample of each series within the lookback of each step.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "promql/exec/row_source.h"
#include "promql/exec/samples.h"

namespace tributary::promql {

// When a selector looks: at `at`, or else at the step, minus the offset.
struct LookupTime {
  std::optional<model::Timestamp> at;
  int64_t offset_ms = 0;

  model::Timestamp operator()(model::Timestamp step) const { return at.value_or(step) - offset_ms; }
};

enum class InstantValue : uint8_t {
  kSample,          // the sample
  kTimestamp,       // its time in seconds: timestamp()
  kStartTimestamp,  // its start time in seconds: start_timestamp()
  kTimestampMs,     // its time in milliseconds; fails on histograms: info()
};

struct InstantSelectorOptions {
  LookupTime when;
  int64_t lookback_delta_ms = 0;
  InstantValue value = InstantValue::kSample;
  // How far the samples that are read lie before those looked for.
  int64_t read_before_ms = 0;
  // Results of timestamp() and the like are not the metric any more.
  bool drop_name = false;
};

std::unique_ptr<RowSource> MakeInstantSelector(QueryContext& context, const Steps& steps,
                                               std::unique_ptr<SampleSource> source,
                                               const InstantSelectorOptions& options);

// `x smoothed`: interpolates between the samples around each step, up to a lookback away.
std::unique_ptr<RowSource> MakeSmoothedSelector(QueryContext& context, const Steps& steps,
                                                std::unique_ptr<SampleSource> source,
                                                const InstantSelectorOptions& options,
                                                PosRange pos);

}  // namespace tributary::promql

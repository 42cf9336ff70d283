// Random series of the kinds that fleets have: counters with resets, gauges with gaps and staleness
// markers, classic and native histograms, NaN and infinities, equal values, irregular times.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "storage/appender.h"

namespace tributary::reference {

// All samples lie in [kDataStart, kDataStart + kDataLength].
inline constexpr model::Timestamp kDataStart = 1'700'000'000'003;
inline constexpr int64_t kScrapeInterval = 15'000;
inline constexpr int64_t kScrapes = 200;
inline constexpr int64_t kDataLength = kScrapes * kScrapeInterval + 10'000;

struct DataSample {
  model::Timestamp t = 0;
  double v = 0;
  std::optional<model::Histogram> h;
};

struct DataSeries {
  model::Labels labels;
  std::vector<DataSample> samples;  // in order of time
};

// Sorted by labels.
std::vector<DataSeries> RandomData(uint64_t seed, bool with_histograms);

// Appends all of it in one commit for each run of samples of one kind.
base::Status StoreData(const std::vector<DataSeries>& data, storage::Appendable& store);

}  // namespace tributary::reference

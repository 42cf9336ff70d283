// The newest sample of one series of a selection.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/sample.h"
#include "storage/querier.h"

namespace tributary::web {

struct NewestSample {
  model::Timestamp t = 0;
  double v = 0;
  std::shared_ptr<const model::FloatHistogram> h;  // null: a float
};

// Keeps its memory from series to series. Not thread-safe.
class NewestSampleReader {
 public:
  // At or after `min_time`, at or before `max_time`; nothing when there is none, or when it is a
  // staleness marker.
  base::Result<std::optional<NewestSample>> Read(const storage::SeriesSelection& selection,
                                                 size_t series, model::Timestamp min_time,
                                                 model::Timestamp max_time);

 private:
  base::Status Look(const chunk::ChunkView& chunk, model::Timestamp min_time,
                    model::Timestamp max_time, std::optional<NewestSample>* newest);
  storage::ChunkBuffer buffer_;
  std::vector<chunk::ChunkView> chunks_;
  std::vector<model::Timestamp> timestamps_;
  std::vector<double> values_;
};

}  // namespace tributary::web

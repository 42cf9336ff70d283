// Checkpoints: what of old segments is still needed, rewritten into a directory of its own, so that
// the segments can go. Same form and rules as Prometheus's (tsdb/wlog/checkpoint.go).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "model/sample.h"
#include "model/series_ref.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {

struct CheckpointOptions {
  uint32_t through = 0;  // the last segment that goes into the checkpoint; must be finished
  // Samples, histograms, exemplars and tombstones that end before it are left out.
  model::Timestamp min_time = model::kMinTime;
  // False: the series record is left out. Must not change its mind while the checkpoint is written.
  std::function<bool(model::SeriesRef)> keep;
  WalCompression compression = WalCompression::kSnappy;
};

struct CheckpointStats {
  uint64_t series_kept = 0, series_dropped = 0;
  uint64_t samples_kept = 0, samples_dropped = 0;
  uint64_t damaged_places = 0;  // skipped, each is in the log
};

// Writes checkpoint.<through> from the last checkpoint and the segments after it. It appears whole
// or not at all. Damaged places are skipped.
base::Result<CheckpointStats> WriteCheckpoint(base::FileSystem& fs, const std::string& dir,
                                              const CheckpointOptions& options);

// Puts in place of the finished segment `options.through` what a checkpoint would keep of it,
// wholly or not at all. No reader may be inside it.
base::Status ReduceSegment(base::FileSystem& fs, const std::string& dir,
                           const CheckpointOptions& options);

// Removes the segments up to and including `through` and the checkpoints before it.
base::Status RemoveCheckpointed(base::FileSystem& fs, const std::string& dir, uint32_t through);

// Removes what an interrupted WriteCheckpoint() or ReduceSegment() left.
base::Status RemoveTemporaryCheckpoints(base::FileSystem& fs, const std::string& dir);

}  // namespace tributary::tsdb

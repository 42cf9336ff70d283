// HeadReplay: a log becomes the head again. One thread reads, decodes and makes series; workers,
// each with some of the shards, append samples.
//
// Refs: a series keeps the ref the log gave it when that ref says where such a series would be
// (ours do). All others (Prometheus's, and those of a series that has two) are remembered in
// HeadState::foreign_refs. A later series record for a ref replaces an earlier one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "tsdb/head/head_state.h"

namespace tributary::tsdb {

class HeadReplay {
 public:
  HeadReplay(HeadState& head, base::FileSystem& fs, std::string dir, model::Timestamp min_time,
             size_t workers);
  ~HeadReplay();

  base::Status Run(const std::function<void(uint32_t)>& on_segment);

 private:
  class Worker;

  base::Status ReadCheckpoint();
  base::Status Decode(base::Bytes record);
  void AddSeries(model::SeriesRef ref, model::LabelSpan labels);
  void MakeSeries(model::SeriesRef ref, model::LabelSpan labels);
  void MapForeign(model::SeriesRef from, model::SeriesRef to);
  void Dispatch();
  void DispatchHistograms();
  void AddExemplars();
  void Damaged(const base::Error& error);

  HeadState& head_;
  base::FileSystem& fs_;
  const std::string dir_;
  const model::Timestamp min_time_;
  uint64_t damaged_places_ = 0;
  std::vector<storage::RefSample> samples_;
  std::vector<storage::RefHistogram> histograms_;
  std::vector<storage::RefExemplar> exemplars_;
  std::vector<RefMetadata> metadata_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace tributary::tsdb

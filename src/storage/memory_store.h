// MemoryStore: the smallest store that keeps every promise of querier.h and appender.h. For tests
// and for tools that evaluate PromQL over samples they bring themselves; it never forgets and
// scans all series to select.
//
// A querier sees the commits that were complete when it was made. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "storage/appender.h"
#include "storage/querier.h"

namespace tributary::storage {

class MemoryStore final : public Queryable, public Appendable {
 public:
  static constexpr size_t kDefaultSamplesPerChunk = 120;

  // A smaller number makes more chunk borders, which tests may want.
  explicit MemoryStore(size_t samples_per_chunk = kDefaultSamplesPerChunk);
  ~MemoryStore() override;

  base::Result<std::unique_ptr<Querier>> NewQuerier(model::Timestamp mint,
                                                    model::Timestamp maxt) override;
  std::unique_ptr<Appender> NewAppender() override;

  // One commit of one series. Fails, with the rest stored, when a sample is rejected.
  base::Status Add(const model::Labels& labels, std::span<const model::Sample> samples);
  base::Status Add(const model::Labels& labels, model::Timestamp t, const model::FloatHistogram& h);
  // Puts an encoded chunk behind what the series holds, as it is: for encodings that no appender
  // writes. REQUIRES: its samples are later than those of the series.
  void AddChunk(const model::Labels& labels, const chunk::ChunkView& chunk);

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace tributary::storage

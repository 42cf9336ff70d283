// Writing: the seam between those who bring samples (scrape, remote write, rules) and the stores
// that keep them (the head, the agent's WAL).
//
// An Appender is one batch: a scrape, one write request, one rule group. Nothing of it is visible
// to readers before Commit(), and all of it after. Used by one thread, then destroyed; destroying
// it without Commit() is Rollback().
//
// Verdicts are per sample: a bad sample never takes its neighbours with it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"
#include "model/series_ref.h"
#include "storage/starts.h"

namespace tributary::storage {

struct RefSample {
  model::SeriesRef ref;
  model::Timestamp t = 0;
  double v = 0;
};

// What became of one sample. Semantics of Prometheus tsdb/head_append.go.
enum class AppendOutcome : uint8_t {
  kAppended,
  kDuplicate,           // same timestamp and bit-identical value: harmless, not stored again
  kOutOfOrder,          // older than the newest of its series, and not to be taken late
  kOutOfBounds,         // older than what the store may still change, or not a valid time
  kTooOld,              // beyond the out-of-order window
  kDuplicateTimestamp,  // same timestamp, another value
  kTooFarInFuture,
  kUnknownSeries,  // the ref is not (any more) one of this store's: resolve the labels again
  kInvalid,        // an invalid histogram
};

// Prometheus's words: "out of order sample", "duplicate sample for timestamp", …
std::string_view AppendOutcomeText(AppendOutcome outcome);
inline bool IsRejected(AppendOutcome outcome) {
  return outcome != AppendOutcome::kAppended && outcome != AppendOutcome::kDuplicate;
}

struct AppenderStats {
  uint64_t series_created = 0;
};

class Appender {
 public:
  virtual ~Appender() = default;

  // The ref of the series with exactly these labels, made if new. `labels` is borrowed for the
  // call; `hash` is model::HashLabels(labels). A series made here stays even after Rollback().
  // Fails when a limit on series is reached or the store cannot take series now.
  virtual base::Result<model::SeriesRef> GetOrCreate(model::LabelSpan labels, uint64_t hash) = 0;

  // Takes floats; outcomes[i] tells what became of samples[i]. Outcomes are final except that
  // Commit() itself can fail as a whole. REQUIRES: outcomes.size() == samples.size().
  virtual void Append(std::span<const RefSample> samples, std::span<AppendOutcome> outcomes) = 0;
  // The same with the times at which the counters began. A store keeps them, puts a zero where one
  // is newer than all of its series, or does without.
  virtual void AppendWithStarts(std::span<const RefSample> samples, const Starts& /*starts*/,
                                std::span<AppendOutcome> outcomes) {
    Append(samples, outcomes);
  }

  virtual AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                        const model::Histogram& h) = 0;
  virtual AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                        const model::FloatHistogram& h) = 0;
  // As AppendWithStarts().
  virtual AppendOutcome AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                                 model::Timestamp /*start*/,
                                                 const model::Histogram& h) {
    return AppendHistogram(ref, t, h);
  }
  virtual AppendOutcome AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                                 model::Timestamp /*start*/,
                                                 const model::FloatHistogram& h) {
    return AppendHistogram(ref, t, h);
  }
  // Out-of-order and repeated exemplars are dropped quietly.
  virtual void AppendExemplar(model::SeriesRef ref, const model::Exemplar& exemplar) = 0;
  virtual void UpdateMetadata(model::SeriesRef ref, const model::Metadata& metadata) = 0;

  // From now on a staleness marker that is older than the newest sample of its series is
  // kOutOfOrder, however wide the out-of-order window: who writes markers of their own accord must
  // not end a series that someone else goes on writing. For stores with such a window.
  virtual void RejectLateStaleMarkers() {}
  // From now on what this batch takes may be handed over again before it has ended, in another
  // batch: a sender that gets no answer in time asks anew. That one must not be told that the
  // sample is there already while this one may still fail. For batches that a network brings.
  virtual void ExpectResends() {}

  // On success everything accepted is in the WAL (synced when the store is configured so). On
  // failure nothing is visible; kNoSpace and kUnavailable may be retried by the sender.
  virtual base::Status Commit() = 0;
  virtual void Rollback() = 0;

  virtual const AppenderStats& stats() const = 0;
};

// Thread-safe.
class Appendable {
 public:
  virtual ~Appendable() = default;
  virtual std::unique_ptr<Appender> NewAppender() = 0;
};

}  // namespace tributary::storage

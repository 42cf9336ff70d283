// Following a WAL: how remote write learns what was appended, without knowing the store behind it.
// Both the head and the agent's store offer one; app hands it to remote.
//
// A position is a place between two records. Positions are persisted by the follower, so that it
// resumes where delivery stopped. The store keeps every segment that a registered follower has not
// passed, up to the store's own limits.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "storage/appender.h"

namespace tributary::storage {

struct WalPosition {
  uint32_t segment = 0;
  uint64_t offset = 0;  // bytes into the segment, at the start of a record
  friend auto operator<=>(const WalPosition&, const WalPosition&) = default;
};

// The log from `begin` up to `end`.
struct WalRange {
  WalPosition begin, end;
  friend bool operator==(const WalRange&, const WalRange&) = default;
};
inline constexpr WalPosition kWalOpenEnd = {UINT32_MAX, UINT64_MAX};

struct RefHistogram {
  model::SeriesRef ref;
  model::Timestamp t = 0;
  model::FloatHistogram float_histogram;  // used when is_float
  model::Histogram histogram;
  bool is_float = false;
  model::Timestamp start = 0;  // when it began to count; 0: not known
};

struct RefExemplar {
  model::SeriesRef ref;
  model::Exemplar exemplar;
};

// What a few consecutive records held, in log order within each kind. Reuse one.
struct WalBatch {
  std::vector<RefSample> samples;
  Starts starts;  // of the samples
  std::vector<RefHistogram> histograms;
  std::vector<RefExemplar> exemplars;
  WalPosition end;  // resume here once everything in the batch was delivered
  void Clear();
};

// Used by one thread.
class WalCursor {
 public:
  virtual ~WalCursor() = default;
  // Reads on. Appends to `batch` until it holds about `max_samples` or the log has no more for
  // now; sets batch->end in any case. A damaged place is skipped to the next readable record,
  // logged and counted; an error means that nothing more can be read.
  virtual base::Status Read(size_t max_samples, WalBatch* batch) = 0;
  // Waits until there are `bytes` more to read than the last Read() found, or another segment,
  // WalSource::Wake() was called since then, or the time is over. REQUIRES: bytes > 0.
  virtual void Wait(int64_t timeout_ms, uint64_t bytes) = 0;
  // The cursor's log ends there, whatever is written behind it.
  virtual void StopAt(WalPosition end) = 0;
};

// The labels of a series by numbers, so that a follower need not look at a text that it has met
// before: one for the list of their names, and one for each label, name and value together, in the
// order of names. Names, lists of names and labels are numbered apart, without great gaps. A label
// keeps its number as long as a hold lives, names and lists of them for ever.
struct LabelNumbers {
  uint32_t names = 0;
  std::span<const uint32_t> labels;  // empty: the series is not known (any more)
};

class TextHold {
 public:
  virtual ~TextHold() = default;
};

struct LeftOut {
  uint64_t samples = 0, histograms = 0, exemplars = 0;
};

// Thread-safe.
class WalSource {
 public:
  virtual ~WalSource() = default;
  virtual WalPosition Begin() const = 0;  // of the oldest record that is still there
  virtual WalPosition End() const = 0;
  virtual uint64_t BytesBetween(WalPosition from, WalPosition to) const = 0;
  // A cursor at `position`, or at Begin() when that place is gone already (`skipped` tells).
  virtual base::Result<std::unique_ptr<WalCursor>> Open(WalPosition position, bool* skipped) = 0;
  // Ends the waits of all cursors.
  virtual void Wake() = 0;
  virtual std::unique_ptr<TextHold> HoldTexts() const = 0;
  // Fills `out` with the labels of each series, valid as long as the hold lives. REQUIRES: a hold.
  virtual void LabelsOf(std::span<const model::SeriesRef> refs,
                        std::vector<LabelNumbers>* out) const = 0;
  // The numbers of a list's names, in their order.
  virtual std::span<const uint32_t> NamesOf(uint32_t names) const = 0;
  virtual std::string_view NameText(uint32_t name) const = 0;
  // REQUIRES: the number was told under a hold that still lives.
  virtual std::string_view ValueText(uint32_t label) const = 0;
  virtual bool MetadataOf(model::SeriesRef ref, model::Metadata* out) const = 0;
  // Says what the follower `name` has not delivered yet: ascending, the last without an end.
  // Samples that no follower needs may be dropped from the log. Forget() when a destination is
  // removed from the configuration.
  virtual void SetNeeded(std::string_view name, std::vector<WalRange> needed) = 0;
  virtual void Forget(std::string_view name) = 0;
  // True: there will be followers that have not said yet what they need, so nothing is dropped.
  virtual void ExpectFollowers(bool more) = 0;
  // The follower takes nothing of what is written from now on, because it can keep no more; null:
  // it takes again. While all followers decline, a store that bounds its log writes nothing, and
  // tells each of them what it left out, on any thread.
  using TellLeftOut = std::function<void(const LeftOut&)>;
  virtual void Decline(std::string_view name, TellLeftOut tell) = 0;
  virtual bool AllDecline() const = 0;
};

}  // namespace tributary::storage

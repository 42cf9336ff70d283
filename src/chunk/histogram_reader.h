// HistogramReader: the samples of a histogram chunk of any of the four encodings, in order. Integer
// chunks can be read as float histograms, too, which is what PromQL does.
// Source of the format: tsdb/chunkenc/{histogram,float_histogram,histogram_st}.go.
//
// Borrows the chunk's bytes. Hostile bytes give an error, never a crash; memory is bounded by the
// size of the chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "chunk/bit_io.h"
#include "chunk/encoding.h"
#include "chunk/histogram_layout.h"
#include "chunk/xor_field.h"
#include "model/histogram.h"
#include "model/sample.h"

namespace tributary::chunk {

inline bool IsHistogramEncoding(Encoding e) {
  return e == Encoding::kHistogram || e == Encoding::kFloatHistogram ||
         e == Encoding::kHistogramSt || e == Encoding::kFloatHistogramSt;
}

class HistogramReader {
 public:
  // REQUIRES: IsHistogramEncoding(encoding).
  HistogramReader(Encoding encoding, std::span<const uint8_t> chunk);

  // Steps to the next sample. False at the end and on an error, which status() tells.
  bool Next();
  const base::Status& status() const { return status_; }

  size_t num_samples() const { return num_samples_; }
  CounterResetHeader header() const { return header_; }
  // Whether the chunk holds float histograms.
  bool is_float() const { return is_float_; }

  // Of the current sample.
  model::Timestamp t() const { return t_; }
  // When its counters began, 0 when the chunk does not say.
  model::Timestamp start_time() const { return start_time_; }
  bool is_stale() const { return model::IsStaleNaN(sum_.value()); }
  // The current sample. A stale one has nothing but its sum. A resolution finer than we compute
  // with is reduced.
  void Get(model::FloatHistogram* out) const;
  void Get(model::Histogram* out) const;  // REQUIRES: !is_float()

 private:
  // What differs between integer and float chunks: a count, or a bucket.
  struct Number {
    int64_t value = 0;
    int64_t delta = 0;
  };

  bool ReadFirst();
  bool ReadNext();
  void ReadStartTime(model::Timestamp previous_t);
  bool Fail(base::Status status);
  model::CounterResetHint Hint() const;
  template <class AnyHistogram>
  void FillCommon(AnyHistogram* out) const;

  BitReader in_;
  bool is_float_;
  bool has_start_times_;
  size_t num_samples_ = 0;
  size_t num_read_ = 0;
  CounterResetHeader header_ = CounterResetHeader::kUnknown;
  base::Status status_;

  HistogramLayout layout_;
  model::Timestamp t_ = 0;
  int64_t t_delta_ = 0;
  XorField sum_;
  Number count_, zero_count_;                              // integer chunks
  std::vector<Number> positive_, negative_;                // integer chunks; buckets as deltas
  XorField float_count_, float_zero_count_;                // float chunks
  std::vector<XorField> float_positive_, float_negative_;  // float chunks

  model::Timestamp start_time_ = 0;
  int64_t start_diff_ = 0;  // previous t - start_time_
  bool first_start_known_ = false;
  uint8_t first_start_change_ = 0;  // from this sample (counted from 0) on, each has its own
};

}  // namespace tributary::chunk

// HistogramAppender: one open histogram chunk that grows. For integer histograms
// (Encoding::kHistogram) and float ones (Encoding::kFloatHistogram), in Prometheus's formats.
//
// All histograms of a chunk share schema, zero threshold and custom bounds, are all gauges or all
// counters without a reset in between. Buckets may come and (if empty) go: the chunk is then
// written anew with the union of all buckets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "chunk/bit_writer.h"
#include "chunk/encoding.h"
#include "chunk/histogram_layout.h"
#include "chunk/xor_field.h"
#include "model/histogram.h"
#include "model/sample.h"

namespace tributary::chunk {

// AnyHistogram is model::Histogram or model::FloatHistogram; both are instantiated. Histograms
// handed in must satisfy model::Validate() or be stale.
template <class AnyHistogram>
class HistogramAppender {
 public:
  static constexpr size_t kMaxSamples = 0xffff;

  // The header of a chunk that begins with `h` and follows nothing.
  static CounterResetHeader HeaderFor(const AnyHistogram& h);

  // Begins a chunk with one sample; what was in it before is forgotten.
  void Start(model::Timestamp t, const AnyHistogram& h, CounterResetHeader header);
  // Appends. False, with nothing changed, when `h` does not fit this chunk: Start() another.
  // REQUIRES: Start() was called.
  bool Append(model::Timestamp t, const AnyHistogram& h);
  // The header of a chunk that begins with `h` and follows this one.
  CounterResetHeader HeaderAfter(const AnyHistogram& h) const;

  // Takes over a chunk that was written before, to append to it.
  base::Status Resume(std::span<const uint8_t> chunk);

  size_t num_samples() const { return num_samples_; }
  // The chunk as it stands. Until the next change.
  std::span<const uint8_t> bytes() const { return out_.bytes(); }

 private:
  static constexpr bool kFloat = std::is_same_v<AnyHistogram, model::FloatHistogram>;
  using Bucket = std::conditional_t<kFloat, double, int64_t>;
  // What the next sample of one number is encoded against.
  struct Number {
    int64_t value = 0;
    int64_t delta = 0;
  };
  using Field = std::conditional_t<kFloat, XorField, Number>;

  enum class Fit : unsigned char { kFits, kReset, kOther };
  Fit FitOf(const AnyHistogram& h) const;

  void WriteFirst(model::Timestamp t, const AnyHistogram& h);
  void WriteNext(model::Timestamp t, const AnyHistogram& h);
  // Writes the whole chunk again for these spans, which cover all its buckets.
  void Recode(std::vector<model::BucketSpan> positive, std::vector<model::BucketSpan> negative);
  void SetHeader(CounterResetHeader header);

  BitWriter out_;
  CounterResetHeader header_ = CounterResetHeader::kUnknown;
  size_t num_samples_ = 0;
  HistogramLayout layout_;
  AnyHistogram last_;  // in the chunk's layout, or just a stale sum
  model::Timestamp t_ = 0;
  int64_t t_delta_ = 0;
  XorField sum_;
  Field count_, zero_count_;
  std::vector<Field> positive_, negative_;
};

using IntHistogramAppender = HistogramAppender<model::Histogram>;
using FloatHistogramAppender = HistogramAppender<model::FloatHistogram>;

extern template class HistogramAppender<model::Histogram>;
extern template class HistogramAppender<model::FloatHistogram>;

}  // namespace tributary::chunk

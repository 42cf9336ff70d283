#include "chunk/histogram_layout.h"

#include <bit>
#include <cmath>

#include "chunk/varbit.h"
#include "model/histogram_bounds.h"

namespace tributary::chunk {

namespace {

using base::Corruption;
using base::Status;
using model::BucketSpan;

// Zero thresholds that are powers of two from 2^-243 to 2^10 take one byte: the exponent plus 243.
// 0 is 0; 255 announces any other, in full.
constexpr int kExponentBias = 243;
constexpr uint8_t kZeroThresholdInFull = 255;

void PutZeroThreshold(BitWriter* out, double threshold) {
  if (threshold == 0) {
    out->Put(0, 8);
    return;
  }
  int exponent = 0;
  const double fraction = std::frexp(threshold, &exponent);
  if (fraction == 0.5 && exponent >= -242 && exponent <= 11) {
    out->Put(static_cast<uint64_t>(exponent + kExponentBias), 8);
    return;
  }
  out->Put(kZeroThresholdInFull, 8);
  out->Put(std::bit_cast<uint64_t>(threshold), 64);
}

double ReadZeroThreshold(BitReader* in) {
  const auto byte = static_cast<uint8_t>(in->Read(8));
  if (byte == 0) return 0;
  if (byte == kZeroThresholdInFull) return std::bit_cast<double>(in->Read(64));
  return std::ldexp(0.5, byte - kExponentBias);
}

void PutSpans(BitWriter* out, const std::vector<BucketSpan>& spans) {
  PutVarbitUint(out, spans.size());
  for (const BucketSpan& span : spans) {
    PutVarbitUint(out, span.length);
    PutVarbitInt(out, span.offset);
  }
}

Status ReadSpans(BitReader* in, size_t max_buckets, std::vector<BucketSpan>* spans) {
  const uint64_t count = ReadVarbitUint(in);
  uint64_t buckets = 0;
  spans->clear();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t length = ReadVarbitUint(in);
    const auto offset = static_cast<int32_t>(ReadVarbitInt(in));
    if (in->Overrun()) return Corruption("histogram chunk: ends within its spans");
    if (i > 0 && offset < 0) return Corruption("histogram chunk: a span has a negative offset");
    if (length > max_buckets || (buckets += length) > max_buckets) {
      return Corruption("histogram chunk: more buckets than the chunk can hold");
    }
    spans->push_back({offset, static_cast<uint32_t>(length)});
  }
  return base::OkStatus();
}

// Custom bounds that are multiples of 0.001 up to 33554.43 are stored as thousandths plus one;
// 0 announces any other, in full.
constexpr double kMaxThousandths = 33554430;

void PutCustomBound(BitWriter* out, double bound) {
  const double thousandths = bound * 1000;
  const double whole = std::round(thousandths);
  if (thousandths >= 0 && thousandths <= kMaxThousandths && whole / 1000 == bound) {
    PutVarbitUint(out, static_cast<uint64_t>(whole) + 1);
    return;
  }
  out->Put(0, 1);
  out->Put(std::bit_cast<uint64_t>(bound), 64);
}

double ReadCustomBound(BitReader* in) {
  const uint64_t thousandths = ReadVarbitUint(in);
  if (thousandths == 0) return std::bit_cast<double>(in->Read(64));
  return static_cast<double>(thousandths - 1) / 1000;
}

}  // namespace

void PutHistogramLayout(BitWriter* out, const HistogramLayout& layout) {
  PutZeroThreshold(out, layout.zero_threshold);
  PutVarbitInt(out, layout.schema);
  PutSpans(out, layout.positive_spans);
  PutSpans(out, layout.negative_spans);
  if (!model::IsCustomBucketsSchema(layout.schema)) return;
  PutVarbitUint(out, layout.custom_values.size());
  for (const double bound : layout.custom_values) PutCustomBound(out, bound);
}

Status ReadHistogramLayout(BitReader* in, size_t max_buckets, HistogramLayout* layout) {
  layout->zero_threshold = ReadZeroThreshold(in);
  const int64_t schema = ReadVarbitInt(in);
  if (schema < INT32_MIN || schema > INT32_MAX ||
      !model::IsKnownSchema(static_cast<int32_t>(schema))) {
    return Corruption("histogram chunk: unknown schema " + std::to_string(schema));
  }
  layout->schema = static_cast<int32_t>(schema);
  RETURN_IF_ERROR(ReadSpans(in, max_buckets, &layout->positive_spans));
  RETURN_IF_ERROR(ReadSpans(in, max_buckets, &layout->negative_spans));
  layout->custom_values.clear();
  if (!model::IsCustomBucketsSchema(layout->schema)) return base::OkStatus();
  const uint64_t bounds = ReadVarbitUint(in);
  for (uint64_t i = 0; i < bounds; ++i) {
    layout->custom_values.push_back(ReadCustomBound(in));
    if (in->Overrun()) return Corruption("histogram chunk: ends within its custom bounds");
  }
  return base::OkStatus();
}

size_t CountBuckets(const std::vector<BucketSpan>& spans) {
  size_t count = 0;
  for (const BucketSpan& span : spans) count += span.length;
  return count;
}

}  // namespace tributary::chunk

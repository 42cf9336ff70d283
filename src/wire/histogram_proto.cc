#include "wire/histogram_proto.h"

#include <vector>

#include "wire/histogram_fields.h"
#include "wire/protobuf.h"

namespace tributary::wire {
namespace {

enum Field : uint32_t {
  kCountInt = 1,
  kCountFloat = 2,
  kSum = 3,
  kSchema = 4,
  kZeroThreshold = 5,
  kZeroCountInt = 6,
  kZeroCountFloat = 7,
  kNegativeSpans = 8,
  kNegativeDeltas = 9,
  kNegativeCounts = 10,
  kPositiveSpans = 11,
  kPositiveDeltas = 12,
  kPositiveCounts = 13,
  kResetHint = 14,
  kTimestamp = 15,
  kCustomValues = 16,
  kStartTimestamp = 17,
};
constexpr uint64_t kKnownFields = ((uint64_t{1} << 18) - 1) & ~uint64_t{1};

constexpr uint32_t Varint(uint32_t field) { return ProtoTag(field, WireType::kVarint); }
constexpr uint32_t Fixed(uint32_t field) { return ProtoTag(field, WireType::kFixed64); }
constexpr uint32_t Bytes(uint32_t field) { return ProtoTag(field, WireType::kBytes); }

void PutSpans(const std::vector<model::BucketSpan>& spans, uint32_t field, std::string* out) {
  for (const model::BucketSpan& span : spans) {
    char buffer[32];
    char* p = buffer;
    if (span.offset != 0) {
      *p++ = static_cast<char>(Varint(1));
      p = WriteVarint(p, ZigZagEncode(span.offset));
    }
    if (span.length != 0) {
      *p++ = static_cast<char>(Varint(2));
      p = WriteVarint(p, span.length);
    }
    PutBytes(out, field, {buffer, static_cast<size_t>(p - buffer)});
  }
}

void PutBuckets(const std::vector<int64_t>& deltas, uint32_t field, std::string* out) {
  if (deltas.empty()) return;
  size_t size = 0;
  for (const int64_t delta : deltas) size += VarintSize(ZigZagEncode(delta));
  PutRawVarint(out, Bytes(field));
  PutRawVarint(out, size);
  for (const int64_t delta : deltas) PutRawVarint(out, ZigZagEncode(delta));
}

void PutBuckets(const std::vector<double>& values, uint32_t field, std::string* out) {
  if (values.empty()) return;
  PutBytes(out, field,
           {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
}

// What both flavours write between the counts and the end.
template <class H>
void EncodeRest(const H& h, HistogramTimes times, uint32_t negative, uint32_t positive,
                std::string* out) {
  PutSpans(h.negative_spans, kNegativeSpans, out);
  PutBuckets(h.negative_buckets, negative, out);
  PutSpans(h.positive_spans, kPositiveSpans, out);
  PutBuckets(h.positive_buckets, positive, out);
  if (h.reset_hint != model::CounterResetHint::kUnknown) {
    PutVarint(out, kResetHint, static_cast<uint64_t>(h.reset_hint));
  }
  if (times.t != 0) PutVarint(out, kTimestamp, static_cast<uint64_t>(times.t));
  PutBuckets(h.custom_values, kCustomValues, out);
  if (times.start != 0) PutVarint(out, kStartTimestamp, static_cast<uint64_t>(times.start));
}

template <class H>
void EncodeScale(const H& h, std::string* out) {
  if (std::bit_cast<uint64_t>(h.sum) != 0) PutDouble(out, kSum, h.sum);
  if (h.schema != 0) PutVarint(out, kSchema, ZigZagEncode(h.schema));
  if (h.zero_threshold != 0) PutDouble(out, kZeroThreshold, h.zero_threshold);
}

}  // namespace

base::Result<bool> DecodeHistogramProto(std::string_view encoded, HistogramTimes* times,
                                        model::Histogram* h, model::FloatHistogram* fh) {
  *times = {};
  *h = {};
  *fh = {};
  bool is_float = false;  // of the two counts the one read last decides, as protobuf's oneof
  uint64_t hint = 0;
  ProtoReader r(encoded);
  while (r.Next()) {
    switch (r.tag()) {
      case Varint(kCountInt):
        h->count = r.Varint();
        is_float = false;
        break;
      case Fixed(kCountFloat):
        fh->count = r.Double();
        is_float = true;
        break;
      case Fixed(kSum):
        h->sum = r.Double();
        break;
      case Varint(kSchema):
        h->schema = static_cast<int32_t>(r.ZigZag());
        break;
      case Fixed(kZeroThreshold):
        h->zero_threshold = r.Double();
        break;
      case Varint(kZeroCountInt):
        h->zero_count = r.Varint();
        fh->zero_count = 0;
        break;
      case Fixed(kZeroCountFloat):
        fh->zero_count = r.Double();
        h->zero_count = 0;
        break;
      case Bytes(kNegativeSpans):
        ReadSpan(r, &h->negative_spans);
        break;
      case Bytes(kNegativeDeltas):
        ReadPackedDeltas(r, &h->negative_buckets);
        break;
      case Varint(kNegativeDeltas):
        h->negative_buckets.push_back(r.ZigZag());
        break;
      case Bytes(kNegativeCounts):
        ReadPackedDoubles(r, &fh->negative_buckets);
        break;
      case Fixed(kNegativeCounts):
        fh->negative_buckets.push_back(r.Double());
        break;
      case Bytes(kPositiveSpans):
        ReadSpan(r, &h->positive_spans);
        break;
      case Bytes(kPositiveDeltas):
        ReadPackedDeltas(r, &h->positive_buckets);
        break;
      case Varint(kPositiveDeltas):
        h->positive_buckets.push_back(r.ZigZag());
        break;
      case Bytes(kPositiveCounts):
        ReadPackedDoubles(r, &fh->positive_buckets);
        break;
      case Fixed(kPositiveCounts):
        fh->positive_buckets.push_back(r.Double());
        break;
      case Varint(kResetHint):
        hint = r.Varint();
        break;
      case Varint(kTimestamp):
        times->t = static_cast<int64_t>(r.Varint());
        break;
      case Bytes(kCustomValues):
        ReadPackedDoubles(r, &h->custom_values);
        break;
      case Fixed(kCustomValues):
        h->custom_values.push_back(r.Double());
        break;
      case Varint(kStartTimestamp):
        times->start = static_cast<int64_t>(r.Varint());
        break;
      default:
        r.Skip(kKnownFields);
    }
  }
  if (!r.ok()) return r.status().error().Context("histogram");
  h->reset_hint =
      hint <= 3 ? static_cast<model::CounterResetHint>(hint) : model::CounterResetHint::kUnknown;
  if (!is_float) return true;
  fh->reset_hint = h->reset_hint;
  fh->schema = h->schema;
  fh->zero_threshold = h->zero_threshold;
  fh->sum = h->sum;
  fh->positive_spans = std::move(h->positive_spans);
  fh->negative_spans = std::move(h->negative_spans);
  fh->custom_values = std::move(h->custom_values);
  return false;
}

// A oneof is written even when it is zero: it says which flavour this is.
void EncodeHistogramProto(const model::Histogram& h, HistogramTimes times, std::string* out) {
  PutVarint(out, kCountInt, h.count);
  EncodeScale(h, out);
  PutVarint(out, kZeroCountInt, h.zero_count);
  EncodeRest(h, times, kNegativeDeltas, kPositiveDeltas, out);
}

void EncodeHistogramProto(const model::FloatHistogram& h, HistogramTimes times, std::string* out) {
  PutDouble(out, kCountFloat, h.count);
  EncodeScale(h, out);
  PutDouble(out, kZeroCountFloat, h.zero_count);
  EncodeRest(h, times, kNegativeCounts, kPositiveCounts, out);
}

}  // namespace tributary::wire

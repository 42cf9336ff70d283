// Histogram records: types 7 to 10, and 12 and 13 where a start timestamp is known.
#include <algorithm>
#include <utility>

#include "model/histogram.h"
#include "tsdb/wal/bytes.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/start_timestamp.h"

namespace tributary::tsdb {
namespace {

base::Error Malformed() { return base::Corruption("malformed histogram record"); }

bool IsKnownSchema(int64_t schema) {
  return schema == model::kCustomBucketsSchema ||
         (schema >= model::kMinExponentialSchema && schema <= model::kMaxExponentialSchema);
}

bool IsCustom(const storage::RefHistogram& h) {
  return (h.is_float ? h.float_histogram.schema : h.histogram.schema) ==
         model::kCustomBucketsSchema;
}

void EncodeSpans(const std::vector<model::BucketSpan>& spans, ByteWriter* w) {
  w->Uvarint(spans.size());
  for (const model::BucketSpan& s : spans) {
    w->Varint(s.offset);
    w->Uvarint(s.length);
  }
}

void EncodeOne(const model::Histogram& h, ByteWriter* w) {
  w->Byte(static_cast<uint8_t>(h.reset_hint));
  w->Varint(h.schema);
  w->Double(h.zero_threshold);
  w->Uvarint(h.zero_count);
  w->Uvarint(h.count);
  w->Double(h.sum);
  EncodeSpans(h.positive_spans, w);
  EncodeSpans(h.negative_spans, w);
  w->Uvarint(h.positive_buckets.size());
  for (const int64_t b : h.positive_buckets) w->Varint(b);
  w->Uvarint(h.negative_buckets.size());
  for (const int64_t b : h.negative_buckets) w->Varint(b);
  if (h.schema == model::kCustomBucketsSchema) {
    w->Uvarint(h.custom_values.size());
    for (const double v : h.custom_values) w->Double(v);
  }
}

void EncodeOne(const model::FloatHistogram& h, ByteWriter* w) {
  w->Byte(static_cast<uint8_t>(h.reset_hint));
  w->Varint(h.schema);
  w->Double(h.zero_threshold);
  w->Double(h.zero_count);
  w->Double(h.count);
  w->Double(h.sum);
  EncodeSpans(h.positive_spans, w);
  EncodeSpans(h.negative_spans, w);
  w->Uvarint(h.positive_buckets.size());
  for (const double b : h.positive_buckets) w->Double(b);
  w->Uvarint(h.negative_buckets.size());
  for (const double b : h.negative_buckets) w->Double(b);
  if (h.schema == model::kCustomBucketsSchema) {
    w->Uvarint(h.custom_values.size());
    for (const double v : h.custom_values) w->Double(v);
  }
}

void EncodeOne(const storage::RefHistogram& h, ByteWriter* w) {
  h.is_float ? EncodeOne(h.float_histogram, w) : EncodeOne(h.histogram, w);
}

void DecodeSpans(ByteReader* r, std::vector<model::BucketSpan>* out) {
  const uint64_t n = r->Count(2);
  out->resize(n);
  for (model::BucketSpan& s : *out) {
    s.offset = static_cast<int32_t>(r->Varint());
    s.length = static_cast<uint32_t>(r->Uvarint());
  }
}

void DecodeDoubles(ByteReader* r, std::vector<double>* out) {
  const uint64_t n = r->Count(8);
  out->resize(n);
  for (double& v : *out) v = r->Double();
}

void DecodeInts(ByteReader* r, std::vector<int64_t>* out) {
  const uint64_t n = r->Count(1);
  out->resize(n);
  for (int64_t& v : *out) v = r->Varint();
}

// The schema goes to `schema` in full width: a wild one must not look known once cut to 32 bits.
void DecodeOne(ByteReader* r, model::Histogram* h, int64_t* schema) {
  h->reset_hint = static_cast<model::CounterResetHint>(r->Byte() & 3);
  *schema = r->Varint();
  h->schema = static_cast<int32_t>(*schema);
  h->zero_threshold = r->Double();
  h->zero_count = r->Uvarint();
  h->count = r->Uvarint();
  h->sum = r->Double();
  DecodeSpans(r, &h->positive_spans);
  DecodeSpans(r, &h->negative_spans);
  DecodeInts(r, &h->positive_buckets);
  DecodeInts(r, &h->negative_buckets);
  if (h->schema == model::kCustomBucketsSchema) DecodeDoubles(r, &h->custom_values);
}

void DecodeOne(ByteReader* r, model::FloatHistogram* h, int64_t* schema) {
  h->reset_hint = static_cast<model::CounterResetHint>(r->Byte() & 3);
  *schema = r->Varint();
  h->schema = static_cast<int32_t>(*schema);
  h->zero_threshold = r->Double();
  h->zero_count = r->Double();
  h->count = r->Double();
  h->sum = r->Double();
  DecodeSpans(r, &h->positive_spans);
  DecodeSpans(r, &h->negative_spans);
  DecodeDoubles(r, &h->positive_buckets);
  DecodeDoubles(r, &h->negative_buckets);
  if (h->schema == model::kCustomBucketsSchema) DecodeDoubles(r, &h->custom_values);
}

void EncodeGroup(std::span<const storage::RefHistogram> histograms, bool is_float, bool custom,
                 RecordType type, RecordBatch* batch) {
  const storage::RefHistogram* first = nullptr;
  ByteWriter w(batch->buffer());
  for (const storage::RefHistogram& h : histograms) {
    if (h.is_float != is_float || IsCustom(h) != custom) continue;
    if (first == nullptr) {
      first = &h;
      w.Byte(static_cast<uint8_t>(type));
      w.Be64(h.ref.value());
      w.Be64(static_cast<uint64_t>(h.t));
    }
    w.Varint(static_cast<int64_t>(h.ref.value() - first->ref.value()));
    w.Varint(static_cast<int64_t>(static_cast<uint64_t>(h.t) - static_cast<uint64_t>(first->t)));
    EncodeOne(h, &w);
  }
  batch->EndRecord();
}

void EncodeGroupV2(std::span<const storage::RefHistogram> histograms, bool is_float,
                   RecordType type, RecordBatch* batch) {
  const storage::RefHistogram* first = nullptr;
  const storage::RefHistogram* previous = nullptr;
  StartWriter start;
  ByteWriter w(batch->buffer());
  for (const storage::RefHistogram& h : histograms) {
    if (h.is_float != is_float) continue;
    if (first == nullptr) {
      first = &h;
      w.Byte(static_cast<uint8_t>(type));
      w.Varint(static_cast<int64_t>(h.ref.value()));
      w.Varint(h.t);
      start.WriteFirst(h.start, &w);
    } else {
      w.Varint(static_cast<int64_t>(h.ref.value() - previous->ref.value()));
      w.Varint(static_cast<int64_t>(static_cast<uint64_t>(h.t) - static_cast<uint64_t>(first->t)));
      start.WriteNext(h.start, &w);
    }
    previous = &h;
    EncodeOne(h, &w);
  }
  batch->EndRecord();
}

}  // namespace

void RecordBatch::AddHistograms(std::span<const storage::RefHistogram> histograms) {
  if (histograms.empty()) return;
  if (std::ranges::any_of(histograms, [](const auto& h) { return h.start != 0; })) {
    EncodeGroupV2(histograms, false, RecordType::kHistogramsV2, this);
    EncodeGroupV2(histograms, true, RecordType::kFloatHistogramsV2, this);
    return;
  }
  EncodeGroup(histograms, false, false, RecordType::kHistograms, this);
  EncodeGroup(histograms, false, true, RecordType::kCustomHistograms, this);
  EncodeGroup(histograms, true, false, RecordType::kFloatHistograms, this);
  EncodeGroup(histograms, true, true, RecordType::kCustomFloatHistograms, this);
}

base::Status DecodeHistograms(base::Bytes record, std::vector<storage::RefHistogram>* out) {
  ByteReader r(record);
  const auto type = static_cast<RecordType>(r.Byte());
  bool is_float = false;
  bool v2 = false;
  switch (type) {
    case RecordType::kHistograms:
    case RecordType::kCustomHistograms:
      break;
    case RecordType::kFloatHistograms:
    case RecordType::kCustomFloatHistograms:
      is_float = true;
      break;
    case RecordType::kHistogramsV2:
      v2 = true;
      break;
    case RecordType::kFloatHistogramsV2:
      is_float = v2 = true;
      break;
    default:
      return Malformed();
  }
  if (r.done()) return {};
  uint64_t base_ref = 0;
  uint64_t base_t = 0;
  if (!v2) {
    base_ref = r.Be64();
    base_t = r.Be64();
  }
  StartReader start;
  bool first = true;
  while (!r.done()) {
    storage::RefHistogram h;
    h.is_float = is_float;
    uint64_t t;
    if (v2 && first) {
      base_ref = static_cast<uint64_t>(r.Varint());
      t = base_t = static_cast<uint64_t>(r.Varint());
      start.ReadFirst(&r);
      h.ref = model::SeriesRef(base_ref);
    } else {
      const uint64_t ref = base_ref + static_cast<uint64_t>(r.Varint());
      t = base_t + static_cast<uint64_t>(r.Varint());
      h.ref = model::SeriesRef(ref);
      if (v2) {
        base_ref = ref;  // V2 refs build on the one before
        start.ReadNext(&r);
      }
    }
    first = false;
    h.t = static_cast<int64_t>(t);
    h.start = start.value();
    int64_t schema = 0;
    if (is_float) {
      DecodeOne(&r, &h.float_histogram, &schema);
    } else {
      DecodeOne(&r, &h.histogram, &schema);
    }
    if (!r.ok()) return Malformed();
    if (IsKnownSchema(schema)) out->push_back(std::move(h));
  }
  if (!r.ok()) return Malformed();
  return {};
}

}  // namespace tributary::tsdb

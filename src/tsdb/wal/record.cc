#include "tsdb/wal/record.h"

#include <bit>
#include <utility>

#include "tsdb/wal/bytes.h"
#include "tsdb/wal/start_timestamp.h"

namespace tributary::tsdb {
namespace {

constexpr std::string_view kUnitField = "UNIT";
constexpr std::string_view kHelpField = "HELP";

base::Error Malformed(std::string_view what) {
  return base::Corruption("malformed " + std::string(what) + " record");
}

uint64_t Delta(model::SeriesRef ref, model::SeriesRef base) { return ref.value() - base.value(); }

int64_t Plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t Minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

void EncodeLabels(model::LabelSpan labels, ByteWriter* w) {
  w->Uvarint(labels.size());
  for (const model::Label& label : labels) {
    w->String(label.name);
    w->String(label.value);
  }
}

bool DecodeLabels(ByteReader* r, std::vector<model::Label>* out) {
  out->clear();
  const uint64_t n = r->Count(2);
  out->reserve(n);
  for (uint64_t i = 0; i < n; ++i) {
    const std::string_view name = r->String();
    const std::string_view value = r->String();
    out->push_back({name, value});
  }
  return r->ok();
}

base::Status DecodeSamplesV2(ByteReader* r, std::vector<storage::RefSample>* out,
                             storage::Starts* starts) {
  int64_t ref = 0;
  int64_t first_t = 0;
  StartReader start;
  bool first = true;
  while (!r->done()) {
    int64_t t;
    if (first) {
      ref = r->Varint();
      t = first_t = r->Varint();
      start.ReadFirst(r);
      first = false;
    } else {
      ref = Plus(ref, r->Varint());
      t = Plus(first_t, r->Varint());
      start.ReadNext(r);
    }
    const double v = r->Double();
    if (!r->ok()) return Malformed("sample");
    if (starts != nullptr) starts->Set(out->size(), start.value());
    out->push_back({model::SeriesRef(static_cast<uint64_t>(ref)), t, v});
  }
  if (!r->ok()) return Malformed("sample");
  return {};
}

}  // namespace

RecordType TypeOfRecord(base::Bytes record) {
  if (record.empty() || record[0] < 1 || record[0] > 13) return RecordType::kUnknown;
  return static_cast<RecordType>(record[0]);
}

void RecordBatch::AddSamples(std::span<const storage::RefSample> samples,
                             const storage::Starts& starts) {
  if (samples.empty()) return;
  if (starts.empty()) {
    EncodeSamples(samples, &bytes_);
  } else {
    EncodeSamples(samples, starts, &bytes_);
  }
  EndRecord();
}

void RecordBatch::AddExemplars(std::span<const storage::RefExemplar> exemplars) {
  if (exemplars.empty()) return;
  EncodeExemplars(exemplars, &bytes_);
  EndRecord();
}

void RecordBatch::AddMetadata(std::span<const RefMetadata> metadata) {
  if (metadata.empty()) return;
  EncodeMetadata(metadata, &bytes_);
  EndRecord();
}

void RecordBatch::AddTombstones(std::span<const RefTombstone> tombstones) {
  if (tombstones.empty()) return;
  EncodeTombstones(tombstones, &bytes_);
  EndRecord();
}

void BeginSeriesRecord(std::string* out) { out->push_back(static_cast<char>(RecordType::kSeries)); }

void AppendSeriesEntry(model::SeriesRef ref, model::LabelSpan labels, std::string* out) {
  ByteWriter w(out);
  w.Be64(ref.value());
  EncodeLabels(labels, &w);
}

void EncodeSamples(std::span<const storage::RefSample> samples, std::string* out) {
  out->push_back(static_cast<char>(RecordType::kSamples));
  if (samples.empty()) return;
  const storage::RefSample& first = samples.front();
  const size_t begin = out->size();
  out->resize(begin + 16 + samples.size() * (2 * kMaxVarintBytes + 8));
  char* p = out->data() + begin;
  p = WriteBe64(p, first.ref.value());
  p = WriteBe64(p, static_cast<uint64_t>(first.t));
  for (const storage::RefSample& s : samples) {
    p = WriteVarint(p, static_cast<int64_t>(Delta(s.ref, first.ref)));
    p = WriteVarint(p, Minus(s.t, first.t));
    p = WriteBe64(p, std::bit_cast<uint64_t>(s.v));
  }
  out->resize(static_cast<size_t>(p - out->data()));
}

void EncodeSamples(std::span<const storage::RefSample> samples, const storage::Starts& starts,
                   std::string* out) {
  ByteWriter w(out);
  w.Byte(static_cast<uint8_t>(RecordType::kSamplesV2));
  StartWriter start;
  for (size_t i = 0; i < samples.size(); ++i) {
    const storage::RefSample& s = samples[i];
    if (i == 0) {
      w.Varint(static_cast<int64_t>(s.ref.value()));
      w.Varint(s.t);
      start.WriteFirst(starts[i], &w);
    } else {
      w.Varint(static_cast<int64_t>(Delta(s.ref, samples[i - 1].ref)));
      w.Varint(Minus(s.t, samples.front().t));
      start.WriteNext(starts[i], &w);
    }
    w.Be64(std::bit_cast<uint64_t>(s.v));
  }
}

void EncodeTombstones(std::span<const RefTombstone> tombstones, std::string* out) {
  ByteWriter w(out);
  w.Byte(static_cast<uint8_t>(RecordType::kTombstones));
  for (const RefTombstone& t : tombstones) {
    w.Be64(t.ref.value());
    w.Varint(t.min_time);
    w.Varint(t.max_time);
  }
}

void EncodeExemplars(std::span<const storage::RefExemplar> exemplars, std::string* out) {
  ByteWriter w(out);
  w.Byte(static_cast<uint8_t>(RecordType::kExemplars));
  if (exemplars.empty()) return;
  const storage::RefExemplar& first = exemplars.front();
  w.Be64(first.ref.value());
  w.Be64(static_cast<uint64_t>(first.exemplar.t));
  std::vector<model::Label> labels;
  for (const storage::RefExemplar& e : exemplars) {
    w.Varint(static_cast<int64_t>(Delta(e.ref, first.ref)));
    w.Varint(Minus(e.exemplar.t, first.exemplar.t));
    w.Double(e.exemplar.value);
    labels.clear();
    e.exemplar.labels.ToSpan(&labels);
    EncodeLabels(labels, &w);
  }
}

void EncodeMmapMarkers(std::span<const RefMmapMarker> markers, std::string* out) {
  ByteWriter w(out);
  w.Byte(static_cast<uint8_t>(RecordType::kMmapMarkers));
  for (const RefMmapMarker& m : markers) {
    w.Be64(m.ref.value());
    w.Be64(m.chunk_ref);
  }
}

void EncodeMetadata(std::span<const RefMetadata> metadata, std::string* out) {
  ByteWriter w(out);
  w.Byte(static_cast<uint8_t>(RecordType::kMetadata));
  for (const RefMetadata& m : metadata) {
    w.Uvarint(m.ref.value());
    w.Byte(static_cast<uint8_t>(m.metadata.type));
    w.Uvarint(2);
    w.String(kUnitField);
    w.String(m.metadata.unit);
    w.String(kHelpField);
    w.String(m.metadata.help);
  }
}

base::Status DecodeSeries(base::Bytes record, const SeriesVisitor& visit) {
  ByteReader r(record);
  if (r.Byte() != static_cast<uint8_t>(RecordType::kSeries)) return Malformed("series");
  std::vector<model::Label> labels;
  while (!r.done()) {
    const model::SeriesRef ref(r.Be64());
    if (!DecodeLabels(&r, &labels)) return Malformed("series");
    visit(ref, labels);
  }
  if (!r.ok()) return Malformed("series");
  return {};
}

base::Status DecodeSamples(base::Bytes record, std::vector<storage::RefSample>* out,
                           storage::Starts* starts) {
  ByteReader r(record);
  const auto type = static_cast<RecordType>(r.Byte());
  if (type == RecordType::kSamplesV2) return DecodeSamplesV2(&r, out, starts);
  if (type != RecordType::kSamples) return Malformed("sample");
  if (r.done()) return {};
  const uint64_t base_ref = r.Be64();
  const auto base_t = static_cast<int64_t>(r.Be64());
  // A sample takes at least ten bytes, so this is bounded by the record.
  const size_t begin = out->size();
  out->resize(begin + r.remaining() / 10 + 1);
  storage::RefSample* next = out->data() + begin;
  while (!r.done()) {
    const uint64_t ref = base_ref + static_cast<uint64_t>(r.Varint());
    const int64_t t = Plus(base_t, r.Varint());
    const double v = r.Double();
    if (!r.ok()) break;
    *next++ = {model::SeriesRef(ref), t, v};
  }
  out->resize(static_cast<size_t>(next - out->data()));
  if (!r.ok()) return Malformed("sample");
  return {};
}

base::Status DecodeTombstones(base::Bytes record, std::vector<RefTombstone>* out) {
  ByteReader r(record);
  if (r.Byte() != static_cast<uint8_t>(RecordType::kTombstones)) return Malformed("tombstone");
  while (!r.done()) {
    RefTombstone t;
    t.ref = model::SeriesRef(r.Be64());
    t.min_time = r.Varint();
    t.max_time = r.Varint();
    if (!r.ok()) return Malformed("tombstone");
    out->push_back(t);
  }
  return {};
}

base::Status DecodeExemplars(base::Bytes record, std::vector<storage::RefExemplar>* out) {
  ByteReader r(record);
  if (r.Byte() != static_cast<uint8_t>(RecordType::kExemplars)) return Malformed("exemplar");
  if (r.done()) return {};
  const uint64_t base_ref = r.Be64();
  const auto base_t = static_cast<int64_t>(r.Be64());
  std::vector<model::Label> labels;
  while (!r.done()) {
    storage::RefExemplar e;
    e.ref = model::SeriesRef(base_ref + static_cast<uint64_t>(r.Varint()));
    e.exemplar.t = Plus(base_t, r.Varint());
    e.exemplar.has_timestamp = true;
    e.exemplar.value = r.Double();
    if (!DecodeLabels(&r, &labels)) return Malformed("exemplar");
    // Through pairs: a foreign log's label order is not to be trusted.
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const model::Label& l : labels) pairs.emplace_back(l.name, l.value);
    e.exemplar.labels = model::Labels::FromPairs(std::move(pairs));
    out->push_back(std::move(e));
  }
  if (!r.ok()) return Malformed("exemplar");
  return {};
}

base::Status DecodeMmapMarkers(base::Bytes record, std::vector<RefMmapMarker>* out) {
  ByteReader r(record);
  if (r.Byte() != static_cast<uint8_t>(RecordType::kMmapMarkers)) return Malformed("mmap marker");
  while (!r.done()) {
    RefMmapMarker m;
    m.ref = model::SeriesRef(r.Be64());
    m.chunk_ref = r.Be64();
    if (!r.ok()) return Malformed("mmap marker");
    out->push_back(m);
  }
  return {};
}

base::Status DecodeMetadata(base::Bytes record, std::vector<RefMetadata>* out) {
  ByteReader r(record);
  if (r.Byte() != static_cast<uint8_t>(RecordType::kMetadata)) return Malformed("metadata");
  while (!r.done()) {
    RefMetadata m;
    m.ref = model::SeriesRef(r.Uvarint());
    const uint8_t type = r.Byte();
    m.metadata.type = type <= static_cast<uint8_t>(model::MetricType::kStateset)
                          ? static_cast<model::MetricType>(type)
                          : model::MetricType::kUnknown;
    const uint64_t fields = r.Count(2);
    for (uint64_t i = 0; i < fields; ++i) {
      const std::string_view name = r.String();
      const std::string_view value = r.String();
      if (name == kUnitField) m.metadata.unit = value;
      if (name == kHelpField) m.metadata.help = value;
    }
    if (!r.ok()) return Malformed("metadata");
    out->push_back(std::move(m));
  }
  return {};
}

}  // namespace tributary::tsdb

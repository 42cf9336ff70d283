#include "wire/remote_write_v1.h"

#include <algorithm>

#include "wire/histogram_proto.h"
#include "wire/protobuf.h"

namespace tributary::wire {
namespace {

constexpr uint32_t kLabelTag = ProtoTag(1, WireType::kBytes);
constexpr uint32_t kSampleTag = ProtoTag(2, WireType::kBytes);
constexpr uint32_t kExemplarTag = ProtoTag(3, WireType::kBytes);
constexpr uint32_t kHistogramTag = ProtoTag(4, WireType::kBytes);

constexpr uint32_t kValueTag = ProtoTag(1, WireType::kFixed64);
constexpr uint32_t kTimeTag = ProtoTag(2, WireType::kVarint);

// Returns the first byte after the run of label fields at `p`; null when one of them does not fit.
// The labels' insides are not looked at: SplitLabelsV1 does that once for each new run.
const char* PassLabels(const char* p, const char* end) {
  while (p < end && *p == static_cast<char>(kLabelTag)) {
    if (end - p < 2) return nullptr;
    uint64_t size = static_cast<uint8_t>(p[1]);
    p += 2;
    if (size >= 0x80) [[unlikely]] {
      p = ReadVarintSlow(p - 1, end, &size);
      if (p == nullptr) return nullptr;
    }
    if (size > static_cast<uint64_t>(end - p)) return nullptr;
    p += size;
  }
  return p;
}

class SeriesWalker {
 public:
  explicit SeriesWalker(const char* origin) : origin_(origin) {}

  base::Status Walk(std::string_view message, WriteVisitorV1* visitor) {
    samples_.clear();
    histograms_.clear();
    exemplars_.clear();
    const char* begin = message.data();
    const char* end = begin + message.size();
    const char* p = PassLabels(begin, end);
    WriteSeriesV1 series;
    if (p == nullptr) {
      return ReadRest(message, message, &series);  // goes over the labels again to say where
    }
    series.raw_labels = {begin, static_cast<size_t>(p - begin)};
    if (!PassUsualSample(p, end)) {
      RETURN_IF_ERROR(ReadRest({p, static_cast<size_t>(end - p)}, message, &series));
    }
    series.samples = samples_;
    series.histograms = histograms_;
    series.exemplars = exemplars_;
    visitor->OnSeries(series);
    return base::OkStatus();
  }

 private:
  // One sample with value and time and nothing after it: what Prometheus sends.
  bool PassUsualSample(const char* p, const char* end) {
    if (end - p < 13 || p[0] != static_cast<char>(kSampleTag) || p[1] != end - p - 2 ||
        p[2] != static_cast<char>(kValueTag) || p[11] != static_cast<char>(kTimeTag)) {
      return false;
    }
    uint64_t t = 0;
    if (ReadVarint(p + 12, end, &t) != end) return false;
    samples_.push_back({static_cast<int64_t>(t), LoadDouble(p + 3)});
    return true;
  }

  base::Status ReadRest(std::string_view rest, std::string_view message, WriteSeriesV1* series) {
    ProtoReader r(rest, origin_);
    while (r.Next()) {
      switch (r.tag()) {
        case kLabelTag:
          r.Bytes();
          series->raw_labels = {};
          series->scattered = message;
          break;
        case kSampleTag:
          RETURN_IF_ERROR(ReadSample(r.Bytes()));
          break;
        case kExemplarTag:
          exemplars_.push_back(r.Bytes());
          break;
        case kHistogramTag:
          histograms_.push_back(r.Bytes());
          break;
        default:
          r.Skip(ProtoFields(1, 2, 3, 4));
      }
    }
    return r.status();
  }

  base::Status ReadSample(std::string_view message) {
    model::Sample sample;
    ProtoReader r(message, origin_);
    while (r.Next()) {
      switch (r.tag()) {
        case kValueTag:
          sample.v = r.Double();
          break;
        case kTimeTag:
          sample.t = static_cast<int64_t>(r.Varint());
          break;
        default:
          r.Skip(ProtoFields(1, 2));
      }
    }
    samples_.push_back(sample);
    return r.status();
  }

  const char* origin_;
  std::vector<model::Sample> samples_;
  std::vector<std::string_view> histograms_;
  std::vector<std::string_view> exemplars_;
};

base::Status ReadMetadata(std::string_view message, const char* origin, WriteVisitorV1* visitor) {
  WriteMetadataV1 metadata;
  ProtoReader r(message, origin);
  while (r.Next()) {
    switch (r.tag()) {
      case ProtoTag(1, WireType::kVarint): {
        const uint64_t type = r.Varint();
        metadata.type = type <= static_cast<uint64_t>(model::MetricType::kStateset)
                            ? static_cast<model::MetricType>(type)
                            : model::MetricType::kUnknown;
        break;
      }
      case ProtoTag(2, WireType::kBytes):
        metadata.family = r.Bytes();
        break;
      case ProtoTag(4, WireType::kBytes):
        metadata.help = r.Bytes();
        break;
      case ProtoTag(5, WireType::kBytes):
        metadata.unit = r.Bytes();
        break;
      default:
        r.Skip(ProtoFields(1, 2, 4, 5));
    }
  }
  RETURN_IF_ERROR(r.status());
  visitor->OnMetadata(metadata);
  return base::OkStatus();
}

base::Result<model::Label> ReadLabel(std::string_view message) {
  model::Label label;
  ProtoReader r(message);
  while (r.Next()) {
    switch (r.tag()) {
      case ProtoTag(1, WireType::kBytes):
        label.name = r.Bytes();
        break;
      case ProtoTag(2, WireType::kBytes):
        label.value = r.Bytes();
        break;
      default:
        r.Skip(ProtoFields(1, 2));
    }
  }
  if (!r.ok()) return r.status().error().Context("label");
  return label;
}

size_t LabelSize(const model::Label& label) {
  return BytesFieldSize(1, label.name.size()) + BytesFieldSize(2, label.value.size());
}

size_t LabelsSize(model::LabelSpan labels) {
  size_t size = 0;
  for (const model::Label& label : labels) size += BytesFieldSize(1, LabelSize(label));
  return size;
}

char* WriteBytes(char* p, uint32_t tag, std::string_view v) {
  *p++ = static_cast<char>(tag);
  p = WriteVarint(p, v.size());
  std::memcpy(p, v.data(), v.size());
  return p + v.size();
}

char* WriteLabels(char* p, model::LabelSpan labels) {
  for (const model::Label& label : labels) {
    *p++ = static_cast<char>(kLabelTag);
    p = WriteVarint(p, LabelSize(label));
    p = WriteBytes(p, ProtoTag(1, WireType::kBytes), label.name);
    p = WriteBytes(p, ProtoTag(2, WireType::kBytes), label.value);
  }
  return p;
}

// The Sample field as it stands in a TimeSeries: at most 2 + 9 + 11 bytes. Zeros are written too:
// decoders accept that, and ours is faster for the fixed shape.
constexpr size_t kMaxSampleField = 22;
char* WriteSample(char* p, model::Sample sample) {
  const auto t = static_cast<uint64_t>(sample.t);
  *p++ = static_cast<char>(kSampleTag);
  *p++ = static_cast<char>(10 + VarintSize(t));
  *p++ = static_cast<char>(kValueTag);
  p = WriteDouble(p, sample.v);
  *p++ = static_cast<char>(kTimeTag);
  return WriteVarint(p, t);
}

// One TimeSeries field of the request: labels, then `rest` as it is.
void PutSeries(model::LabelSpan labels, std::string_view rest, std::string* out) {
  const size_t labels_size = LabelsSize(labels);
  const size_t size = labels_size + rest.size();
  PutRawVarint(out, ProtoTag(1, WireType::kBytes));
  PutRawVarint(out, size);
  const size_t at = out->size();
  out->resize(at + size);
  char* p = WriteLabels(out->data() + at, labels);
  std::memcpy(p, rest.data(), rest.size());
}

}  // namespace

base::Status DecodeWriteV1(std::string_view message, WriteVisitorV1* visitor) {
  SeriesWalker walker(message.data());
  ProtoReader r(message);
  while (r.Next()) {
    switch (r.tag()) {
      case ProtoTag(1, WireType::kBytes): {
        const std::string_view series = r.Bytes();
        if (!r.ok()) break;
        RETURN_IF_ERROR(walker.Walk(series, visitor));
        break;
      }
      case ProtoTag(3, WireType::kBytes): {
        const std::string_view metadata = r.Bytes();
        if (!r.ok()) break;
        RETURN_IF_ERROR(ReadMetadata(metadata, message.data(), visitor));
        break;
      }
      default:
        r.Skip(ProtoFields(1, 3));
    }
  }
  return r.status();
}

base::Status SplitLabelsV1(const WriteSeriesV1& series, std::vector<model::Label>* out) {
  out->clear();
  ProtoReader r(series.scattered.empty() ? series.raw_labels : series.scattered);
  while (r.Next()) {
    if (r.tag() != kLabelTag) {
      r.Skip(ProtoFields(1));
      continue;
    }
    const std::string_view encoded = r.Bytes();
    if (!r.ok()) break;
    ASSIGN_OR_RETURN(const model::Label label, ReadLabel(encoded));
    out->push_back(label);
  }
  return r.status();
}

base::Result<bool> DecodeHistogramV1(std::string_view encoded, model::Timestamp* t,
                                     model::Histogram* h, model::FloatHistogram* fh) {
  HistogramTimes times;
  ASSIGN_OR_RETURN(const bool is_int, DecodeHistogramProto(encoded, &times, h, fh));
  *t = times.t;
  return is_int;
}

base::Result<model::Exemplar> DecodeExemplarV1(std::string_view encoded) {
  model::Exemplar exemplar;
  std::vector<model::Label> labels;
  ProtoReader r(encoded);
  while (r.Next()) {
    switch (r.tag()) {
      case ProtoTag(1, WireType::kBytes): {
        const std::string_view label_bytes = r.Bytes();
        if (!r.ok()) break;
        ASSIGN_OR_RETURN(const model::Label label, ReadLabel(label_bytes));
        labels.push_back(label);
        break;
      }
      case ProtoTag(2, WireType::kFixed64):
        exemplar.value = r.Double();
        break;
      case ProtoTag(3, WireType::kVarint):
        exemplar.t = static_cast<int64_t>(r.Varint());
        exemplar.has_timestamp = exemplar.t != 0;
        break;
      default:
        r.Skip(ProtoFields(1, 2, 3));
    }
  }
  if (!r.ok()) return r.status().error().Context("exemplar");
  ASSIGN_OR_RETURN(exemplar.labels, ExemplarLabels(&labels));
  return exemplar;
}

base::Result<model::Labels> ExemplarLabels(std::vector<model::Label>* labels) {
  std::sort(labels->begin(), labels->end(),
            [](const model::Label& a, const model::Label& b) { return a.name < b.name; });
  for (size_t i = 1; i < labels->size(); ++i) {
    if ((*labels)[i].name == (*labels)[i - 1].name) {
      return base::InvalidArgument("exemplar: label name \"" + std::string((*labels)[i].name) +
                                   "\" is not unique");
    }
  }
  std::erase_if(*labels, [](const model::Label& label) { return label.value.empty(); });
  return model::Labels::FromSpan(*labels);
}

void WriteEncoderV1::AddSample(model::LabelSpan labels, model::Sample sample) {
  char buffer[kMaxSampleField];
  const char* end = WriteSample(buffer, sample);
  PutSeries(labels, {buffer, static_cast<size_t>(end - buffer)}, out_);
}

void WriteEncoderV1::AddSampleRaw(std::string_view encoded_labels, model::Sample sample) {
  char head[16];
  char tail[kMaxSampleField];
  const auto tail_size = static_cast<size_t>(WriteSample(tail, sample) - tail);
  head[0] = static_cast<char>(ProtoTag(1, WireType::kBytes));
  const char* head_end = WriteVarint(head + 1, encoded_labels.size() + tail_size);
  out_->append(head, static_cast<size_t>(head_end - head));
  out_->append(encoded_labels);
  out_->append(tail, tail_size);
}

void WriteEncoderV1::AddHistogram(model::LabelSpan labels, model::Timestamp t,
                                  const model::Histogram& h) {
  std::string encoded, rest;
  EncodeHistogramProto(h, {.t = t, .start = 0}, &encoded);
  PutBytes(&rest, 4, encoded);
  PutSeries(labels, rest, out_);
}

void WriteEncoderV1::AddHistogram(model::LabelSpan labels, model::Timestamp t,
                                  const model::FloatHistogram& h) {
  std::string encoded, rest;
  EncodeHistogramProto(h, {.t = t, .start = 0}, &encoded);
  PutBytes(&rest, 4, encoded);
  PutSeries(labels, rest, out_);
}

void WriteEncoderV1::AddExemplar(model::LabelSpan labels, const model::Exemplar& exemplar) {
  std::string encoded, rest;
  std::vector<model::Label> exemplar_labels;
  exemplar.labels.ToSpan(&exemplar_labels);
  EncodeLabels(exemplar_labels, &encoded);
  PutDouble(&encoded, 2, exemplar.value);
  if (exemplar.has_timestamp) PutVarint(&encoded, 3, static_cast<uint64_t>(exemplar.t));
  PutBytes(&rest, 3, encoded);
  PutSeries(labels, rest, out_);
}

void WriteEncoderV1::AddMetadata(const WriteMetadataV1& metadata) {
  std::string encoded;
  if (metadata.type != model::MetricType::kUnknown) {
    PutVarint(&encoded, 1, static_cast<uint64_t>(metadata.type));
  }
  if (!metadata.family.empty()) PutBytes(&encoded, 2, metadata.family);
  if (!metadata.help.empty()) PutBytes(&encoded, 4, metadata.help);
  if (!metadata.unit.empty()) PutBytes(&encoded, 5, metadata.unit);
  PutBytes(out_, 3, encoded);
}

void WriteEncoderV1::EncodeLabels(model::LabelSpan labels, std::string* out) {
  const size_t at = out->size();
  out->resize(at + LabelsSize(labels));
  WriteLabels(out->data() + at, labels);
}

}  // namespace tributary::wire

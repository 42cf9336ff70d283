#include "wire/remote_write_v2.h"

#include <algorithm>

#include <fmt/format.h>

#include "wire/histogram_proto.h"
#include "wire/protobuf.h"
#include "wire/remote_write_v1.h"

namespace tributary::wire {
namespace {

constexpr uint32_t kSymbolsTag = ProtoTag(4, WireType::kBytes);
constexpr uint32_t kSeriesTag = ProtoTag(5, WireType::kBytes);

constexpr uint32_t kRefsTag = ProtoTag(1, WireType::kBytes);  // packed
constexpr uint32_t kRefTag = ProtoTag(1, WireType::kVarint);  // or one by one
constexpr uint32_t kSampleTag = ProtoTag(2, WireType::kBytes);
constexpr uint32_t kHistogramTag = ProtoTag(3, WireType::kBytes);
constexpr uint32_t kExemplarTag = ProtoTag(4, WireType::kBytes);
constexpr uint32_t kMetadataTag = ProtoTag(5, WireType::kBytes);

// Appends packed refs; false when they are not whole varints.
bool ReadRefs(std::string_view packed, std::vector<uint32_t>* refs) {
  const char* p = packed.data();
  const char* end = p + packed.size();
  while (p < end) {
    uint64_t ref = 0;
    p = ReadVarint(p, end, &ref);
    if (p == nullptr) return false;
    refs->push_back(ref > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(ref));
  }
  return true;
}

std::string_view RefsProblem(std::span<const uint32_t> refs, size_t symbols) {
  if (refs.size() % 2 != 0) return "odd number of label refs";
  uint32_t max = 0;
  for (const uint32_t ref : refs) max = std::max(max, ref);
  return !refs.empty() && max >= symbols ? "label ref outside of the symbol table"
                                         : std::string_view{};
}

class SeriesWalker {
 public:
  SeriesWalker(const char* origin, size_t symbols) : origin_(origin), symbols_(symbols) {}

  base::Status Walk(std::string_view message, WriteVisitorV2* visitor) {
    refs_.clear();
    samples_.clear();
    histograms_.clear();
    exemplars_.clear();
    metadata_ = {};
    ProtoReader r(message, origin_);
    while (r.Next()) {
      switch (r.tag()) {
        case kRefsTag:
          if (!ReadRefs(r.Bytes(), &refs_)) r.Fail("packed label refs");
          break;
        case kRefTag:
          refs_.push_back(static_cast<uint32_t>(std::min<uint64_t>(r.Varint(), UINT32_MAX)));
          break;
        case kSampleTag:
          ReadSample(r);
          break;
        case kHistogramTag:
          histograms_.push_back(r.Bytes());
          break;
        case kExemplarTag:
          exemplars_.push_back(r.Bytes());
          break;
        case kMetadataTag:
          ReadMetadata(r);
          break;
        default:
          r.Skip(ProtoFields(1, 2, 3, 4, 5));
      }
    }
    RETURN_IF_ERROR(r.status());
    WriteSeriesV2 series{.problem = RefsProblem(refs_, symbols_),
                         .label_refs = refs_,
                         .samples = samples_,
                         .histograms = histograms_,
                         .exemplars = exemplars_,
                         .metadata = metadata_};
    if (series.problem.empty() && metadata_.help_ref >= symbols_) {
      series.problem = "metadata help_ref outside of the symbol table";
    }
    if (series.problem.empty() && metadata_.unit_ref >= symbols_) {
      series.problem = "metadata unit_ref outside of the symbol table";
    }
    visitor->OnSeries(series);
    return base::OkStatus();
  }

 private:
  void ReadSample(ProtoReader& outer) {
    WriteSampleV2 sample;
    ProtoReader r(outer.Bytes());
    while (r.Next()) {
      switch (r.tag()) {
        case ProtoTag(1, WireType::kFixed64):
          sample.v = r.Double();
          break;
        case ProtoTag(2, WireType::kVarint):
          sample.t = static_cast<int64_t>(r.Varint());
          break;
        case ProtoTag(3, WireType::kVarint):
          sample.start = static_cast<int64_t>(r.Varint());
          break;
        default:
          r.Skip(ProtoFields(1, 2, 3));
      }
    }
    if (!r.ok()) return outer.Fail("a sample");
    samples_.push_back(sample);
  }

  void ReadMetadata(ProtoReader& outer) {
    ProtoReader r(outer.Bytes());
    while (r.Next()) {
      switch (r.tag()) {
        case ProtoTag(1, WireType::kVarint): {
          const uint64_t type = r.Varint();
          metadata_.type = type <= static_cast<uint64_t>(model::MetricType::kStateset)
                               ? static_cast<model::MetricType>(type)
                               : model::MetricType::kUnknown;
          break;
        }
        case ProtoTag(3, WireType::kVarint):
          metadata_.help_ref = static_cast<uint32_t>(std::min<uint64_t>(r.Varint(), UINT32_MAX));
          break;
        case ProtoTag(4, WireType::kVarint):
          metadata_.unit_ref = static_cast<uint32_t>(std::min<uint64_t>(r.Varint(), UINT32_MAX));
          break;
        default:
          r.Skip(ProtoFields(1, 3, 4));
      }
    }
    if (!r.ok()) outer.Fail("metadata");
  }

  const char* origin_;
  const size_t symbols_;
  std::vector<uint32_t> refs_;
  std::vector<WriteSampleV2> samples_;
  std::vector<std::string_view> histograms_;
  std::vector<std::string_view> exemplars_;
  WriteMetadataV2 metadata_;
};

base::Status ReadSymbols(std::string_view message, std::vector<std::string_view>* symbols) {
  symbols->clear();
  ProtoReader r(message);
  while (r.Next()) {
    if (r.tag() != kSymbolsTag) {
      r.Skip(ProtoFields(4));
      continue;
    }
    if (symbols->size() == kMaxSymbolsV2) {
      return base::ResourceExhausted(
          fmt::format("remote write request has more than {} symbols", kMaxSymbolsV2));
    }
    symbols->push_back(r.Bytes());
  }
  return r.status();
}

}  // namespace

base::Status DecodeWriteV2(std::string_view message, std::vector<std::string_view>* symbols,
                           WriteVisitorV2* visitor) {
  RETURN_IF_ERROR(ReadSymbols(message, symbols));
  visitor->OnSymbols(*symbols);
  SeriesWalker walker(message.data(), symbols->size());
  ProtoReader r(message);
  while (r.Next()) {
    if (r.tag() == kSeriesTag) {
      const std::string_view series = r.Bytes();
      if (r.ok()) RETURN_IF_ERROR(walker.Walk(series, visitor));
    } else if (r.tag() == kSymbolsTag) {
      r.Bytes();
    } else {
      r.Skip(ProtoFields(4, 5));
    }
  }
  return r.status();
}

void ResolveLabelsV2(const WriteSeriesV2& series, std::span<const std::string_view> symbols,
                     std::vector<model::Label>* out) {
  out->clear();
  for (size_t i = 0; i + 1 < series.label_refs.size(); i += 2) {
    out->push_back({symbols[series.label_refs[i]], symbols[series.label_refs[i + 1]]});
  }
}

base::Result<bool> DecodeHistogramV2(std::string_view encoded, model::Timestamp* t,
                                     model::Timestamp* start, model::Histogram* h,
                                     model::FloatHistogram* fh) {
  HistogramTimes times;
  ASSIGN_OR_RETURN(const bool is_int, DecodeHistogramProto(encoded, &times, h, fh));
  *t = times.t;
  *start = times.start;
  return is_int;
}

base::Result<model::Exemplar> DecodeExemplarV2(std::string_view encoded,
                                               std::span<const std::string_view> symbols) {
  model::Exemplar exemplar;
  std::vector<uint32_t> refs;
  ProtoReader r(encoded);
  while (r.Next()) {
    switch (r.tag()) {
      case kRefsTag:
        if (!ReadRefs(r.Bytes(), &refs)) r.Fail("packed label refs");
        break;
      case kRefTag:
        refs.push_back(static_cast<uint32_t>(std::min<uint64_t>(r.Varint(), UINT32_MAX)));
        break;
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
  if (const std::string_view problem = RefsProblem(refs, symbols.size()); !problem.empty()) {
    return base::InvalidArgument(fmt::format("exemplar: {}", problem));
  }
  std::vector<model::Label> labels;
  for (size_t i = 0; i < refs.size(); i += 2) {
    labels.push_back({symbols[refs[i]], symbols[refs[i + 1]]});
  }
  ASSIGN_OR_RETURN(exemplar.labels, ExemplarLabels(&labels));
  return exemplar;
}

void WriteEncoderV2::Reset() {
  symbols_.Reset();
  end_ = front_;
}

WriteEncoderV2::Refs WriteEncoderV2::AddSymbols(model::LabelSpan labels) {
  refs_.clear();
  for (const model::Label& label : labels) {
    PutRawVarint(&refs_, symbols_.Add(label.name));
    PutRawVarint(&refs_, symbols_.Add(label.value));
  }
  return refs_;
}

std::optional<uint32_t> WriteEncoderV2::ValueOf(Refs labels, uint32_t name) {
  const char* p = labels.data();
  const char* end = p + labels.size();
  while (p < end) {
    uint64_t one = 0;
    uint64_t value = 0;
    p = ReadVarint(p, end, &one);
    if (p != nullptr) p = ReadVarint(p, end, &value);
    if (p == nullptr) break;
    if (one == name) return static_cast<uint32_t>(value);
  }
  return std::nullopt;
}

WriteEncoderV2::About WriteEncoderV2::EncodeMetadata(const model::Metadata* metadata) {
  if (metadata == nullptr) return std::nullopt;
  scratch_.clear();
  if (metadata->type != model::MetricType::kUnknown) {
    PutVarint(&scratch_, 1, static_cast<uint64_t>(metadata->type));
  }
  if (!metadata->help.empty()) PutVarint(&scratch_, 3, symbols_.Add(metadata->help));
  if (!metadata->unit.empty()) PutVarint(&scratch_, 4, symbols_.Add(metadata->unit));
  return scratch_;
}

void WriteEncoderV2::PutSeries(Refs labels, uint32_t field, std::string_view item, About about) {
  size_t size = BytesFieldSize(field, item.size());
  if (!labels.empty()) size += BytesFieldSize(1, labels.size());
  if (about) size += BytesFieldSize(5, about->size());
  const size_t end = end_ + BytesFieldSize(5, size);
  if (end > message_.size()) message_.resize(std::max(end, 2 * message_.size()));
  char* p = WriteBytesHead(message_.data() + end_, 5, size);
  if (!labels.empty()) p = CopyShort(WriteBytesHead(p, 1, labels.size()), labels);
  p = CopyShort(WriteBytesHead(p, field, item.size()), item);
  if (about) CopyShort(WriteBytesHead(p, 5, about->size()), *about);
  end_ = end;
}

void WriteEncoderV2::PrepareSample(model::Timestamp t, model::Timestamp start) {
  char* p = sample_.data();
  *p = static_cast<char>(ProtoTag(1, WireType::kFixed64));
  p += 1 + sizeof(double);
  *p++ = static_cast<char>(ProtoTag(2, WireType::kVarint));
  p = WriteVarint(p, static_cast<uint64_t>(t));
  if (start != 0) {
    *p++ = static_cast<char>(ProtoTag(3, WireType::kVarint));
    p = WriteVarint(p, static_cast<uint64_t>(start));
  }
  sample_size_ = static_cast<size_t>(p - sample_.data());
  sample_t_ = t;
  sample_start_ = start;
}

void WriteEncoderV2::AddSample(Refs labels, const WriteSampleV2& sample, About about) {
  if (sample_size_ == 0 || sample.t != sample_t_ || sample.start != sample_start_) {
    PrepareSample(sample.t, sample.start);
  }
  WriteDouble(sample_.data() + 1, sample.v);
  if (!labels.empty() && labels.size() + (about ? about->size() : 0) <= kShort) {
    PutShortSeries(labels, about);
  } else {
    PutSeries(labels, 2, {sample_.data(), sample_size_}, about);
  }
}

// As PutSeries(), of the prepared sample, where all lengths are single bytes.
void WriteEncoderV2::PutShortSeries(Refs labels, About about) {
  static_assert(2 + kShort + 2 + sizeof(sample_) + 2 < 128);
  const size_t size = 2 + labels.size() + 2 + sample_size_ + (about ? 2 + about->size() : 0);
  // The sample is copied with what is behind it: a size known here is faster.
  const size_t end = end_ + 2 + size + sizeof(sample_);
  if (end > message_.size()) message_.resize(std::max(end, 2 * message_.size()));
  char* p = message_.data() + end_;
  *p++ = static_cast<char>(kSeriesTag);
  *p++ = static_cast<char>(size);
  *p++ = static_cast<char>(kRefsTag);
  *p++ = static_cast<char>(labels.size());
  p = CopyShort(p, labels);
  *p++ = static_cast<char>(kSampleTag);
  *p++ = static_cast<char>(sample_size_);
  std::memcpy(p, sample_.data(), sizeof(sample_));
  p += sample_size_;
  if (about) {
    *p++ = static_cast<char>(kMetadataTag);
    *p++ = static_cast<char>(about->size());
    CopyShort(p, *about);
  }
  end_ += 2 + size;
}

template <class H>
void WriteEncoderV2::PutHistogram(Refs labels, model::Timestamp t, const H& h,
                                  model::Timestamp start, About about) {
  item_.clear();
  EncodeHistogramProto(h, {.t = t, .start = start}, &item_);
  PutSeries(labels, 3, item_, about);
}

void WriteEncoderV2::AddHistogram(Refs labels, model::Timestamp t, const model::Histogram& h,
                                  model::Timestamp start, About about) {
  PutHistogram(labels, t, h, start, about);
}

void WriteEncoderV2::AddHistogram(Refs labels, model::Timestamp t, const model::FloatHistogram& h,
                                  model::Timestamp start, About about) {
  PutHistogram(labels, t, h, start, about);
}

void WriteEncoderV2::AddExemplar(Refs labels, const model::Exemplar& exemplar) {
  std::vector<model::Label> exemplar_labels;
  exemplar.labels.ToSpan(&exemplar_labels);
  const std::string series(labels);  // it may be refs_
  const Refs own = AddSymbols(exemplar_labels);
  item_.clear();
  if (!own.empty()) PutBytes(&item_, 1, own);
  PutDouble(&item_, 2, exemplar.value);
  if (exemplar.has_timestamp) PutVarint(&item_, 3, static_cast<uint64_t>(exemplar.t));
  PutSeries(series, 4, item_, std::nullopt);
}

std::string_view WriteEncoderV2::Finish() {
  const std::string_view symbols = symbols_.encoded();
  if (symbols.size() > front_) {
    const size_t front = symbols.size() + symbols.size() / 4;  // there may be more next time
    message_.insert(0, front - front_, '\0');
    end_ += front - front_;
    front_ = front;
  }
  const size_t begin = front_ - symbols.size();
  std::memcpy(message_.data() + begin, symbols.data(), symbols.size());
  return std::string_view(message_).substr(begin, end_ - begin);
}

}  // namespace tributary::wire

#include "web/federation_encoder.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "model/labels.h"
#include "wire/protobuf.h"

namespace tributary::web {
namespace {

constexpr size_t kFlushBytes = 32 * 1024;
constexpr std::string_view kProtoType = "application/vnd.google.protobuf";
constexpr std::string_view kProtoMessage = "io.prometheus.client.MetricFamily";

// --- Negotiation ---

struct AcceptClause {
  std::string_view type;
  std::vector<std::pair<std::string_view, std::string_view>> params;
  double weight = 1;

  std::string_view param(std::string_view name) const {
    for (const auto& [key, value] : params) {
      if (key == name) return value;
    }
    return {};
  }
};

// In order of preference.
std::vector<AcceptClause> ParseAccept(std::string_view header) {
  std::vector<AcceptClause> clauses;
  for (const std::string_view part : base::Split(header, ',')) {
    AcceptClause clause;
    bool first = true;
    for (const std::string_view piece : base::Split(part, ';')) {
      const std::string_view text = base::TrimSpace(piece);
      if (std::exchange(first, false)) {
        clause.type = text;
        continue;
      }
      const size_t equals = std::min(text.find('='), text.size());
      const std::string_view value = text.substr(std::min(equals + 1, text.size()));
      clause.params.emplace_back(text.substr(0, equals), value);
      if (text.substr(0, equals) == "q") clause.weight = base::ParseFloat(value).value_or(1);
    }
    if (!clause.type.empty()) clauses.push_back(std::move(clause));
  }
  std::ranges::stable_sort(clauses, std::ranges::greater(), &AcceptClause::weight);
  return clauses;
}

std::optional<NameScheme> SchemeNamed(std::string_view text) {
  for (const auto& [scheme, name] : kNameSchemes) {
    if (name == text) return scheme;
  }
  return std::nullopt;
}

// --- Where one family ends and the next begins ---

enum class FamilyKind : unsigned char { kUntyped, kHistogram, kGaugeHistogram };

FamilyKind KindOf(const NewestSample& sample) {
  if (sample.h == nullptr) return FamilyKind::kUntyped;
  return sample.h->reset_hint == model::CounterResetHint::kGauge ? FamilyKind::kGaugeHistogram
                                                                 : FamilyKind::kHistogram;
}

// The cumulative counts of a histogram with custom buckets, one a bound: it is a classic one.
std::vector<double> CumulativeCounts(const model::FloatHistogram& h) {
  std::vector<double> counts(h.custom_values.size());
  int64_t index = 0;
  size_t bucket = 0;
  for (const model::BucketSpan& span : h.positive_spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && bucket < h.positive_buckets.size(); ++i, ++index) {
      const double count = h.positive_buckets[bucket++];
      if (index >= 0 && static_cast<size_t>(index) < counts.size()) {
        counts[static_cast<size_t>(index)] += count;
      }
    }
  }
  for (size_t i = 1; i < counts.size(); ++i) counts[i] += counts[i - 1];
  return counts;
}

// --- Text ---

class TextEncoder final : public FederationEncoder {
 public:
  TextEncoder(NameScheme scheme, net::ResponseWriter& response)
      : scheme_(scheme), response_(response) {}

  bool Add(std::string_view name, const FederationLabels& labels,
           const NewestSample& sample) override {
    const FamilyKind kind = KindOf(sample);
    if (name != family_ || kind != kind_) {
      static constexpr std::string_view kTypes[] = {" untyped\n", " histogram\n",
                                                    " gaugehistogram\n"};
      family_ = name;
      kind_ = kind;
      text_ += "# TYPE ";
      AppendName(name);
      text_ += kTypes[static_cast<size_t>(kind)];
    }
    if (sample.h != nullptr) {
      AddHistogram(name, labels, sample);
    } else {
      AddLine(name, labels, {}, sample.v, sample.t);
    }
    return text_.size() < kFlushBytes || Finish();
  }

  bool Finish() override {
    const bool ok = response_.Write(text_);
    text_.clear();
    return ok;
  }

 private:
  void AddHistogram(std::string_view name, const FederationLabels& labels,
                    const NewestSample& sample) {
    const model::FloatHistogram& h = *sample.h;
    const std::vector<double> counts = CumulativeCounts(h);
    const std::string base_name(name);
    for (size_t i = 0; i < counts.size(); ++i) {
      AddLine(base_name + "_bucket", labels, base::FormatFloatG(h.custom_values[i]), counts[i],
              sample.t);
    }
    AddLine(base_name + "_bucket", labels, "+Inf", h.count, sample.t);
    AddLine(base_name + "_sum", labels, {}, h.sum, sample.t);
    AddLine(base_name + "_count", labels, {}, h.count, sample.t);
  }

  void AddLine(std::string_view name, const FederationLabels& labels, std::string_view le,
               double value, model::Timestamp t) {
    char open = '{';
    const auto separate = [&] {
      text_ += open;
      open = ',';
    };
    const std::string shown = EscapeName(name, scheme_);
    if (model::IsLegacyMetricName(shown)) {
      text_ += shown;
    } else {
      separate();
      AppendQuoted(shown);
    }
    for (const auto& [key, text] : labels) {
      separate();
      AppendLabelName(EscapeName(key, scheme_));
      text_ += '=';
      AppendQuoted(text);
    }
    if (!le.empty()) {
      separate();
      text_.append("le=\"").append(le).append("\"");
    }
    if (open == ',') text_ += '}';
    text_.append(" ").append(base::FormatFloatG(value)).append(" ");
    text_.append(std::to_string(t)).append("\n");
  }

  void AppendName(std::string_view name) {
    const std::string shown = EscapeName(name, scheme_);
    if (model::IsLegacyMetricName(shown)) {
      text_ += shown;
    } else {
      AppendQuoted(shown);
    }
  }
  void AppendLabelName(const std::string& name) {
    if (model::IsLegacyMetricName(name)) {
      text_ += name;
    } else {
      AppendQuoted(name);
    }
  }
  void AppendQuoted(std::string_view value) {
    text_ += '"';
    for (const char c : value) {
      if (c == '\n') {
        text_ += "\\n";
        continue;
      }
      if (c == '\\' || c == '"') text_ += '\\';
      text_ += c;
    }
    text_ += '"';
  }

  const NameScheme scheme_;
  net::ResponseWriter& response_;
  std::string text_;
  std::string family_;
  FamilyKind kind_ = FamilyKind::kUntyped;
};

// --- Protobuf ---

// A message holds a whole family behind its length: memory is bounded by the largest family.
class ProtoEncoder final : public FederationEncoder {
 public:
  ProtoEncoder(NameScheme scheme, net::ResponseWriter& response)
      : scheme_(scheme), response_(response) {}

  bool Add(std::string_view name, const FederationLabels& labels,
           const NewestSample& sample) override {
    const FamilyKind kind = KindOf(sample);
    if (name != family_ || kind != kind_) {
      if (!Finish()) return false;
      family_ = name;
      kind_ = kind;
    }
    std::string metric;
    for (const auto& [key, value] : labels) {
      std::string pair;
      wire::PutBytes(&pair, 1, EscapeName(key, scheme_));
      wire::PutBytes(&pair, 2, value);
      wire::PutBytes(&metric, 1, pair);
    }
    std::string payload;
    if (sample.h == nullptr) {
      wire::PutDouble(&payload, 1, sample.v);
      wire::PutBytes(&metric, 5, payload);
    } else if (sample.h->schema == model::kCustomBucketsSchema) {
      PutClassicHistogram(*sample.h, &payload);
    } else {
      PutNativeHistogram(*sample.h, &payload);
    }
    wire::PutVarint(&metric, 6, static_cast<uint64_t>(sample.t));
    if (sample.h != nullptr) wire::PutBytes(&metric, 7, payload);
    wire::PutBytes(&metrics_, 4, metric);
    return true;
  }

  bool Finish() override {
    if (metrics_.empty()) return true;
    static constexpr uint64_t kTypes[] = {3, 4, 5};  // UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM
    std::string head;
    wire::PutBytes(&head, 1, EscapeName(family_, scheme_));
    wire::PutVarint(&head, 3, kTypes[static_cast<size_t>(kind_)]);
    std::string size;
    wire::PutRawVarint(&size, head.size() + metrics_.size());
    const bool ok = response_.Write(size) && response_.Write(head) && response_.Write(metrics_);
    metrics_.clear();
    return ok;
  }

 private:
  static void PutClassicHistogram(const model::FloatHistogram& h, std::string* out) {
    wire::PutDouble(out, 2, h.sum);
    const std::vector<double> counts = CumulativeCounts(h);
    for (size_t i = 0; i < counts.size(); ++i) {
      std::string bucket;
      wire::PutDouble(&bucket, 2, h.custom_values[i]);
      wire::PutDouble(&bucket, 4, counts[i]);
      wire::PutBytes(out, 3, bucket);
    }
    wire::PutDouble(out, 4, h.count);
  }

  static void PutSpans(uint32_t field, const std::vector<model::BucketSpan>& spans,
                       std::string* out) {
    for (const model::BucketSpan& span : spans) {
      std::string encoded;
      wire::PutVarint(&encoded, 1, wire::ZigZagEncode(span.offset));
      wire::PutVarint(&encoded, 2, span.length);
      wire::PutBytes(out, field, encoded);
    }
  }

  static void PutNativeHistogram(const model::FloatHistogram& h, std::string* out) {
    wire::PutDouble(out, 2, h.sum);
    wire::PutDouble(out, 4, h.count);
    wire::PutVarint(out, 5, wire::ZigZagEncode(h.schema));
    wire::PutDouble(out, 6, h.zero_threshold);
    wire::PutDouble(out, 8, h.zero_count);
    PutSpans(9, h.negative_spans, out);
    for (const double count : h.negative_buckets) wire::PutDouble(out, 11, count);
    PutSpans(12, h.positive_spans, out);
    for (const double count : h.positive_buckets) wire::PutDouble(out, 14, count);
  }

  const NameScheme scheme_;
  net::ResponseWriter& response_;
  std::string metrics_;  // Metric fields of the family under way
  std::string family_;
  FamilyKind kind_ = FamilyKind::kUntyped;
};

}  // namespace

FederationFormat NegotiateFederation(std::string_view accept) {
  FederationFormat format;
  for (const AcceptClause& clause : ParseAccept(accept)) {
    if (const auto scheme = SchemeNamed(clause.param("escaping"))) format.scheme = *scheme;
    if (clause.type == kProtoType && clause.param("proto") == kProtoMessage &&
        clause.param("encoding") == "delimited") {
      format.protobuf = true;
      return format;
    }
    const std::string_view version = clause.param("version");
    if (clause.type == "text/plain" && (version.empty() || version == "0.0.4")) return format;
  }
  return format;
}

std::string ContentTypeOf(const FederationFormat& format) {
  std::string type = format.protobuf
                         ? std::string(kProtoType) + "; proto=" + std::string(kProtoMessage) +
                               "; encoding=delimited"
                         : std::string("text/plain; version=0.0.4; charset=utf-8");
  for (const auto& [scheme, name] : kNameSchemes) {
    if (scheme == format.scheme) type.append("; escaping=").append(name);
  }
  return type;
}

std::unique_ptr<FederationEncoder> FederationEncoder::Create(const FederationFormat& format,
                                                             net::ResponseWriter& response) {
  if (format.protobuf) return std::make_unique<ProtoEncoder>(format.scheme, response);
  return std::make_unique<TextEncoder>(format.scheme, response);
}

}  // namespace tributary::web

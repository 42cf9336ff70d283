#include "wire/protobuf_parser.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/float_histogram.h"
#include "wire/classic_histogram.h"
#include "wire/exposition_base.h"
#include "wire/protobuf.h"
#include "wire/protobuf_metric.h"

namespace tributary::wire {
namespace {

constexpr char kSeparator = '\xff';
constexpr size_t kMaxExcerpt = 160;  // of hostile names in errors

constexpr uint32_t Varint(uint32_t field) { return ProtoTag(field, WireType::kVarint); }
constexpr uint32_t Bytes(uint32_t field) { return ProtoTag(field, WireType::kBytes); }

std::string Excerpt(std::string_view text) { return base::Quote(text.substr(0, kMaxExcerpt)); }

// What one metric is handed out as, in this order: the native histogram, the series of the classic
// form, the histogram with custom buckets.
struct Plan {
  bool native = false;
  size_t series = 0;
  bool custom = false;

  size_t size() const { return (native ? 1 : 0) + series + (custom ? 1 : 0); }
  bool IsHistogram(size_t at) const { return native ? at == 0 : at >= series; }
  // Which of the series, given that it is one.
  size_t SeriesAt(size_t at) const { return at - (native ? 1 : 0); }
};

class ProtobufParser final : public ExpositionParser {
 public:
  ProtobufParser(std::string_view body, const ProtobufOptions& options)
      : options_(options), rest_(body) {}

  base::Result<EntryKind> Next() override {
    switch (stage_) {
      case Stage::kHelp:
        if (!unit_.empty()) {
          stage_ = Stage::kUnit;
          return EntryKind::kUnit;
        }
        [[fallthrough]];
      case Stage::kUnit:
        stage_ = Stage::kMetrics;
        next_metric_ = 0;
        at_ = 0;
        plan_ = {};
        return EntryKind::kType;
      case Stage::kMetrics: {
        ++at_;
        ASSIGN_OR_RETURN(const bool has_entry, FindEntry());
        if (has_entry) {
          return plan_.IsHistogram(at_) ? EntryKind::kHistogram : EntryKind::kSample;
        }
        [[fallthrough]];
      }
      case Stage::kFamily:
        break;
    }
    ASSIGN_OR_RETURN(const bool has_family, NextFamily());
    if (!has_family) return EntryKind::kEnd;
    stage_ = Stage::kHelp;
    return EntryKind::kHelp;
  }

  std::string_view series_text() const override { return series_text_; }
  double value() const override { return value_; }
  std::optional<model::Timestamp> timestamp() const override {
    return metric_.timestamp == 0 ? std::nullopt : std::optional(metric_.timestamp);
  }
  model::Timestamp start_timestamp() override { return metric_.start; }

  base::Status Labels(std::vector<model::Label>* out) override {
    out->clear();
    out->push_back({model::kMetricName, series_name_});
    for (const auto& [name, value] : metric_.labels) {
      if (!value.empty()) out->push_back({name, value});
    }
    if (!extra_label_.empty()) out->push_back({extra_label_, extra_value_});
    std::sort(out->begin(), out->end(),
              [](const model::Label& a, const model::Label& b) { return a.name < b.name; });
    const auto twice = std::adjacent_find(
        out->begin(), out->end(),
        [](const model::Label& a, const model::Label& b) { return a.name == b.name; });
    if (twice != out->end()) {
      return base::InvalidArgument(fmt::format("metric {}: label name {} is not unique",
                                               Excerpt(name_), Excerpt(twice->name)));
    }
    return {};
  }

  bool Exemplar(size_t index, model::Exemplar* out) const override {
    if (type_ == ProtoMetricType::kCounter) {
      return index == 0 && !metric_.exemplar.empty() && DecodeProtoExemplar(metric_.exemplar, out);
    }
    if (!IsHistogramFamily()) return false;
    if (!plan_.IsHistogram(at_)) {
      const size_t field = plan_.SeriesAt(at_);
      return index == 0 && field >= 2 && field - 2 < metric_.buckets.size() &&
             !metric_.buckets[field - 2].exemplar.empty() &&
             DecodeProtoExemplar(metric_.buckets[field - 2].exemplar, out);
    }
    // Those without a timestamp do not count.
    const auto take = [&](std::string_view message) {
      return !message.empty() && DecodeProtoExemplar(message, out) && out->has_timestamp &&
             index-- == 0;
    };
    if (!metric_.exemplars.empty()) {
      return std::any_of(metric_.exemplars.begin(), metric_.exemplars.end(), take);
    }
    return std::any_of(metric_.buckets.begin(), metric_.buckets.end(),
                       [&](const ProtoBucket& bucket) { return take(bucket.exemplar); });
  }

  bool Histogram(model::Histogram* h, model::FloatHistogram* fh, bool* is_float) const override {
    *is_float = is_float_;
    if (is_float_) {
      *fh = float_histogram_;
    } else {
      *h = histogram_;
    }
    return true;
  }

  std::string_view family() const override { return name_; }
  std::string_view text() const override { return stage_ == Stage::kUnit ? unit_ : help_; }
  model::MetricType type() const override {
    switch (type_) {
      case ProtoMetricType::kCounter:
        return model::MetricType::kCounter;
      case ProtoMetricType::kGauge:
        return model::MetricType::kGauge;
      case ProtoMetricType::kSummary:
        return model::MetricType::kSummary;
      case ProtoMetricType::kHistogram:
        return model::MetricType::kHistogram;
      case ProtoMetricType::kGaugeHistogram:
        return model::MetricType::kGaugeHistogram;
      case ProtoMetricType::kUntyped:
        break;
    }
    return model::MetricType::kUnknown;
  }

 private:
  // What was handed out last.
  enum class Stage : unsigned char { kFamily, kHelp, kUnit, kMetrics };

  bool IsHistogramFamily() const {
    return type_ == ProtoMetricType::kHistogram || type_ == ProtoMetricType::kGaugeHistogram;
  }

  // Reads the next family that has metrics; false at the end.
  base::Result<bool> NextFamily() {
    while (!rest_.empty()) {
      uint64_t size = 0;
      const char* end = rest_.data() + rest_.size();
      const char* begin = ReadVarint(rest_.data(), end, &size);
      if (begin == nullptr) return base::InvalidArgument("invalid length of a metric family");
      if (size > static_cast<uint64_t>(end - begin)) {
        return base::InvalidArgument(
            fmt::format("a metric family of {} bytes, but {} are left", size, end - begin));
      }
      rest_ = {begin + size, static_cast<size_t>(end - begin - static_cast<int64_t>(size))};
      RETURN_IF_ERROR(ReadFamily({begin, size}));
      if (!metrics_.empty()) return true;
    }
    return false;
  }

  base::Status ReadFamily(std::string_view message) {
    name_ = help_ = unit_ = {};
    uint64_t type = 0;
    metrics_.clear();
    ProtoReader r(message);
    while (r.Next()) {
      switch (r.tag()) {
        case Bytes(1):
          name_ = r.Bytes();
          break;
        case Bytes(2):
          help_ = r.Bytes();
          break;
        case Varint(3):
          type = r.Varint();
          break;
        case Bytes(4):
          metrics_.push_back(r.Bytes());
          break;
        case Bytes(5):
          unit_ = r.Bytes();
          break;
        default:
          r.Skip(ProtoFields(1, 2, 3, 4, 5));
      }
    }
    RETURN_IF_ERROR(r.status());
    if (metrics_.empty()) return {};
    if (name_.empty() || !base::IsValidUtf8(name_)) {
      return base::InvalidArgument("invalid metric name: " + Excerpt(name_));
    }
    if (!base::IsValidUtf8(help_)) {
      return base::InvalidArgument("invalid help for metric " + Excerpt(name_));
    }
    if (type > static_cast<uint64_t>(ProtoMetricType::kGaugeHistogram)) {
      return base::InvalidArgument(
          fmt::format("unknown metric type for metric {}: {}", Excerpt(name_), type));
    }
    type_ = static_cast<ProtoMetricType>(type);
    return {};
  }

  // Makes entry `at_` of the current metric, or the first one of a later metric, the current entry;
  // false when the family has no more.
  base::Result<bool> FindEntry() {
    while (at_ >= plan_.size()) {
      if (next_metric_ >= metrics_.size()) return false;
      const base::Status decoded = metric_.Decode(metrics_[next_metric_++], type_);
      if (!decoded) return decoded.error().Context("metric " + Excerpt(name_));
      RETURN_IF_ERROR(CheckLabels());
      plan_ = MakePlan();
      at_ = 0;
    }
    if (!plan_.IsHistogram(at_)) {
      SetSeries(plan_.SeriesAt(at_));
    } else {
      SetEntry("", "", "");
      RETURN_IF_ERROR(plan_.native ? BuildNative() : BuildCustom());
    }
    return true;
  }

  base::Status CheckLabels() const {
    for (const auto& [name, value] : metric_.labels) {
      if (name.empty() || !base::IsValidUtf8(name)) {
        return base::InvalidArgument(
            fmt::format("metric {}: invalid label name: {}", Excerpt(name_), Excerpt(name)));
      }
      if (!base::IsValidUtf8(value)) {
        return base::InvalidArgument(
            fmt::format("metric {}: invalid label value: {}", Excerpt(name_), Excerpt(value)));
      }
    }
    return {};
  }

  Plan MakePlan() const {
    if (type_ == ProtoMetricType::kSummary) return {.series = 2 + metric_.quantiles.size()};
    if (!IsHistogramFamily()) return {.series = 1};
    const auto& buckets = metric_.buckets;
    // Up to the first bucket without an upper bound, which is added when it is missing.
    const auto last = std::find_if(buckets.begin(), buckets.end(), [](const ProtoBucket& bucket) {
      return std::isinf(bucket.bound) && bucket.bound > 0;
    });
    const size_t classic = 2 + static_cast<size_t>(last - buckets.begin()) + 1;
    if (options_.native_histograms && metric_.IsNative()) {
      const bool both = options_.classic_histograms && !buckets.empty();
      return {.native = true, .series = both ? classic : 0};
    }
    if (!options_.custom_buckets) return {.series = classic};
    return {.series = options_.classic_histograms ? classic : 0, .custom = true};
  }

  void SetSeries(size_t field) {
    if (type_ != ProtoMetricType::kSummary && !IsHistogramFamily()) {
      value_ = metric_.value;
      return SetEntry("", "", "");
    }
    if (field < 2) {
      value_ = field == 0 ? metric_.count : metric_.sum;
      return SetEntry(field == 0 ? "_count" : "_sum", "", "");
    }
    if (type_ == ProtoMetricType::kSummary) {
      const auto& [quantile, value] = metric_.quantiles[field - 2];
      value_ = value;
      return SetEntry("", "quantile", OpenMetricsFloat(quantile));
    }
    const bool given = field - 2 < metric_.buckets.size();
    value_ = given ? metric_.buckets[field - 2].count : metric_.count;
    SetEntry("_bucket", "le", given ? OpenMetricsFloat(metric_.buckets[field - 2].bound) : "+Inf");
  }

  void SetEntry(std::string_view suffix, std::string_view label, std::string value) {
    series_name_.assign(name_).append(suffix);
    extra_label_ = label;
    extra_value_ = std::move(value);
    series_text_ = series_name_;
    const auto add = [&](std::string_view name, std::string_view text) {
      series_text_.append(1, kSeparator).append(name).append(1, kSeparator).append(text);
    };
    for (const auto& [name, text] : metric_.labels) add(name, text);
    if (!extra_label_.empty()) add(extra_label_, extra_value_);
  }

  base::Status BuildNative() {
    const auto reset = type_ == ProtoMetricType::kGaugeHistogram
                           ? model::CounterResetHint::kGauge
                           : model::CounterResetHint::kUnknown;
    is_float_ = metric_.IsFloat();
    const model::Histogram& shape = metric_.histogram;
    const model::FloatHistogram& floats = metric_.float_histogram;
    RETURN_IF_ERROR(CheckSpans(shape.positive_spans, is_float_ ? floats.positive_buckets.size()
                                                               : shape.positive_buckets.size()));
    RETURN_IF_ERROR(CheckSpans(shape.negative_spans, is_float_ ? floats.negative_buckets.size()
                                                               : shape.negative_buckets.size()));
    // What is invalid otherwise is handed out as it is: the store refuses it.
    if (is_float_) {
      float_histogram_ = floats;
      float_histogram_.reset_hint = reset;
      float_histogram_.schema = shape.schema;
      float_histogram_.zero_threshold = shape.zero_threshold;
      float_histogram_.sum = shape.sum;
      float_histogram_.positive_spans = shape.positive_spans;
      float_histogram_.negative_spans = shape.negative_spans;
      if (model::Validate(float_histogram_)) model::Compact(&float_histogram_);
    } else {
      histogram_ = metric_.histogram;
      histogram_.reset_hint = reset;
      if (model::Validate(histogram_)) model::Compact(&histogram_);
    }
    return {};
  }

  base::Status CheckSpans(const std::vector<model::BucketSpan>& spans, size_t buckets) const {
    uint64_t described = 0;
    for (const model::BucketSpan& span : spans) described += span.length;
    if (described == buckets) return {};
    return base::InvalidArgument(
        fmt::format("histogram {}: spans describe {} buckets, {} are given", Excerpt(name_),
                    described, buckets));
  }

  base::Status BuildCustom() {
    classic_.Clear();
    classic_.SetCount(metric_.count);
    classic_.SetSum(metric_.sum);
    for (const ProtoBucket& bucket : metric_.buckets) {
      classic_.AddBucket(bucket.bound, bucket.count);
    }
    const base::Status converted = classic_.Convert(&histogram_, &float_histogram_, &is_float_);
    if (!converted) return converted.error().Context("histogram " + Excerpt(name_));
    if (type_ == ProtoMetricType::kGaugeHistogram) {
      (is_float_ ? float_histogram_.reset_hint : histogram_.reset_hint) =
          model::CounterResetHint::kGauge;
    }
    return {};
  }

  const ProtobufOptions options_;
  std::string_view rest_;  // families not yet read
  Stage stage_ = Stage::kFamily;

  // The family.
  std::string_view name_, help_, unit_;
  ProtoMetricType type_ = ProtoMetricType::kUntyped;
  std::vector<std::string_view> metrics_;
  size_t next_metric_ = 0;

  // The metric, and the entry it is handed out as now.
  ProtoMetric metric_;
  Plan plan_;
  size_t at_ = 0;
  std::string series_name_, series_text_;
  std::string_view extra_label_;  // "le", "quantile" or none
  std::string extra_value_;
  double value_ = 0;
  bool is_float_ = false;
  model::Histogram histogram_;
  model::FloatHistogram float_histogram_;
  ClassicHistogram classic_;
};

}  // namespace

std::unique_ptr<ExpositionParser> NewProtobufParser(std::string_view body,
                                                    const ProtobufOptions& options) {
  return std::make_unique<ProtobufParser>(body, options);
}

}  // namespace tributary::wire

#include "wire/custom_buckets_parser.h"

#include <cmath>
#include <string>
#include <utility>

#include "base/strings.h"
#include "wire/classic_histogram.h"

namespace tributary::wire {
namespace {

constexpr std::string_view kBucketLabel = "le";

// The histogram's name when this is one of its series; else empty.
std::string_view BaseName(std::string_view name, std::string_view* suffix) {
  for (const std::string_view candidate : {"_bucket", "_sum", "_count"}) {
    if (name.ends_with(candidate)) {
      *suffix = candidate;
      return name.substr(0, name.size() - candidate.size());
    }
  }
  return {};
}

// While a histogram is handed out, the inner parser stands one entry ahead: on the one that showed
// that the histogram is complete.
class CustomBucketsParser final : public ExpositionParser {
 public:
  CustomBucketsParser(std::unique_ptr<ExpositionParser> inner, bool keep_classic)
      : inner_(std::move(inner)), keep_classic_(keep_classic) {}

  base::Result<EntryKind> Next() override {
    bool ahead = std::exchange(emitting_, false);
    for (;;) {
      if (!ahead) {
        ASSIGN_OR_RETURN(kind_, inner_->Next());
      }
      if (kind_ == EntryKind::kSample) {
        if (!ahead) labels_status_ = inner_->Labels(&labels_);
        if (!labels_status_) return kind_;
        if (collecting_ && !Continues() && Finish()) return EntryKind::kHistogram;
        if (Collect() && !keep_classic_) {
          ahead = false;
          continue;
        }
        return kind_;
      }
      if (!ahead && Finish()) return EntryKind::kHistogram;
      if (kind_ == EntryKind::kType) {
        type_ = inner_->type();
        family_ = inner_->family();
      }
      return kind_;
    }
  }

  std::string_view series_text() const override {
    return emitting_ ? std::string_view(done_.text) : inner_->series_text();
  }
  double value() const override { return inner_->value(); }
  std::optional<model::Timestamp> timestamp() const override {
    return emitting_ ? done_.timestamp : inner_->timestamp();
  }
  base::Status Labels(std::vector<model::Label>* out) override {
    if (emitting_) {
      done_.labels.ToSpan(out);
    } else {
      *out = labels_;
      return labels_status_;
    }
    return {};
  }
  bool Exemplar(size_t index, model::Exemplar* out) const override {
    if (!emitting_) return inner_->Exemplar(index, out);
    if (index >= done_.exemplars.size()) return false;
    *out = done_.exemplars[index];
    return true;
  }
  model::Timestamp start_timestamp() override {
    return emitting_ ? done_.start : inner_->start_timestamp();
  }
  bool Histogram(model::Histogram* h, model::FloatHistogram* fh, bool* is_float) const override {
    if (!emitting_) return inner_->Histogram(h, fh, is_float);
    *is_float = is_float_;
    if (is_float_) {
      *fh = float_histogram_;
    } else {
      *h = histogram_;
    }
    return true;
  }
  std::string_view family() const override { return inner_->family(); }
  model::MetricType type() const override { return inner_->type(); }
  std::string_view text() const override { return inner_->text(); }

 private:
  // A histogram, of which series are being collected or which is handed out.
  struct Collected {
    std::string text;  // name and labels without `le`: the same for all its series
    model::LabelsBuilder labels;
    std::optional<model::Timestamp> timestamp;
    model::Timestamp start = 0;
    std::vector<model::Exemplar> exemplars;
  };

  std::string_view LabelOf(std::string_view name) const {
    for (const model::Label& label : labels_) {
      if (label.name == name) return label.value;
    }
    return {};
  }

  void BuildText(std::string_view name) {
    // No series text of the formats begins with this byte.
    text_.assign(1, '\xff').append(name);
    for (const model::Label& label : labels_) {
      if (label.name == kBucketLabel || label.name == model::kMetricName) continue;
      text_.append(1, '\xff').append(label.name).append(1, '\xff').append(label.value);
    }
  }

  // Whether the series the inner parser stands on may belong to the histogram being collected.
  bool Continues() {
    if (type_ != model::MetricType::kHistogram) return false;
    std::string_view suffix;
    const std::string_view name = LabelOf(model::kMetricName);
    const std::string_view base_name = BaseName(name, &suffix);
    BuildText(suffix.empty() ? name : base_name);
    return text_ == collected_.text;
  }

  // Takes the series if it is one of a classic histogram.
  bool Collect() {
    if (type_ != model::MetricType::kHistogram) return false;
    std::string_view suffix;
    const std::string_view name = BaseName(LabelOf(model::kMetricName), &suffix);
    if (suffix.empty() || name != family_) return false;
    std::optional<double> bound;
    if (suffix == "_bucket") {
      bound = base::ParseFloat(LabelOf(kBucketLabel));
      if (!bound || std::isnan(*bound)) return false;
    }
    if (!std::exchange(collecting_, true)) {
      BuildText(name);
      collected_.text = text_;
      collected_.labels.Reset(labels_);
      collected_.labels.Set(model::kMetricName, name).Del(kBucketLabel);
      collected_.timestamp = inner_->timestamp();
      collected_.start = inner_->start_timestamp();
      collected_.exemplars.clear();
    }
    model::Exemplar exemplar;
    for (size_t i = 0; inner_->Exemplar(i, &exemplar); ++i) {
      if (exemplar.has_timestamp) collected_.exemplars.push_back(exemplar);
    }
    if (bound) {
      classic_.AddBucket(*bound, inner_->value());
    } else if (suffix == "_count") {
      classic_.SetCount(inner_->value());
    } else {
      classic_.SetSum(inner_->value());
    }
    return true;
  }

  // Ends collecting. True: there is a histogram to hand out.
  bool Finish() {
    if (!std::exchange(collecting_, false)) return false;
    emitting_ = classic_.Convert(&histogram_, &float_histogram_, &is_float_).has_value();
    classic_.Clear();
    std::swap(done_, collected_);
    return emitting_;
  }

  const std::unique_ptr<ExpositionParser> inner_;
  const bool keep_classic_;

  EntryKind kind_ = EntryKind::kEnd;  // of the entry the inner parser stands on
  std::vector<model::Label> labels_;  // of it, when it is a sample
  base::Status labels_status_;
  std::string text_;  // scratch
  model::MetricType type_ = model::MetricType::kUnknown;
  std::string family_;  // of the last TYPE line

  bool collecting_ = false;
  ClassicHistogram classic_;
  Collected collected_;

  bool emitting_ = false;
  Collected done_;
  bool is_float_ = false;
  model::Histogram histogram_;
  model::FloatHistogram float_histogram_;
};

}  // namespace

std::unique_ptr<ExpositionParser> NewCustomBucketsParser(std::unique_ptr<ExpositionParser> inner,
                                                         bool keep_classic) {
  return std::make_unique<CustomBucketsParser>(std::move(inner), keep_classic);
}

}  // namespace tributary::wire

// How histograms are printed.
#include <string_view>

#include "base/strings.h"
#include "model/float_histogram.h"

namespace tributary::model {

namespace {

std::string BracketedList(const std::vector<double>& values) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += " ";
    out += base::FormatFloatG(values[i]);
  }
  return out + "]";
}

// Space-separated "key:value" items.
class Items {
 public:
  void Add(std::string_view key, const std::string& value) {
    if (!text_.empty()) text_ += " ";
    text_.append(key).append(":").append(value);
  }
  void AddUnlessZero(std::string_view key, double value) {
    if (value != 0) Add(key, base::FormatFloatG(value));
  }
  void AddSide(std::string_view offset_key, std::string_view buckets_key,
               const std::vector<BucketSpan>& spans, const std::vector<double>& buckets) {
    if (!spans.empty() && spans[0].offset != 0) Add(offset_key, std::to_string(spans[0].offset));
    if (!buckets.empty()) Add(buckets_key, BracketedList(buckets));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The notation has one span a side, so gaps become empty buckets. Beyond this many a gap stays one.
constexpr size_t kMaxPrintedGap = 10'000;

}  // namespace

std::string ToString(const FloatHistogram& h) {
  std::string out = "{count:" + base::FormatFloatG(h.count) + ", sum:" + base::FormatFloatG(h.sum);
  const auto append = [&out](const Bucket& bucket) {
    if (bucket.count != 0) out += ", " + ToString(bucket);
  };
  for (ReverseSideBucketIterator it(h, false); it.Next();) append(it.At());
  if (h.zero_count != 0) append(ZeroBucket(h));
  for (SideBucketIterator it(h, true); it.Next();) append(it.At());
  return out + "}";
}

std::string ToTestExpression(const FloatHistogram& h) {
  FloatHistogram compact = h;
  Compact(&compact, kMaxPrintedGap);
  Items items;
  if (h.schema != 0) items.Add("schema", std::to_string(h.schema));
  items.AddUnlessZero("count", h.count);
  items.AddUnlessZero("sum", h.sum);
  items.AddUnlessZero("z_bucket", h.zero_count);
  items.AddUnlessZero("z_bucket_w", h.zero_threshold);
  if (UsesCustomBuckets(h)) items.Add("custom_values", BracketedList(h.custom_values));
  switch (h.reset_hint) {
    case CounterResetHint::kUnknown:
      break;
    case CounterResetHint::kReset:
      items.Add("counter_reset_hint", "reset");
      break;
    case CounterResetHint::kNotReset:
      items.Add("counter_reset_hint", "not_reset");
      break;
    case CounterResetHint::kGauge:
      items.Add("counter_reset_hint", "gauge");
      break;
  }
  items.AddSide("offset", "buckets", compact.positive_spans, compact.positive_buckets);
  items.AddSide("n_offset", "n_buckets", compact.negative_spans, compact.negative_buckets);
  return "{{" + items.text() + "}}";
}

}  // namespace tributary::model

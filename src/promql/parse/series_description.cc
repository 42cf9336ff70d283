#include "promql/parse/series_description.h"

#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/float_histogram.h"
#include "promql/parse/literals.h"
#include "promql/parse/parser.h"
#include "promql/parse/parser_impl.h"

namespace tributary::promql {
namespace {

using HistogramPtr = std::shared_ptr<const model::FloatHistogram>;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

struct ParsedHistogram {
  HistogramPtr histogram;
  bool reset_hint_given = false;
};

class SequenceParser {
 public:
  SequenceParser(std::string_view text, size_t pos) : text_(text), pos_(pos) {}

  base::Result<std::vector<SequenceValue>> Run();

 private:
  base::Status ParseItem();
  base::Status ParseHistogramItem();
  base::Result<ParsedHistogram> ParseHistogram();
  base::Status ParseField(std::string_view key, model::FloatHistogram* h, ParsedHistogram* out);
  base::Result<std::vector<double>> ParseBuckets();
  base::Result<double> ParseValue();  // optional sign, number, Inf or NaN
  base::Result<int64_t> ParseInt();
  base::Result<uint64_t> ParseTimes();  // behind the x
  base::Status Repeat(const SequenceValue& value, uint64_t times);

  char Peek(size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }
  bool Accept(std::string_view word) {
    if (!text_.substr(pos_).starts_with(word)) return false;
    pos_ += word.size();
    return true;
  }
  void SkipSpace() {
    while (IsSpace(Peek())) ++pos_;
  }
  std::string_view TakeWord() {
    const size_t start = pos_;
    while (IsLetter(Peek()) || Peek() == '_') ++pos_;
    return text_.substr(start, pos_ - start);
  }
  base::Error Fail(std::string_view what) const {
    return ParseErrorAt(text_, static_cast<int32_t>(pos_), what);
  }
  base::Error Unexpected(std::string_view where) const {
    if (pos_ >= text_.size()) return Fail(fmt::format("unexpected end of input in {}", where));
    const Rune rune = DecodeRune(text_.substr(pos_));
    return Fail(fmt::format("unexpected character in {}: {}", where, QuoteRune(rune.value)));
  }

  std::string_view text_;
  size_t pos_;
  std::vector<SequenceValue> values_;
};

base::Result<std::vector<SequenceValue>> SequenceParser::Run() {
  while (true) {
    if (pos_ < text_.size() && !IsSpace(Peek())) return Unexpected("series values");
    SkipSpace();
    if (pos_ >= text_.size()) return std::move(values_);
    RETURN_IF_ERROR(ParseItem());
  }
}

base::Status SequenceParser::Repeat(const SequenceValue& value, uint64_t times) {
  if (times > kMaxSequenceValues - values_.size()) {
    return Fail(fmt::format("more than {} values in one series", kMaxSequenceValues));
  }
  values_.insert(values_.end(), times, value);
  return base::OkStatus();
}

base::Status SequenceParser::ParseItem() {
  if (Peek() == '{') return ParseHistogramItem();
  SequenceValue value;
  if (Accept("_")) {
    value.omitted = true;
    uint64_t times = 1;
    if (Accept("x")) {
      ASSIGN_OR_RETURN(times, ParseTimes());
    }
    return Repeat(value, times);
  }
  if (Accept("stale")) {
    value.value = model::StaleNaN();
  } else {
    ASSIGN_OR_RETURN(value.value, ParseValue());
  }
  if (Accept("x")) {
    ASSIGN_OR_RETURN(const uint64_t times, ParseTimes());
    return Repeat(value, times + 1);
  }
  if (Peek() != '+' && Peek() != '-') return Repeat(value, 1);
  ASSIGN_OR_RETURN(const double step, ParseValue());
  if (!Accept("x")) return Unexpected("series values");
  ASSIGN_OR_RETURN(const uint64_t times, ParseTimes());
  for (uint64_t i = 0; i <= times; ++i) {
    RETURN_IF_ERROR(Repeat(value, 1));
    value.value += step;
  }
  return base::OkStatus();
}

base::Status SequenceParser::ParseHistogramItem() {
  ASSIGN_OR_RETURN(const ParsedHistogram first, ParseHistogram());
  SequenceValue value{.histogram = first.histogram, .reset_hint_given = first.reset_hint_given};
  if (Accept("x")) {
    ASSIGN_OR_RETURN(const uint64_t times, ParseTimes());
    return Repeat(value, times + 1);
  }
  if (Peek() != '+' && Peek() != '-') return Repeat(value, 1);
  const bool add = text_[pos_++] == '+';
  ASSIGN_OR_RETURN(const ParsedHistogram step, ParseHistogram());
  if (!Accept("x")) return Unexpected("series values");
  ASSIGN_OR_RETURN(const uint64_t times, ParseTimes());
  value.reset_hint_given = step.reset_hint_given;
  RETURN_IF_ERROR(Repeat(value, 1));
  for (uint64_t i = 0; i < times; ++i) {
    const int32_t schema = value.histogram->schema;
    if (schema > step.histogram->schema) {
      return Fail(fmt::format("error combining histograms: cannot merge from schema {} to {}",
                              step.histogram->schema, schema));
    }
    auto next = std::make_shared<model::FloatHistogram>(*value.histogram);
    const auto notes =
        add ? model::Add(next.get(), *step.histogram) : model::Sub(next.get(), *step.histogram);
    if (!notes) return Fail(notes.error().message());
    value.histogram = std::move(next);
    RETURN_IF_ERROR(Repeat(value, 1));
  }
  return base::OkStatus();
}

base::Result<ParsedHistogram> SequenceParser::ParseHistogram() {
  if (!Accept("{{")) return Unexpected("series values");
  model::FloatHistogram h;
  ParsedHistogram out;
  std::vector<std::string_view> seen;
  int32_t offset = 0;
  int32_t negative_offset = 0;
  while (true) {
    SkipSpace();
    if (Accept("}}")) break;
    const std::string_view key = TakeWord();
    if (key.empty()) return Unexpected("histogram description");
    if (!Accept(":")) return Fail("missing `:` for histogram descriptor");
    for (const std::string_view other : seen) {
      if (other == key) return Fail(fmt::format("duplicate key \"{}\" in histogram", key));
    }
    seen.push_back(key);
    if (key == "offset" || key == "n_offset") {
      ASSIGN_OR_RETURN(const int64_t value, ParseInt());
      (key == "offset" ? offset : negative_offset) = static_cast<int32_t>(value);
    } else {
      RETURN_IF_ERROR(ParseField(key, &h, &out));
    }
    if (!IsSpace(Peek()) && Peek() != '}') return Unexpected("histogram description");
  }
  if (!h.positive_buckets.empty()) {
    h.positive_spans = {{offset, static_cast<uint32_t>(h.positive_buckets.size())}};
  }
  if (!h.negative_buckets.empty()) {
    h.negative_spans = {{negative_offset, static_cast<uint32_t>(h.negative_buckets.size())}};
  }
  out.histogram = std::make_shared<const model::FloatHistogram>(std::move(h));
  return out;
}

base::Status SequenceParser::ParseField(std::string_view key, model::FloatHistogram* h,
                                        ParsedHistogram* out) {
  if (key == "schema") {
    ASSIGN_OR_RETURN(const int64_t schema, ParseInt());
    h->schema = static_cast<int32_t>(schema);
  } else if (key == "sum") {
    ASSIGN_OR_RETURN(h->sum, ParseValue());
  } else if (key == "count") {
    ASSIGN_OR_RETURN(h->count, ParseValue());
  } else if (key == "z_bucket") {
    ASSIGN_OR_RETURN(h->zero_count, ParseValue());
  } else if (key == "z_bucket_w") {
    ASSIGN_OR_RETURN(h->zero_threshold, ParseValue());
  } else if (key == "custom_values") {
    ASSIGN_OR_RETURN(h->custom_values, ParseBuckets());
  } else if (key == "buckets") {
    ASSIGN_OR_RETURN(h->positive_buckets, ParseBuckets());
  } else if (key == "n_buckets") {
    ASSIGN_OR_RETURN(h->negative_buckets, ParseBuckets());
  } else if (key == "counter_reset_hint") {
    const std::string_view hint = TakeWord();
    out->reset_hint_given = true;
    if (hint == "unknown") {
      h->reset_hint = model::CounterResetHint::kUnknown;
    } else if (hint == "reset") {
      h->reset_hint = model::CounterResetHint::kReset;
    } else if (hint == "not_reset") {
      h->reset_hint = model::CounterResetHint::kNotReset;
    } else if (hint == "gauge") {
      h->reset_hint = model::CounterResetHint::kGauge;
    } else {
      return Fail("bad histogram descriptor found: " + base::Quote(hint));
    }
  } else {
    return Fail("bad histogram descriptor found: " + base::Quote(key));
  }
  return base::OkStatus();
}

base::Result<std::vector<double>> SequenceParser::ParseBuckets() {
  if (!Accept("[")) return Unexpected("buckets description");
  std::vector<double> buckets;
  while (true) {
    SkipSpace();
    if (!buckets.empty() && Accept("]")) return buckets;
    ASSIGN_OR_RETURN(const double value, ParseValue());
    buckets.push_back(value);
    if (!IsSpace(Peek()) && Peek() != ']') return Unexpected("buckets description");
  }
}

base::Result<double> SequenceParser::ParseValue() {
  const size_t start = pos_;
  if (Peek() == '+' || Peek() == '-') ++pos_;
  if (IsDigit(Peek()) || Peek() == '.') {
    // No hexadecimal: x stands for repetition.
    while (
        IsDigit(Peek()) || Peek() == '.' || Peek() == '_' || Peek() == 'e' || Peek() == 'E' ||
        ((Peek() == '+' || Peek() == '-') && (text_[pos_ - 1] == 'e' || text_[pos_ - 1] == 'E'))) {
      ++pos_;
    }
  } else if (IsLetter(Peek())) {
    pos_ += 3;  // Inf or NaN, or wrong
  }
  if (pos_ > text_.size()) pos_ = text_.size();
  const auto value = ParseNumber(text_.substr(start, pos_ - start));
  if (value) return *value;
  pos_ = start;
  return Unexpected("series values, expected number or \"stale\"");
}

base::Result<int64_t> SequenceParser::ParseInt() {
  const size_t start = pos_;
  if (Peek() == '-') ++pos_;
  while (IsDigit(Peek())) ++pos_;
  if (const auto value = base::ParseInt(text_.substr(start, pos_ - start));
      value && *value >= INT32_MIN && *value <= INT32_MAX) {
    return *value;
  }
  pos_ = start;
  return Unexpected("histogram description, expected an integer");
}

base::Result<uint64_t> SequenceParser::ParseTimes() {
  const size_t start = pos_;
  while (IsDigit(Peek())) ++pos_;
  if (const auto value = base::ParseUint(text_.substr(start, pos_ - start));
      value && *value <= kMaxSequenceValues) {
    return *value;
  }
  pos_ = start;
  return Fail(fmt::format("invalid repetition in series values, at most {} are allowed",
                          kMaxSequenceValues));
}

// The end of the name and label set that the text begins with.
size_t MetricEnd(std::string_view text) {
  size_t pos = 0;
  while (pos < text.size() && IsSpace(text[pos])) ++pos;
  while (pos < text.size() &&
         (IsLetter(text[pos]) || IsDigit(text[pos]) || text[pos] == '_' || text[pos] == ':')) {
    ++pos;
  }
  if (pos >= text.size() || text[pos] != '{') return pos;
  char quote = '\0';
  for (++pos; pos < text.size(); ++pos) {
    const char c = text[pos];
    if (quote != '\0') {
      if (c == '\\' && quote != '`') {
        ++pos;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '}') {
      return pos + 1;
    }
  }
  return text.size();
}

}  // namespace

base::Result<SeriesDescription> ParseSeriesDescription(std::string_view text) {
  const size_t end = MetricEnd(text);
  SeriesDescription out;
  ASSIGN_OR_RETURN(out.labels, ParseMetric(text.substr(0, end)));
  ASSIGN_OR_RETURN(out.values, SequenceParser(text, end).Run());
  return out;
}

}  // namespace tributary::promql

// What the two text parsers have in common: the current entry, its labels and the wording of
// errors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/text_parser.h"

namespace tributary::wire {

// Bytes of the body as they stand there, without the quotes.
struct RawText {
  std::string_view text;
  bool escaped = false;  // has backslashes
  bool quoted = false;   // a quoted name: not yet known to be UTF-8
};
struct RawLabel {
  RawText name, value;
};

class ExpositionBase : public ExpositionParser {
 public:
  std::string_view series_text() const override { return series_; }
  double value() const override { return value_; }
  std::optional<model::Timestamp> timestamp() const override { return timestamp_; }
  base::Status Labels(std::vector<model::Label>* out) override;
  bool Exemplar(size_t /*index*/, model::Exemplar* /*out*/) const override { return false; }
  std::string_view rest() const override { return {pos_, static_cast<size_t>(end_ - pos_)}; }
  void PassKnown(size_t size, model::MetricType type) override {
    pos_ += size;
    type_ = type;
  }
  std::string_view family() const override { return family_; }
  model::MetricType type() const override { return type_; }
  std::string_view text() const override { return text_; }

 protected:
  explicit ExpositionBase(std::string_view body)
      : pos_(body.data()), end_(body.data() + body.size()), body_(body.data()) {}

  // "line 3: expected value after metric, got "x" while parsing: "a x""; `at` is the byte that
  // did not fit.
  base::Error Expected(std::string_view expected, const char* at) const;
  // "line 3: <what> while parsing: "a x"".
  base::Error Bad(std::string_view what, const char* at) const;

  // Reads the family name of a metadata line, plain or quoted, into family_. Returns the byte
  // behind it; null when there is no name at `p`.
  const char* ReadFamily(const char* p);

  const char* pos_;  // the next byte to read
  const char* end_;
  const char* line_ = nullptr;  // where the current entry starts

  std::string_view series_;
  RawText name_;
  bool has_name_ = false;
  std::vector<RawLabel> labels_;
  double value_ = 0;
  std::optional<model::Timestamp> timestamp_;

  std::string_view family_, text_;
  model::MetricType type_ = model::MetricType::kUnknown;  // of the last TYPE line
  std::string text_scratch_;

 private:
  const char* body_;
  std::string family_scratch_;
  std::string label_scratch_;
};

// Label values and quoted names: \" \\ \n; any other backslash stays.
void AppendUnescaped(std::string_view raw, std::string* out);
// HELP of the 0.0.4 format: \\ \n.
void AppendUnescapedHelp(std::string_view raw, std::string* out);

// Sorted, unescaped labels; unescaped bytes go to `scratch`, which must not change while they are
// in use. Empty values are dropped. Errors: a name twice, a quoted name that is not UTF-8.
base::Status BuildLabels(const std::vector<RawLabel>& raw, const RawText* metric_name,
                         model::MetricType type, std::string* scratch,
                         std::vector<model::Label>* out);

// Go's %g, with ".0" where there is neither point nor exponent: how OpenMetrics writes `le` and
// `quantile`.
std::string OpenMetricsFloat(double value);

}  // namespace tributary::wire

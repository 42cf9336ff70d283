// OpenMetrics 1.0 text format, as strict as Prometheus (model/textparse/openmetricsparse.go):
// single spaces, a newline after every line, `# EOF` last. Samples named <family>_created are
// ordinary samples unless start timestamps are asked for.
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/exposition_base.h"
#include "wire/exposition_scan.h"
#include "wire/text_parser.h"

namespace tributary::wire {
namespace {

constexpr std::string_view kCreated = "_created";
constexpr double kMaxStartMs = 1e17;  // what is later is no time
constexpr std::string_view kNoEof = "data does not end with # EOF";

std::optional<model::MetricType> TypeOf(std::string_view word) {
  if (word == "counter") return model::MetricType::kCounter;
  if (word == "gauge") return model::MetricType::kGauge;
  if (word == "histogram") return model::MetricType::kHistogram;
  if (word == "gaugehistogram") return model::MetricType::kGaugeHistogram;
  if (word == "summary") return model::MetricType::kSummary;
  if (word == "info") return model::MetricType::kInfo;
  if (word == "stateset") return model::MetricType::kStateset;
  if (word == "unknown") return model::MetricType::kUnknown;
  return std::nullopt;
}

// Seconds, possibly broken, as milliseconds, cut towards zero.
std::optional<model::Timestamp> ToMillis(double seconds) {
  const double ms = seconds * 1000;
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(ms < kLimit && ms >= -kLimit)) return std::nullopt;
  return static_cast<model::Timestamp>(ms);
}

class OpenMetricsParser final : public ExpositionBase {
 public:
  OpenMetricsParser(std::string_view body, bool start_timestamps)
      : ExpositionBase(body), start_timestamps_(start_timestamps), start_line_(body.data()) {}

  base::Result<EntryKind> Next() override {
    for (;;) {
      ASSIGN_OR_RETURN(const EntryKind kind, ReadLine());
      if (kind == EntryKind::kSample && start_timestamps_ && IsStartLine()) continue;
      return kind;
    }
  }

  // As Prometheus: the lines up to the next metadata are searched for the first _created line,
  // which must be of the same series, `le` and `quantile` aside.
  model::Timestamp start_timestamp() override {
    if (!start_timestamps_ || !HasStart(type_)) return 0;
    if (start_line_ < pos_) FindStartLine();
    if (!start_found_) return 0;
    AppendIdentity(&identity_);
    return identity_ == start_identity_ ? start_ : 0;
  }

 private:
  base::Result<EntryKind> ReadLine() {
    const char* p = line_ = pos_;
    if (p >= end_) return Bad(kNoEof, p);
    has_exemplar_ = false;
    if (*p == '#') return ReadHash(p);
    labels_.clear();
    has_name_ = false;
    if (*p != '{') {
      if (!IsNameStart(*p) && *p != ':') return Expected("expected a valid start token", p);
      const char* name_end = PassName<true>(p, end_);
      name_ = {.text = {p, static_cast<size_t>(name_end - p)}};
      has_name_ = true;
      p = name_end;
    }
    if (At(p) == '{') {
      ASSIGN_OR_RETURN(p, ReadLabels(p + 1, false, &labels_));
      if (!has_name_) return Bad("metric name not set", p - 1);
    }
    series_ = {line_, static_cast<size_t>(p - line_)};
    return ReadSample(p);
  }

 public:
  std::string_view rest() const override {
    // What start_timestamp() tells is not known without the labels.
    return start_timestamps_ ? std::string_view() : ExpositionBase::rest();
  }

  bool NextKnown(size_t size, KnownSample* sample) override {
    const char* p = pos_ + size;
    if (At(p) != ' ') return false;
    ++p;
    double value = 0;
    const char* token_end = ParseShortDecimal(p, end_, &value);
    if (token_end == nullptr || At(token_end) != '\n') return false;
    pos_ = token_end + 1;
    *sample = {value, std::nullopt, ExpositionBase::rest()};
    return true;
  }

  bool Exemplar(size_t index, model::Exemplar* out) const override {
    if (index > 0 || !has_exemplar_) return false;
    std::string scratch;
    std::vector<model::Label> labels;
    if (!BuildLabels(exemplar_labels_, nullptr, model::MetricType::kUnknown, &scratch, &labels)) {
      return false;
    }
    out->labels = model::Labels::FromSpan(labels);
    out->value = exemplar_value_;
    out->has_timestamp = exemplar_time_.has_value();
    out->t = exemplar_time_.value_or(0);
    return true;
  }

 private:
  static bool HasStart(model::MetricType type) {
    return type == model::MetricType::kCounter || type == model::MetricType::kHistogram ||
           type == model::MetricType::kSummary;
  }
  bool IsStartLine() const { return HasStart(type_) && name_.text.ends_with(kCreated); }

  // The family and the labels that all series of the current sample's metric share.
  void AppendIdentity(std::string* out) const {
    out->assign(type_family_);
    for (const RawLabel& label : labels_) {
      const std::string_view name = label.name.text;
      if ((type_ == model::MetricType::kSummary && name == "quantile") ||
          (type_ == model::MetricType::kHistogram && name == "le")) {
        continue;
      }
      out->append(1, '\xff').append(name).append(1, '\xff').append(label.value.text);
    }
  }

  // Looks behind the current line. Lines between it and the one found need not look again, so that
  // a page is read twice at most.
  void FindStartLine() {
    OpenMetricsParser ahead({pos_, static_cast<size_t>(end_ - pos_)}, false);
    ahead.type_ = type_;
    ahead.type_family_ = type_family_;
    start_found_ = false;
    for (;;) {
      const auto kind = ahead.ReadLine();
      if (!kind || *kind != EntryKind::kSample) break;
      if (!ahead.IsStartLine()) continue;
      const std::string_view name = ahead.name_.text;
      const double ms = ahead.value_ * 1000;
      start_found_ = name.substr(0, name.size() - kCreated.size()) == type_family_ &&
                     std::abs(ms) < kMaxStartMs;
      if (start_found_) {
        ahead.AppendIdentity(&start_identity_);
        start_ = static_cast<model::Timestamp>(ms);
      }
      break;
    }
    start_line_ = ahead.pos_;
  }

  // '\0' at the end: it fits nowhere.
  char At(const char* p) const { return p < end_ ? *p : '\0'; }
  bool StartsWith(const char* p, std::string_view word) const {
    return static_cast<size_t>(end_ - p) >= word.size() &&
           std::memcmp(p, word.data(), word.size()) == 0;
  }

  base::Result<EntryKind> ReadHash(const char* hash) {
    if (StartsWith(hash, "# HELP ")) return ReadMetadata(hash + 7, EntryKind::kHelp);
    if (StartsWith(hash, "# TYPE ")) return ReadMetadata(hash + 7, EntryKind::kType);
    if (StartsWith(hash, "# UNIT ")) return ReadMetadata(hash + 7, EntryKind::kUnit);
    if (!StartsWith(hash, "# EOF")) return Expected("expected a valid start token", hash);
    const char* p = hash + 5;
    if (At(p) == '\n') ++p;
    if (p < end_) return Bad("unexpected data after # EOF", p);
    return EntryKind::kEnd;  // and again at the next call
  }

  base::Result<EntryKind> ReadMetadata(const char* p, EntryKind kind) {
    const std::string_view word = kind == EntryKind::kHelp   ? "HELP"
                                  : kind == EntryKind::kType ? "TYPE"
                                                             : "UNIT";
    const char* name = p;
    p = ReadFamily(name);
    if (p == nullptr) return Expected(fmt::format("expected metric name after {}", word), name);
    const void* newline =
        At(p) == ' ' ? std::memchr(p, '\n', static_cast<size_t>(end_ - p)) : nullptr;
    if (newline == nullptr) return Expected(fmt::format("expected text in {}", word), p);
    const char* end = static_cast<const char*>(newline);
    text_ = {p + 1, static_cast<size_t>(end - p - 1)};
    switch (kind) {
      case EntryKind::kType: {
        const std::optional<model::MetricType> type = TypeOf(text_);
        if (!type) {
          return Bad(fmt::format("invalid metric type {}", base::Quote(text_.substr(0, 64))),
                     end - 1);
        }
        type_ = *type;
        type_family_ = family_;
        break;
      }
      case EntryKind::kUnit:
        if (!text_.empty() && (!family_.ends_with(text_) || family_.size() <= text_.size() ||
                               family_[family_.size() - text_.size() - 1] != '_')) {
          return Bad(
              fmt::format("unit {} is not a suffix of metric {}", base::Quote(text_.substr(0, 64)),
                          base::Quote(family_.substr(0, 200))),
              end - 1);
        }
        break;
      default:
        if (!base::IsValidUtf8(text_)) return Bad("help text is not valid UTF-8", end - 1);
        if (text_.find('\\') != std::string_view::npos) {
          text_scratch_.clear();
          AppendUnescaped(text_, &text_scratch_);
          text_ = text_scratch_;
        }
    }
    pos_ = end + 1;
    return kind;
  }

  // `p` stands behind the opening brace; returns the byte behind the closing one.
  base::Result<const char*> ReadLabels(const char* p, bool exemplar,
                                       std::vector<RawLabel>* labels) {
    for (;;) {
      RawLabel label;
      const char c = At(p);
      if (c == '}') return p + 1;
      if (c == '"') {
        const QuotedScan scan = ScanQuoted<true>(p + 1, end_);
        if (scan.close == nullptr) return Expected("expected label name", p);
        label.name = {.text = {p + 1, static_cast<size_t>(scan.close - p - 1)},
                      .escaped = scan.escaped,
                      .quoted = true};
        p = scan.close + 1;
        if (!exemplar && (At(p) == ',' || At(p) == '}')) {
          // A quoted string on its own is the metric's name.
          if (has_name_) return Bad("metric name already set", p);
          name_ = label.name;
          has_name_ = true;
          if (*p == ',') ++p;
          continue;
        }
      } else if (IsNameStart(c)) {
        const char* name_end = PassName<false>(p, end_);
        label.name.text = {p, static_cast<size_t>(name_end - p)};
        p = name_end;
      } else {
        return Expected("expected label name", p);
      }
      if (At(p) != '=') return Expected("expected equal", p);
      ++p;
      if (At(p) != '"') return Expected("expected label value", p);
      const QuotedScan scan = ScanQuoted<true>(p + 1, end_);
      if (scan.close == nullptr) return Expected("expected label value", p);
      label.value.text = {p + 1, static_cast<size_t>(scan.close - p - 1)};
      label.value.escaped = scan.escaped;
      if (scan.high && !base::IsValidUtf8(label.value.text)) {
        return Bad("invalid UTF-8 label value", scan.close);
      }
      labels->push_back(label);
      p = scan.close + 1;
      if (At(p) == ',') {
        ++p;
      } else if (At(p) != '}') {
        return Expected("expected comma or brace close", p);
      }
    }
  }

  // A space, then everything up to the next space or newline, as a float.
  base::Result<const char*> ReadFloat(const char* p, std::string_view expected, double* out) {
    if (At(p) != ' ') return Expected(expected, p);
    ++p;
    const char* token_end = ParseShortDecimal(p, end_, out);
    if (token_end != nullptr && (At(token_end) == ' ' || At(token_end) == '\n')) return token_end;
    token_end = p;
    while (token_end < end_ && *token_end != ' ' && *token_end != '\n') ++token_end;
    if (token_end == p) return Expected(expected, p);
    const std::string_view token(p, static_cast<size_t>(token_end - p));
    const std::optional<double> number = ParseFloatSlow(token);
    if (!number) {
      return Bad(fmt::format("expected a float, got {}", base::Quote(token.substr(0, 64))),
                 token_end - 1);
    }
    *out = *number;
    return token_end;
  }

  base::Result<const char*> ReadTime(const char* p, std::optional<model::Timestamp>* out) {
    double seconds = 0;
    ASSIGN_OR_RETURN(p, ReadFloat(p, "expected timestamp", &seconds));
    *out = ToMillis(seconds);
    if (!*out) return Bad(fmt::format("invalid timestamp {}", seconds), p - 1);
    return p;
  }

  base::Result<EntryKind> ReadSample(const char* p) {
    ASSIGN_OR_RETURN(p, ReadFloat(p, "expected value after metric", &value_));
    timestamp_.reset();
    std::string_view expected = "expected timestamp or new record";
    if (At(p) == ' ' && !StartsWith(p, " # {")) {
      ASSIGN_OR_RETURN(p, ReadTime(p, &timestamp_));
      expected = "expected next entry after timestamp";
    }
    if (StartsWith(p, " # {")) {
      ASSIGN_OR_RETURN(p, ReadExemplar(p + 4));
      expected = "expected next entry after exemplar";
    }
    if (p >= end_) return Bad(kNoEof, p);
    if (*p != '\n') return Expected(expected, p);
    pos_ = p + 1;
    return EntryKind::kSample;
  }

  base::Result<const char*> ReadExemplar(const char* p) {
    exemplar_labels_.clear();
    exemplar_time_.reset();
    ASSIGN_OR_RETURN(p, ReadLabels(p, true, &exemplar_labels_));
    ASSIGN_OR_RETURN(p, ReadFloat(p, "expected value after exemplar labels", &exemplar_value_));
    if (At(p) == ' ') {
      ASSIGN_OR_RETURN(p, ReadTime(p, &exemplar_time_));
    }
    has_exemplar_ = true;
    return p;
  }

  const bool start_timestamps_;
  std::string type_family_;  // that the last TYPE line spoke of
  const char* start_line_;   // searched up to here
  bool start_found_ = false;
  std::string start_identity_, identity_;
  model::Timestamp start_ = 0;

  bool has_exemplar_ = false;
  std::vector<RawLabel> exemplar_labels_;
  double exemplar_value_ = 0;
  std::optional<model::Timestamp> exemplar_time_;
};

}  // namespace

std::unique_ptr<ExpositionParser> NewOpenMetricsParser(std::string_view body,
                                                       bool start_timestamps) {
  return std::make_unique<OpenMetricsParser>(body, start_timestamps);
}

}  // namespace tributary::wire

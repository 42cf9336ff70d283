#include "wire/text_parser.h"

#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/exposition_base.h"
#include "wire/exposition_scan.h"

namespace tributary::wire {
namespace {

std::optional<model::MetricType> TypeOf(std::string_view word) {
  if (word == "counter") return model::MetricType::kCounter;
  if (word == "gauge") return model::MetricType::kGauge;
  if (word == "histogram") return model::MetricType::kHistogram;
  if (word == "summary") return model::MetricType::kSummary;
  if (word == "untyped") return model::MetricType::kUnknown;
  return std::nullopt;
}

// The end of the body counts as the end of a line: the last newline may be missing.
class TextParser final : public ExpositionBase {
 public:
  explicit TextParser(std::string_view body) : ExpositionBase(body) {}

  base::Result<EntryKind> Next() override {
    for (;;) {
      line_ = pos_;
      const char* p = PassBlanks(pos_);
      if (p >= end_) return EntryKind::kEnd;
      if (*p == '\n') {
        pos_ = p + 1;
        continue;
      }
      line_ = p;
      if (*p == '#') return ReadHash(p);
      labels_.clear();
      if (*p == '{') {
        has_name_ = false;
        return ReadLabeledSample(p);
      }
      if (!IsNameStart(*p) && *p != ':') return Expected("expected a valid start token", p);
      const char* name_end = PassName<true>(p, end_);
      name_ = {.text = {p, static_cast<size_t>(name_end - p)}};
      has_name_ = true;
      p = PassBlanks(name_end);
      if (p < end_ && *p == '{') return ReadLabeledSample(p);
      series_ = name_.text;
      return ReadValue(p);
    }
  }

  bool NextKnown(size_t size, KnownSample* sample) override {
    const char* p = pos_ + size;
    if (At(p) != ' ') return false;
    ++p;
    double value = 0;
    const char* token_end = ParseShortDecimal(p, end_, &value);
    if (token_end == nullptr || (At(token_end) != '\n' && *token_end != ' ')) {
      token_end = p;
      while (token_end < end_ && IsNumberByte(*token_end)) ++token_end;
      const std::optional<double> number = ParseFloatSlow({p, static_cast<size_t>(token_end - p)});
      if (!number) return false;
      value = *number;
    }
    p = token_end;
    std::optional<model::Timestamp> timestamp;
    if (p < end_ && *p == ' ') {
      int64_t t = 0;
      if (At(p + 1) < '0' || At(p + 1) > '9') return false;
      const auto [after_time, error] = std::from_chars(p + 1, end_, t);
      if (error != std::errc()) return false;
      timestamp = t;
      p = after_time;
    }
    if (At(p) != '\n') return false;
    EndLine(p);
    *sample = {value, timestamp, rest()};
    return true;
  }

 private:
  // Of any float but a hexadecimal one: digits, signs, points, "e", "NaN", "Inf".
  static bool IsNumberByte(char c) { return IsNameByte(c) || c == '+' || c == '-' || c == '.'; }
  const char* PassBlanks(const char* p) const {
    while (p < end_ && (*p == ' ' || *p == '\t')) ++p;
    return p;
  }
  char At(const char* p) const { return p < end_ ? *p : '\n'; }
  const char* LineEnd(const char* p) const {
    const void* newline = p < end_ ? std::memchr(p, '\n', static_cast<size_t>(end_ - p)) : nullptr;
    return newline != nullptr ? static_cast<const char*>(newline) : end_;
  }
  void EndLine(const char* p) { pos_ = p < end_ ? p + 1 : end_; }

  base::Result<EntryKind> ReadHash(const char* hash) {
    const char* p = PassBlanks(hash + 1);
    const bool spaced = p > hash + 1;
    if (spaced && end_ - p > 4 && (p[4] == ' ' || p[4] == '\t')) {
      if (std::memcmp(p, "HELP", 4) == 0) return ReadMetadata(p + 5, EntryKind::kHelp);
      if (std::memcmp(p, "TYPE", 4) == 0) return ReadMetadata(p + 5, EntryKind::kType);
    }
    const char* end = LineEnd(hash);
    text_ = {hash, static_cast<size_t>(end - hash)};
    EndLine(end);
    return EntryKind::kComment;
  }

  base::Result<EntryKind> ReadMetadata(const char* p, EntryKind kind) {
    const char* name = PassBlanks(p);
    p = ReadFamily(name);
    if (p == nullptr) {
      return Expected(kind == EntryKind::kHelp ? "expected metric name after HELP"
                                               : "expected metric name after TYPE",
                      name);
    }
    // One byte after the name separates; blanks alone are no text.
    const char* end = LineEnd(p);
    std::string_view text;
    if (PassBlanks(p) < end) text = {p + 1, static_cast<size_t>(end - p - 1)};
    if (kind == EntryKind::kType) {
      const std::optional<model::MetricType> type = TypeOf(text);
      if (!type)
        return Bad(fmt::format("invalid metric type {}", base::Quote(text.substr(0, 64))), end - 1);
      type_ = *type;
    } else if (!base::IsValidUtf8(text)) {
      return Bad("help text is not valid UTF-8", end - 1);
    }
    text_ = text;
    if (kind == EntryKind::kHelp && text.find('\\') != std::string_view::npos) {
      text_scratch_.clear();
      AppendUnescapedHelp(text, &text_scratch_);
      text_ = text_scratch_;
    }
    EndLine(end);
    return kind;
  }

  // `p` stands on the opening brace.
  base::Result<EntryKind> ReadLabeledSample(const char* p) {
    p = PassBlanks(p + 1);
    for (;;) {
      RawLabel label;
      const char c = At(p);
      if (c == '}') break;
      if (c == '"') {
        const QuotedScan scan = ScanQuoted<true>(p + 1, end_);
        if (scan.close == nullptr) return Expected("expected label name", p);
        label.name = {.text = {p + 1, static_cast<size_t>(scan.close - p - 1)},
                      .escaped = scan.escaped,
                      .quoted = true};
        p = PassBlanks(scan.close + 1);
        if (At(p) == ',' || At(p) == '}') {
          // A quoted string on its own is the metric's name.
          if (has_name_) return Bad("metric name already set", p);
          name_ = label.name;
          has_name_ = true;
          if (*p == '}') break;
          p = PassBlanks(p + 1);
          continue;
        }
      } else if (IsNameStart(c)) {
        const char* name_end = PassName<false>(p, end_);
        label.name.text = {p, static_cast<size_t>(name_end - p)};
        p = PassBlanks(name_end);
      } else {
        return Expected("expected label name", p);
      }
      if (At(p) != '=') return Expected("expected equal", p);
      p = PassBlanks(p + 1);
      if (At(p) != '"') return Expected("expected label value", p);
      const QuotedScan scan = ScanQuoted<false>(p + 1, end_);
      if (scan.close == nullptr) return Expected("expected label value", p);
      label.value.text = {p + 1, static_cast<size_t>(scan.close - p - 1)};
      label.value.escaped = scan.escaped;
      if (scan.high && !base::IsValidUtf8(label.value.text)) {
        return Bad("invalid UTF-8 label value", scan.close);
      }
      labels_.push_back(label);
      p = PassBlanks(scan.close + 1);
      if (At(p) == ',') p = PassBlanks(p + 1);
    }
    series_ = {line_, static_cast<size_t>(p + 1 - line_)};
    if (!has_name_) return Bad("metric name not set", LineEnd(p) - 1);
    return ReadValue(PassBlanks(p + 1));
  }

  base::Result<EntryKind> ReadValue(const char* p) {
    const char* token_end = ParseShortDecimal(p, end_, &value_);
    const char after = token_end != nullptr ? At(token_end) : 'x';
    if (after != ' ' && after != '\n' && after != '\t' && after != '{') {
      token_end = p;
      while (token_end < end_ && *token_end != ' ' && *token_end != '\n' && *token_end != '\t' &&
             *token_end != '{') {
        ++token_end;
      }
      if (token_end == p) return Expected("expected value after metric", p);
      const std::string_view token(p, static_cast<size_t>(token_end - p));
      const std::optional<double> number = ParseFloatSlow(token);
      if (!number) {
        return Bad(
            fmt::format("expected a float as value, got {}", base::Quote(token.substr(0, 64))),
            token_end - 1);
      }
      value_ = *number;
    }
    timestamp_.reset();
    p = PassBlanks(token_end);
    if (At(p) == '\n') {
      EndLine(p);
      return EntryKind::kSample;
    }
    int64_t t = 0;
    if (*p < '0' || *p > '9') return Expected("expected timestamp or new record", p);
    const auto [after_time, error] = std::from_chars(p, end_, t);
    if (error != std::errc()) return Bad("timestamp out of range", after_time - 1);
    timestamp_ = t;
    p = PassBlanks(after_time);
    if (At(p) != '\n') return Expected("expected next entry after timestamp", p);
    EndLine(p);
    return EntryKind::kSample;
  }
};

}  // namespace

std::unique_ptr<ExpositionParser> NewTextParser(std::string_view body) {
  return std::make_unique<TextParser>(body);
}

}  // namespace tributary::wire

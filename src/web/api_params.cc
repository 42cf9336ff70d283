#include "web/api_params.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/strings.h"
#include "promql/engine.h"
#include "web/envelope.h"

namespace tributary::web {
namespace {

using base::Result;
using model::Timestamp;

constexpr int64_t kMsPerDay = 86'400'000;

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back.
// Derivation: https://howardhinnant.github.io/date_algorithms.html
int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

struct Date {
  int64_t year, month, day;
};

Date CivilFromDays(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted_month + (shifted_month < 10 ? 3 : -9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

int64_t DaysInMonth(int64_t year, int64_t month) {
  const int64_t next =
      month == 12 ? DaysFromCivil(year + 1, 1, 1) : DaysFromCivil(year, month + 1, 1);
  return next - DaysFromCivil(year, month, 1);
}

// Exactly `digits` decimal digits from the front of `text`.
std::optional<int64_t> TakeDigits(std::string_view* text, size_t digits) {
  if (text->size() < digits) return std::nullopt;
  int64_t value = 0;
  for (const char c : text->substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return value;
}

bool TakeChar(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

std::optional<Timestamp> ParseRfc3339(std::string_view text) {
  const auto year = TakeDigits(&text, 4);
  if (!year || !TakeChar(&text, '-')) return std::nullopt;
  const auto month = TakeDigits(&text, 2);
  if (!month || *month < 1 || *month > 12 || !TakeChar(&text, '-')) return std::nullopt;
  const auto day = TakeDigits(&text, 2);
  if (!day || *day < 1 || *day > DaysInMonth(*year, *month) || !TakeChar(&text, 'T')) {
    return std::nullopt;
  }
  const auto hour = TakeDigits(&text, 2);
  if (!hour || *hour > 23 || !TakeChar(&text, ':')) return std::nullopt;
  const auto minute = TakeDigits(&text, 2);
  if (!minute || *minute > 59 || !TakeChar(&text, ':')) return std::nullopt;
  const auto second = TakeDigits(&text, 2);
  if (!second || *second > 59) return std::nullopt;
  int64_t ms = 0;
  if (TakeChar(&text, '.') || TakeChar(&text, ',')) {
    size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
    if (digits == 0) return std::nullopt;
    for (size_t i = 0; i < 3; ++i) ms = ms * 10 + (i < digits ? text[i] - '0' : 0);
    text.remove_prefix(digits);
  }
  int64_t offset_minutes = 0;
  if (!TakeChar(&text, 'Z')) {
    const bool west = TakeChar(&text, '-');
    if (!west && !TakeChar(&text, '+')) return std::nullopt;
    const auto offset_hour = TakeDigits(&text, 2);
    if (!offset_hour || *offset_hour > 23 || !TakeChar(&text, ':')) return std::nullopt;
    const auto offset_minute = TakeDigits(&text, 2);
    if (!offset_minute || *offset_minute > 59) return std::nullopt;
    offset_minutes = (*offset_hour * 60 + *offset_minute) * (west ? -1 : 1);
  }
  if (!text.empty()) return std::nullopt;
  return DaysFromCivil(*year, *month, *day) * kMsPerDay +
         ((*hour * 60 + *minute - offset_minutes) * 60 + *second) * 1'000 + ms;
}

// The words of Go's strconv.Atoi.
Result<int64_t> Atoi(std::string_view text) {
  const std::string_view digits = !text.empty() && text[0] == '+' ? text.substr(1) : text;
  int64_t value = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (ec == std::errc::result_out_of_range) {
    return base::InvalidArgument(
        fmt::format("strconv.Atoi: parsing {}: value out of range", base::Quote(text)));
  }
  if (ec != std::errc() || end != digits.data() + digits.size()) {
    return base::InvalidArgument(
        fmt::format("strconv.Atoi: parsing {}: invalid syntax", base::Quote(text)));
  }
  return value;
}

}  // namespace

Result<Timestamp> ParseTime(std::string_view text) {
  if (const auto seconds = base::ParseFloat(text); seconds && !std::isnan(*seconds)) {
    double whole = 0;
    const double fraction = std::modf(*seconds, &whole);
    if (whole <= static_cast<double>(model::kMinTime / 1000)) return model::kMinTime;
    if (whole >= static_cast<double>(model::kMaxTime / 1000)) return model::kMaxTime;
    return static_cast<int64_t>(whole) * 1000 +
           static_cast<int64_t>(std::isinf(*seconds) ? 0 : std::round(fraction * 1000));
  }
  if (const auto t = ParseRfc3339(text)) return *t;
  // The bounds of time as Prometheus prints them; their years have too many digits for RFC 3339.
  if (text == "-292273086-05-16T16:47:06Z") return model::kMinTime;
  if (text == "292277025-08-18T07:12:54.999999999Z") return model::kMaxTime;
  return base::InvalidArgument(
      fmt::format("cannot parse {} to a valid timestamp", base::Quote(text)));
}

Result<Timestamp> ParseTimeParam(const Call& call, std::string_view name, Timestamp fallback) {
  const std::string_view text = call.param(name);
  if (text.empty()) return fallback;
  auto t = ParseTime(text);
  if (!t) return t.error().Context(fmt::format("invalid time value for '{}'", name));
  return t;
}

Result<int64_t> ParseApiDuration(std::string_view text) {
  if (const auto seconds = base::ParseFloat(text); seconds && !std::isnan(*seconds)) {
    constexpr double kMaxSeconds = 9223372036.854775807;  // of Go's int64 nanoseconds
    if (*seconds > kMaxSeconds || *seconds < -kMaxSeconds) {
      return base::InvalidArgument(fmt::format(
          "cannot parse {} to a valid duration. It overflows int64", base::Quote(text)));
    }
    const double ms = *seconds * 1000;
    if (ms > 0 && ms < 1) return 1;
    return static_cast<int64_t>(ms);
  }
  if (const auto ms = base::ParseDurationMs(text)) return *ms;
  return base::InvalidArgument(
      fmt::format("cannot parse {} to a valid duration", base::Quote(text)));
}

Result<uint64_t> ParseLimit(std::string_view text) {
  if (text.empty()) return 0;
  ASSIGN_OR_RETURN(const int64_t limit, Atoi(text));
  if (limit < 0) return base::InvalidArgument("limit must be non-negative");
  return static_cast<uint64_t>(limit);
}

Result<MatcherSets> ParseMatcherSets(const std::vector<std::string_view>& texts) {
  MatcherSets sets;
  for (const std::string_view text : texts) {
    ASSIGN_OR_RETURN(std::vector<model::Matcher> matchers, promql::ParseMetricSelector(text));
    if (std::all_of(matchers.begin(), matchers.end(),
                    [](const model::Matcher& m) { return m.MatchesEmpty(); })) {
      return base::InvalidArgument("match[] must contain at least one non-empty matcher");
    }
    sets.push_back(std::move(matchers));
  }
  return sets;
}

std::string FormatTime(int64_t ms, bool zero_is_never) {
  if (ms == 0 && zero_is_never) return "0001-01-01T00:00:00Z";
  const int64_t days = (ms >= 0 ? ms : ms - kMsPerDay + 1) / kMsPerDay;
  const int64_t rest = ms - days * kMsPerDay;
  const Date date = CivilFromDays(days);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month,
                                 date.day, rest / 3'600'000, rest / 60'000 % 60, rest / 1'000 % 60);
  if (int64_t fraction = rest % 1'000; fraction != 0) {
    std::string digits = fmt::format(".{:03}", fraction);
    while (digits.back() == '0') digits.pop_back();
    text += digits;
  }
  return text + "Z";
}

std::optional<RangeAndLimit> ParseRangeAndLimit(Call& call) {
  const auto limit = ParseLimit(call.param("limit"));
  if (!limit) {
    RespondInvalidParam(call.response, "limit", limit.error().message());
    return std::nullopt;
  }
  const auto start = ParseTimeParam(call, "start", model::kMinTime);
  if (!start) {
    RespondInvalidParam(call.response, "start", start.error().message());
    return std::nullopt;
  }
  const auto end = ParseTimeParam(call, "end", model::kMaxTime);
  if (!end) {
    RespondInvalidParam(call.response, "end", end.error().message());
    return std::nullopt;
  }
  return RangeAndLimit{*start, *end, *limit};
}

}  // namespace tributary::web

#include "base/duration.h"

#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::base {
namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

struct Unit {
  std::string_view name;
  int64_t ms;
  bool only_when_exact;  // printed only when nothing is left over
};
// From the largest to the smallest, the order in which they may be written.
constexpr std::array<Unit, 7> kUnits = {{{"y", 365 * kDay, true},
                                         {"w", 7 * kDay, true},
                                         {"d", kDay, false},
                                         {"h", kHour, false},
                                         {"m", kMinute, false},
                                         {"s", kSecond, false},
                                         {"ms", 1, false}}};

// Prometheus keeps durations in int64 nanoseconds: what does not fit there is refused.
constexpr int64_t kMaxMs = std::numeric_limits<int64_t>::max() / 1'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

Error BadDuration(std::string_view text) {
  return InvalidArgument(fmt::format("not a valid duration string: {}", Quote(text)));
}

Error BadSize(std::string_view text) {
  return InvalidArgument(
      fmt::format("not a valid size: {} (use a number with a unit, such as 512MB)", Quote(text)));
}

// The digits at the front of `text`, which are taken off it.
std::string_view TakeDigits(std::string_view* text) {
  size_t count = 0;
  while (count < text->size() && IsDigit((*text)[count])) ++count;
  const std::string_view digits = text->substr(0, count);
  text->remove_prefix(count);
  return digits;
}

std::optional<double> UnitBytes(std::string_view unit) {
  if (unit == "B") return 1.0;
  constexpr std::string_view kScales = "KMGTPE";
  if (unit.size() < 2 || (unit.substr(1) != "B" && unit.substr(1) != "iB")) return std::nullopt;
  const size_t scale = kScales.find(unit[0]);
  if (scale == std::string_view::npos) return std::nullopt;
  return std::ldexp(1.0, static_cast<int>(10 * (scale + 1)));
}

}  // namespace

Result<int64_t> ParseDurationMs(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return InvalidArgument("empty duration string");
  const std::string_view whole = text;
  int64_t total = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    const std::string_view digits = TakeDigits(&text);
    const auto value = ParseInt(digits);
    size_t unit_size = 0;
    while (unit_size < text.size() && !IsDigit(text[unit_size])) ++unit_size;
    if (!value || unit_size == 0) return BadDuration(whole);
    const std::string_view name = text.substr(0, unit_size);
    text.remove_prefix(unit_size);
    size_t unit = 0;
    while (unit < kUnits.size() && kUnits[unit].name != name) ++unit;
    if (unit == kUnits.size()) {
      return InvalidArgument(
          fmt::format("unknown unit {} in duration {}", Quote(name), Quote(whole)));
    }
    if (unit < next_unit) return BadDuration(whole);
    next_unit = unit + 1;
    if (*value > (kMaxMs - total) / kUnits[unit].ms) {
      return InvalidArgument(fmt::format("duration out of range: {}", Quote(whole)));
    }
    total += *value * kUnits[unit].ms;
  }
  return total;
}

std::string FormatDurationMs(int64_t ms) {
  if (ms == 0) return "0s";
  std::string out = ms < 0 ? "-" : "";
  uint64_t left = ms < 0 ? 0 - static_cast<uint64_t>(ms) : static_cast<uint64_t>(ms);
  for (const Unit& unit : kUnits) {
    const auto size = static_cast<uint64_t>(unit.ms);
    if (left < size || (unit.only_when_exact && left % size != 0)) continue;
    out += fmt::format("{}{}", left / size, unit.name);
    left %= size;
  }
  return out;
}

Result<uint64_t> ParseSize(std::string_view text) {
  if (text == "0") return 0;
  const std::string_view whole = text;
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return BadSize(whole);
  double total = 0;
  while (!text.empty()) {
    const char* start = text.data();
    TakeDigits(&text);
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      TakeDigits(&text);
    }
    const auto number = ParseFloat({start, static_cast<size_t>(text.data() - start)});
    size_t unit_size = 0;
    while (unit_size < text.size() && !IsDigit(text[unit_size]) && text[unit_size] != '.') {
      ++unit_size;
    }
    const auto unit = UnitBytes(text.substr(0, unit_size));
    if (!number || !unit) return BadSize(whole);
    text.remove_prefix(unit_size);
    total += *number * *unit;
  }
  if (total >= std::ldexp(1.0, 63)) {
    return InvalidArgument(fmt::format("size out of range: {}", Quote(whole)));
  }
  return static_cast<uint64_t>(total);
}

}  // namespace tributary::base

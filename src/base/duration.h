// Prometheus durations and sizes: "1h30m", "5ms", "0"; "512MB", "1GiB".
// Source of the rules: prometheus/common model.ParseDuration, alecthomas/units base-2 bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tributary::base {

// Milliseconds. Units y w d h m s ms, each at most once and in this order; "0" needs no unit.
// Negative and empty durations are errors.
Result<int64_t> ParseDurationMs(std::string_view text);

// The shortest Prometheus form: 90000 -> "1m30s", 0 -> "0s". Years, weeks and days are used only
// when they divide the value, as Prometheus prints.
std::string FormatDurationMs(int64_t ms);

// Bytes; base 2, unit needed: B KB MB GB TB PB EB and the KiB style. "0" is accepted.
Result<uint64_t> ParseSize(std::string_view text);

}  // namespace tributary::base

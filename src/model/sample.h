// A sample is a timestamp in milliseconds since the Unix epoch and a float.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace tributary::model {

// Milliseconds since the Unix epoch.
using Timestamp = int64_t;

// "No bound" for time ranges; Prometheus's API uses the same limits.
inline constexpr Timestamp kMinTime = INT64_MIN;
inline constexpr Timestamp kMaxTime = INT64_MAX;

struct Sample {
  Timestamp t = 0;
  double v = 0;
};

// The staleness marker and the NaN that stands for every other NaN, bit for bit
// (Prometheus model/value/value.go).
inline constexpr uint64_t kStaleNaNBits = 0x7ff0000000000002;
inline constexpr uint64_t kNormalNaNBits = 0x7ff8000000000001;

inline double StaleNaN() { return std::bit_cast<double>(kStaleNaNBits); }
inline double NormalNaN() { return std::bit_cast<double>(kNormalNaNBits); }
inline bool IsStaleNaN(double v) { return std::bit_cast<uint64_t>(v) == kStaleNaNBits; }

}  // namespace tributary::model

// Counter resets told by start timestamps (0: unknown). Times in milliseconds.
#pragma once

#include <cstdint>
#include <span>

#include "promql/functions/windowed_function.h"

namespace tributary::promql {

// Whether the series began anew between two samples, judging by their start timestamps alone.
inline bool IsStartTimestampReset(int64_t prev_st, int64_t prev_t, int64_t st, int64_t t) {
  if (st == 0 || st >= t) return false;  // unknown or nonsense
  if (st != prev_t) return st > prev_t;
  // It began exactly at the previous sample: a reset, unless all samples do so (delta
  // temporality) or the previous one's start is unknown or nonsense.
  if (prev_st > prev_t) return false;
  return prev_st != 0 && prev_st != prev_t;
}

// Whether a sample claims to have begun before the previous sample, yet not together with it.
inline bool StartTimesOverlap(int64_t prev_st, int64_t prev_t, int64_t st) {
  return st != 0 && st < prev_t && st != prev_st;
}

// Warns once a window.
inline void NoteStartTimeOverlaps(std::span<const int64_t> t, std::span<const int64_t> st,
                                  const Window& w) {
  for (size_t i = 1; i < st.size(); i++) {
    if (!StartTimesOverlap(st[i - 1], t[i - 1], st[i])) continue;
    w.annotations().StartTimeOverlap(w.metric(), w.env.arg_pos);
    return;
  }
}

}  // namespace tributary::promql

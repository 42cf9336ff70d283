// Histogram arithmetic that tells the annotation sink what it met. All take the window for the
// metric's name and the position to blame.
#pragma once

#include <optional>

#include "model/float_histogram.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {

// h += other, h -= other. False, after a warning, when exponential and custom buckets met.
bool AddNoting(model::FloatHistogram* h, const model::FloatHistogram& other, const Window& w);
bool SubNoting(model::FloatHistogram* h, const model::FloatHistogram& other, const Window& w);

// Last minus first histogram of the window, corrected for resets when it is a counter. Nothing,
// after a warning, when there is no such difference. REQUIRES: w.h.size() > 1.
std::optional<model::FloatHistogram> HistogramIncrease(const Window& w, bool counter);

}  // namespace tributary::promql

#include "promql/exec/sample_counts.h"

#include <algorithm>

#include "promql/functions/range_function.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

// sums[i]: the size of the first i histograms.
std::vector<uint64_t> SumSizes(const std::vector<HistogramPoint>& histograms) {
  std::vector<uint64_t> sums{0};
  for (const auto& point : histograms) sums.push_back(sums.back() + HistogramSamples(*point.h));
  return sums;
}

}  // namespace

SampleCounts::SampleCounts(const Steps& steps, bool per_step)
    : steps_(steps), totals_(per_step ? steps.count : 0), reads_(per_step ? steps.count : 0) {}

void SampleCounts::AddToStep(size_t step, uint64_t samples, uint64_t read) {
  if (totals_.empty()) return;
  totals_[step].fetch_add(samples, std::memory_order_relaxed);
  reads_[step].fetch_add(read, std::memory_order_relaxed);
}

void SampleCounts::AddAt(size_t step, uint64_t samples, uint64_t read) {
  total_.fetch_add(samples, std::memory_order_relaxed);
  read_.fetch_add(read, std::memory_order_relaxed);
  AddToStep(step, samples, read);
}

void SampleCounts::AddRow(const Row& row) {
  uint64_t total = 0;
  for (size_t step = 0; step < row.values.size(); step++) {
    const model::FloatHistogram* h = row.histogram(step);
    if (h == nullptr && IsAbsent(row.values[step])) continue;
    const uint64_t n = h != nullptr ? HistogramSamples(*h) : 1;
    total += n;
    AddToStep(step, n, n);
  }
  total_.fetch_add(total, std::memory_order_relaxed);
  read_.fetch_add(total, std::memory_order_relaxed);
}

void SampleCounts::AddWindows(const Samples& s, const WindowSpec& spec, bool read) {
  const std::vector<uint64_t> sizes = SumSizes(s.h);
  const auto t_of = [&](size_t i) { return s.t[i]; };
  const auto h_of = [&](size_t i) { return s.h[i].t; };
  WindowCursor floats, histograms;          // what the step sees
  WindowCursor new_floats, new_histograms;  // what no step before it could see
  uint64_t total = 0, total_read = 0;
  for (size_t step = 0; step < steps_.count; step++) {
    const auto end = spec.when(steps_.at(step));
    const auto after = end - spec.range_ms - spec.extra_before_ms;
    const auto upto = end + spec.extra_after_ms;
    floats.Move(s.t.size(), after, upto, t_of);
    histograms.Move(s.h.size(), after, upto, h_of);
    const uint64_t n = floats.end - floats.begin + sizes[histograms.end] - sizes[histograms.begin];
    uint64_t fresh = 0;
    if (read && step == 0) {
      fresh = n;
    } else if (read && !spec.when.at) {
      const auto seen = std::max(after, upto - steps_.step_ms);
      new_floats.Move(s.t.size(), seen, upto, t_of);
      new_histograms.Move(s.h.size(), seen, upto, h_of);
      fresh = new_floats.end - new_floats.begin + sizes[new_histograms.end] -
              sizes[new_histograms.begin];
    }
    total += n;
    total_read += fresh;
    AddToStep(step, n, fresh);
  }
  total_.fetch_add(total, std::memory_order_relaxed);
  read_.fetch_add(total_read, std::memory_order_relaxed);
}

void SampleCounts::AddInvariant(const SampleCounts& once) {
  for (size_t step = 0; step < steps_.count; step++) {
    AddAt(step, once.total(), step == 0 ? once.read() : 0);
  }
}

void SampleCounts::AddSubquery(const SampleCounts& inner, int64_t offset_ms, int64_t range_ms) {
  if (steps_.count <= 1) return AddAt(0, 0, inner.read());
  for (size_t i = 0; i < inner.reads_.size(); i++) {
    const uint64_t n = inner.reads_[i].load(std::memory_order_relaxed);
    if (n == 0) continue;
    const auto t = inner.steps_.at(i) + offset_ms;
    // The first step that sees it, if its window reaches so far back.
    size_t step = 0;
    if (t > steps_.start) {
      step = static_cast<size_t>((t - steps_.start + steps_.step_ms - 1) / steps_.step_ms);
    }
    step = std::min(step, steps_.count - 1);
    if (t > steps_.at(step) - range_ms) AddAt(step, 0, n);
  }
}

void SampleCounts::AddWhole(const SampleCounts& subquery) {
  AddAt(steps_.count - 1, subquery.total(), 0);
  AddAt(0, 0, subquery.read());
}

std::vector<uint64_t> SampleCounts::Loaded(const Counters& counters) {
  std::vector<uint64_t> loaded;
  loaded.reserve(counters.size());
  for (const auto& n : counters) loaded.push_back(n.load(std::memory_order_relaxed));
  return loaded;
}

}  // namespace tributary::promql

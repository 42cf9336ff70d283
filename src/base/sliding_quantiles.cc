#include "base/sliding_quantiles.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tributary::base {

void SlidingQuantiles::Observe(double value, int64_t now_ns) {
  const int64_t index = now_ns / kSlotNs;
  Slot& slot = slots_[static_cast<size_t>(index) % kSlots];
  if (slot.index != index) {
    slot.index = index;
    slot.count = 0;
    slot.samples.clear();
  }
  ++slot.count;
  if (slot.samples.size() < kSamplesPerSlot) {
    slot.samples.push_back(value);
    return;
  }
  // Marsaglia's xorshift: the choice must be even, not secret.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const uint64_t place = random_ % slot.count;
  if (place < kSamplesPerSlot) slot.samples[place] = value;
}

std::vector<double> SlidingQuantiles::Read(const std::vector<double>& quantiles,
                                           int64_t now_ns) const {
  const int64_t oldest = now_ns / kSlotNs - static_cast<int64_t>(kSlots) + 1;
  std::vector<std::pair<double, double>> weighted;  // value, observations it stands for
  double total = 0;
  for (const Slot& slot : slots_) {
    if (slot.index < oldest || slot.samples.empty()) continue;
    const double weight =
        static_cast<double>(slot.count) / static_cast<double>(slot.samples.size());
    for (const double value : slot.samples) {
      if (!std::isnan(value)) weighted.emplace_back(value, weight);
    }
    total += static_cast<double>(slot.count);
  }
  if (weighted.empty()) {
    return std::vector<double>(quantiles.size(), std::numeric_limits<double>::quiet_NaN());
  }
  std::sort(weighted.begin(), weighted.end());
  std::vector<double> answers;
  answers.reserve(quantiles.size());
  for (const double quantile : quantiles) {
    const double rank = quantile * total;
    double seen = 0;
    double answer = weighted.back().first;
    for (const auto& [value, weight] : weighted) {
      seen += weight;
      if (seen >= rank) {
        answer = value;
        break;
      }
    }
    answers.push_back(answer);
  }
  return answers;
}

}  // namespace tributary::base

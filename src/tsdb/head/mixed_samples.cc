#include "tsdb/head/mixed_samples.h"

#include <algorithm>
#include <utility>

#include <absl/container/flat_hash_set.h>

namespace tributary::tsdb {

std::vector<MixedSample> TakeMixed(std::vector<storage::RefSample>* floats,
                                   std::vector<storage::RefHistogram>* histograms) {
  std::vector<MixedSample> mixed;
  if (floats->empty() || histograms->empty()) return mixed;
  absl::flat_hash_set<uint64_t> with_histograms;
  for (const storage::RefHistogram& h : *histograms) with_histograms.insert(h.ref.value());
  absl::flat_hash_set<uint64_t> with_both;
  std::erase_if(*floats, [&](const storage::RefSample& sample) {
    if (!with_histograms.contains(sample.ref.value())) return false;
    with_both.insert(sample.ref.value());
    mixed.emplace_back(sample);
    return true;
  });
  if (mixed.empty()) return mixed;
  std::erase_if(*histograms, [&](storage::RefHistogram& h) {
    if (!with_both.contains(h.ref.value())) return false;
    mixed.emplace_back(std::move(h));
    return true;
  });
  std::ranges::stable_sort(mixed, {}, [](const MixedSample& sample) {
    return std::visit([](const auto& s) { return s.t; }, sample);
  });
  return mixed;
}

}  // namespace tributary::tsdb

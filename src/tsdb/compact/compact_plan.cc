#include "tsdb/compact/compact_plan.h"

#include <algorithm>
#include <set>
#include <utility>

namespace tributary::tsdb {
namespace {

constexpr int kLevels = 10;
constexpr int64_t kLevelFactor = 3;

int64_t AlignedBegin(int64_t t, int64_t width) {
  const int64_t rest = t % width;
  return t - (rest < 0 ? rest + width : rest);
}

// Blocks of one kind, by time.
class Planner {
 public:
  Planner(const std::vector<BlockMeta>& blocks, std::vector<size_t> order)
      : blocks_(blocks), order_(std::move(order)) {
    std::ranges::stable_sort(order_, {}, [&](size_t i) { return blocks_[i].min_time; });
  }

  std::vector<size_t> Plan(const std::vector<int64_t>& ranges) {
    if (order_.size() < 2) return {};
    std::vector<size_t> overlapping = Overlapping();
    if (!overlapping.empty()) return overlapping;
    order_.pop_back();
    for (size_t i = 1; i < ranges.size(); ++i) {
      std::vector<size_t> group = FullRange(ranges[i]);
      if (!group.empty()) return group;
    }
    return MuchDeleted(ranges[ranges.size() / 2]);
  }

 private:
  // A block that is worth writing anew for what it gets rid of.
  std::vector<size_t> MuchDeleted(int64_t wide) const {
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      const BlockMeta& block = blocks_[*it];
      const uint64_t tombstones = block.stats.num_tombstones;
      const uint64_t series = block.stats.num_series;
      const bool is_wide = block.max_time - block.min_time >= wide;
      const bool worth_it =
          is_wide ? tombstones * 20 > series + 1 : tombstones > 0 && tombstones >= series;
      if (worth_it && !block.failed) return {*it};
      if (!is_wide) return {};
    }
    return {};
  }

  bool AnyFailed(const std::vector<size_t>& group) const {
    return std::ranges::any_of(group, [&](size_t i) { return blocks_[i].failed; });
  }

  std::vector<size_t> Overlapping() const {
    std::vector<size_t> group;
    int64_t max_time = blocks_[order_[0]].max_time;
    for (size_t i = 1; i < order_.size(); ++i) {
      const BlockMeta& block = blocks_[order_[i]];
      if (block.min_time < max_time) {
        if (group.empty()) group.push_back(order_[i - 1]);
        group.push_back(order_[i]);
      } else if (!group.empty()) {
        break;
      }
      max_time = std::max(max_time, block.max_time);
    }
    if (AnyFailed(group)) return {};
    return group;
  }

  std::vector<size_t> FullRange(int64_t width) const {
    const int64_t newest_begin = blocks_[order_.back()].min_time;
    for (size_t i = 0; i < order_.size();) {
      const int64_t end = AlignedBegin(blocks_[order_[i]].min_time, width) + width;
      std::vector<size_t> group;
      for (; i < order_.size() && blocks_[order_[i]].max_time <= end; ++i) {
        group.push_back(order_[i]);
      }
      if (group.empty()) {
        ++i;  // does not fit any range of this width
        continue;
      }
      if (group.size() < 2 || AnyFailed(group)) continue;
      const int64_t min_time = blocks_[group.front()].min_time;
      const int64_t max_time = blocks_[group.back()].max_time;
      if (max_time - min_time == width || max_time <= newest_begin) return group;
    }
    return {};
  }

  const std::vector<BlockMeta>& blocks_;
  std::vector<size_t> order_;
};

}  // namespace

std::vector<int64_t> CompactionRanges(int64_t min_ms, int64_t max_ms) {
  std::vector<int64_t> ranges = {min_ms};
  while (ranges.size() < kLevels && ranges.back() <= max_ms / kLevelFactor) {
    ranges.push_back(ranges.back() * kLevelFactor);
  }
  return ranges;
}

std::vector<size_t> PlanCompaction(const std::vector<BlockMeta>& blocks,
                                   const std::vector<int64_t>& ranges) {
  std::vector<size_t> regular, stale, selected;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].HasHint(kHintStaleSeries)) {
      stale.push_back(i);
    } else if (blocks[i].HasHint(kHintSelectedSeries)) {
      selected.push_back(i);
    } else {
      regular.push_back(i);
    }
  }
  for (std::vector<size_t>* kind : {&regular, &stale, &selected}) {
    std::vector<size_t> plan = Planner(blocks, std::move(*kind)).Plan(ranges);
    if (!plan.empty()) return plan;
  }
  return {};
}

BlockMeta MergedMeta(std::string ulid, const std::vector<BlockMeta>& parents) {
  BlockMeta merged;
  merged.ulid = std::move(ulid);
  merged.min_time = parents.front().min_time;
  merged.max_time = parents.front().max_time;
  merged.level = 0;
  std::set<std::string> sources;
  std::set<std::string> hints;
  bool all_out_of_order = true;
  for (const BlockMeta& p : parents) {
    merged.min_time = std::min(merged.min_time, p.min_time);
    merged.max_time = std::max(merged.max_time, p.max_time);
    merged.level = std::max(merged.level, p.level);
    sources.insert(p.sources.begin(), p.sources.end());
    merged.parents.push_back({p.ulid, p.min_time, p.max_time});
    all_out_of_order = all_out_of_order && p.HasHint(kHintOutOfOrder);
    for (const std::string_view hint : {kHintStaleSeries, kHintSelectedSeries}) {
      if (p.HasHint(hint)) hints.emplace(hint);
    }
  }
  if (all_out_of_order) hints.emplace(kHintOutOfOrder);
  ++merged.level;
  merged.sources.assign(sources.begin(), sources.end());
  merged.hints.assign(hints.begin(), hints.end());
  return merged;
}

int64_t AlignedEnd(int64_t t, int64_t width) { return AlignedBegin(t, width) + width; }

}  // namespace tributary::tsdb

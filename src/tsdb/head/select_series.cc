// Matchers -> series. One matcher that can name its labels outright gives the candidates (the one
// with the fewest); all others are asked about the candidates, once for each distinct value.
#include <algorithm>
#include <optional>

#include <absl/container/flat_hash_map.h>

#include "tsdb/head/head_querier.h"

namespace tributary::tsdb {
namespace {

using model::Matcher;
using model::MatchType;

// A matcher as a question about one series, remembering its answer for each value.
class Probe {
 public:
  Probe(const LabelTable& labels, const Matcher& matcher, std::optional<LabelNameId> name)
      : labels_(labels), matcher_(matcher), name_(name), matches_empty_(matcher.MatchesEmpty()) {}

  bool Matches(LabelRun run) {
    const uint32_t shape = labels_.ShapeOf(run);
    if (shape != shape_) {
      shape_ = shape;
      position_ = name_ ? labels_.PositionIn(shape, *name_) : -1;
    }
    if (position_ < 0) return matches_empty_;
    const LabelId id = labels_.LabelsOf(run)[static_cast<size_t>(position_)];
    if (id == last_) return last_matches_;
    last_ = id;
    const auto [it, inserted] = known_.try_emplace(id.value(), false);
    if (inserted) it->second = matcher_.Matches(labels_.Value(id));
    last_matches_ = it->second;
    return last_matches_;
  }

 private:
  const LabelTable& labels_;
  const Matcher& matcher_;
  const std::optional<LabelNameId> name_;
  const bool matches_empty_;
  uint32_t shape_ = 0;  // no run has it
  int position_ = -1;
  LabelId last_;
  bool last_matches_ = false;
  absl::flat_hash_map<uint32_t, bool> known_;
};

// The labels that satisfy the matcher, when it says so itself.
std::optional<std::vector<LabelId>> NamedLabels(const LabelTable& labels, const Matcher& matcher,
                                                LabelNameId name) {
  std::vector<LabelId> out;
  if (matcher.type() == MatchType::kEqual) {
    if (const auto id = labels.Find(name, matcher.value())) out.push_back(*id);
    return out;
  }
  if (matcher.type() == MatchType::kRegexp && !matcher.regex()->set_matches().empty()) {
    for (const std::string& value : matcher.regex()->set_matches()) {
      if (const auto id = labels.Find(name, value)) out.push_back(*id);
    }
    return out;
  }
  return std::nullopt;
}

}  // namespace

std::vector<IndexedSeries> SelectSeries(const LabelTable& labels, const SeriesIndex& index,
                                        storage::Matchers matchers) {
  std::vector<IndexedSeries> selected;
  constexpr size_t kNone = SIZE_MAX;
  size_t seed = kNone;
  std::vector<LabelId> seed_labels;
  uint64_t seed_count = 0;
  std::vector<std::optional<LabelNameId>> names(matchers.size());
  const auto offer = [&](size_t i, std::vector<LabelId> candidates) {
    const uint64_t count = index.Count(candidates);
    if (seed != kNone && count >= seed_count) return;
    seed = i;
    seed_count = count;
    seed_labels = std::move(candidates);
  };
  for (size_t i = 0; i < matchers.size(); ++i) {
    names[i] = labels.FindName(matchers[i].name());
    if (matchers[i].MatchesEmpty()) continue;
    if (!names[i]) return selected;
    if (auto named = NamedLabels(labels, matchers[i], *names[i])) offer(i, std::move(*named));
  }
  if (seed == kNone) {
    // Nobody names labels outright: look through the values of those who need one.
    for (size_t i = 0; i < matchers.size(); ++i) {
      if (matchers[i].MatchesEmpty()) continue;
      std::vector<LabelId> candidates = labels.ValuesOf(*names[i]);
      std::erase_if(candidates, [&](LabelId id) { return !matchers[i].Matches(labels.Value(id)); });
      offer(i, std::move(candidates));
    }
  }
  if (seed == kNone) {
    index.CollectAll(&selected);
  } else {
    index.Collect(seed_labels, &selected);
  }
  for (size_t i = 0; i < matchers.size(); ++i) {
    if (i == seed) continue;
    Probe probe(labels, matchers[i], names[i]);
    std::erase_if(selected, [&](const IndexedSeries& s) { return !probe.Matches(s.labels); });
  }
  return selected;
}

}  // namespace tributary::tsdb

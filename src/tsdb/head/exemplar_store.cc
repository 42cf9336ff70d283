#include "tsdb/head/exemplar_store.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace tributary::tsdb {
namespace {

// OpenMetrics's limit on the characters of an exemplar's names and values together.
constexpr size_t kMaxLabelCharacters = 128;

size_t Characters(std::string_view utf8) {
  return static_cast<size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool HasTooLongLabels(const model::Labels& labels) {
  if (labels.packed().size() <= kMaxLabelCharacters) return false;
  size_t sum = 0;
  for (const model::Label& label : labels) sum += Characters(label.name) + Characters(label.value);
  return sum > kMaxLabelCharacters;
}

bool MatchesSome(const model::Labels& labels,
                 std::span<const std::vector<model::Matcher>> matcher_sets) {
  return std::ranges::any_of(matcher_sets, [&](const std::vector<model::Matcher>& set) {
    return std::ranges::all_of(
        set, [&](const model::Matcher& m) { return m.Matches(labels.Get(m.name())); });
  });
}

}  // namespace

ExemplarStore::ExemplarStore(uint64_t max_exemplars, base::MetricsRegistry& registry)
    : max_(std::min<uint64_t>(max_exemplars, kNone - 1)),
      appended_(registry.GetCounter("prometheus_tsdb_exemplar_exemplars_appended_total",
                                    "Total number of appended exemplars.")),
      out_of_order_(registry.GetCounter("prometheus_tsdb_exemplar_out_of_order_exemplars_total",
                                        "Total number of out of order exemplar ingestion failed "
                                        "attempts.")),
      too_long_(registry.GetCounter("tributary_tsdb_exemplar_label_length_exceeded_total",
                                    "Exemplars dropped because their labels have more than 128 "
                                    "characters.")),
      in_storage_(registry.GetGauge("prometheus_tsdb_exemplar_exemplars_in_storage",
                                    "Number of exemplars currently in circular storage.")),
      series_in_storage_(
          registry.GetGauge("prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
                            "Number of series with exemplars currently in circular storage.")),
      last_timestamp_(registry.GetGauge(
          "prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
          "The timestamp of the oldest exemplar stored in circular storage. Useful to check for "
          "what time range the current exemplar buffer limit allows.")),
      max_gauge_(registry.GetGauge("prometheus_tsdb_exemplar_max_exemplars",
                                   "Total number of exemplars the exemplar storage can store, "
                                   "resizeable.")) {
  max_gauge_.Set(static_cast<double>(max_.load()));
}

ExemplarStore::~ExemplarStore() = default;

const ExemplarStore::Chain* ExemplarStore::FindChain(const model::Labels& series) const {
  const auto it = chains_.find(series);
  return it == chains_.end() ? nullptr : it->second.get();
}

ExemplarStore::Outcome ExemplarStore::CheckLocked(const Chain* chain,
                                                  const model::Exemplar& e) const {
  if (!enabled()) return Outcome::kDisabled;
  if (HasTooLongLabels(e.labels)) return Outcome::kTooLongLabels;
  if (chain == nullptr) return Outcome::kAdded;
  const model::Exemplar& newest = ring_[chain->newest].exemplar;
  if (newest.t == e.t && newest.value == e.value && newest.labels == e.labels) {
    return Outcome::kDuplicate;
  }
  if (e.t < newest.t) {
    return e.t <= newest.t - window_ms_.load() ? Outcome::kOutOfOrder : Outcome::kAdded;
  }
  if (e.t > newest.t) return Outcome::kAdded;
  // Of one time (the buckets of a native histogram): an order that makes a repetition fail.
  const bool behind =
      std::tuple(e.value, e.labels.Hash()) < std::tuple(newest.value, newest.labels.Hash());
  return behind ? Outcome::kOutOfOrder : Outcome::kAdded;
}

void ExemplarStore::Count(Outcome outcome) {
  if (outcome == Outcome::kAdded) appended_.Add();
  if (outcome == Outcome::kOutOfOrder) out_of_order_.Add();
  if (outcome == Outcome::kTooLongLabels) too_long_.Add();
}

ExemplarStore::Outcome ExemplarStore::Check(const model::Labels& series,
                                            const model::Exemplar& exemplar) {
  base::MutexLock lock(mutex_);
  const Outcome outcome = CheckLocked(FindChain(series), exemplar);
  if (outcome != Outcome::kAdded) Count(outcome);
  return outcome;
}

ExemplarStore::Outcome ExemplarStore::Add(const model::Labels& series, model::Exemplar exemplar) {
  base::MutexLock lock(mutex_);
  const Chain* chain = FindChain(series);
  Outcome outcome = CheckLocked(chain, exemplar);
  if (outcome == Outcome::kAdded && chain != nullptr) {
    // A late one that is there already.
    for (uint32_t i = chain->newest; i != kNone && ring_[i].exemplar.t >= exemplar.t;
         i = ring_[i].previous) {
      if (ring_[i].exemplar.t == exemplar.t && ring_[chain->newest].exemplar.t > exemplar.t) {
        outcome = Outcome::kDuplicate;
        break;
      }
    }
  }
  Count(outcome);
  if (outcome != Outcome::kAdded) return outcome;
  Insert(series, std::move(exemplar));
  SetGauges();
  return outcome;
}

void ExemplarStore::Unlink(Entry* entry) {
  Chain* const chain = entry->chain;
  (entry->previous == kNone ? chain->oldest : ring_[entry->previous].next) = entry->next;
  (entry->next == kNone ? chain->newest : ring_[entry->next].previous) = entry->previous;
  entry->chain = nullptr;
  if (chain->oldest != kNone) return;
  const auto it = chains_.find(chain->labels);
  chains_.erase(it);
}

void ExemplarStore::Insert(const model::Labels& series, model::Exemplar exemplar) {
  const auto place = static_cast<uint32_t>(next_);
  if (next_ == ring_.size()) {
    ring_.emplace_back();
  } else {
    Unlink(&ring_[place]);
  }
  next_ = next_ + 1 == max_.load() ? 0 : next_ + 1;
  std::unique_ptr<Chain>& slot = chains_[series];
  if (slot == nullptr) {
    slot = std::make_unique<Chain>();
    slot->labels = series;
  }
  Chain* const chain = slot.get();
  uint32_t before = chain->newest;
  while (before != kNone && ring_[before].exemplar.t > exemplar.t) before = ring_[before].previous;
  Entry& entry = ring_[place];
  entry.exemplar = std::move(exemplar);
  entry.chain = chain;
  entry.previous = before;
  entry.next = before == kNone ? chain->oldest : ring_[before].next;
  (before == kNone ? chain->oldest : ring_[before].next) = place;
  (entry.next == kNone ? chain->newest : ring_[entry.next].previous) = place;
}

void ExemplarStore::Resize(uint64_t max_exemplars) {
  max_exemplars = std::min<uint64_t>(max_exemplars, kNone - 1);
  base::MutexLock lock(mutex_);
  if (max_exemplars == max_.load()) return;
  // By arrival, oldest first.
  std::vector<std::pair<model::Labels, model::Exemplar>> kept;
  const size_t count = ring_.size();
  const size_t begin = next_ == count ? 0 : next_;
  for (size_t i = count - std::min<size_t>(count, max_exemplars); i < count; ++i) {
    Entry& entry = ring_[(begin + i) % count];
    kept.emplace_back(entry.chain->labels, std::move(entry.exemplar));
  }
  chains_.clear();
  ring_ = {};
  next_ = 0;
  max_.store(max_exemplars);
  max_gauge_.Set(static_cast<double>(max_exemplars));
  for (auto& [series, exemplar] : kept) Insert(series, std::move(exemplar));
  SetGauges();
}

void ExemplarStore::EachByArrival(const Visitor& visit) const {
  base::MutexLock lock(mutex_);
  const size_t count = ring_.size();
  const size_t begin = next_ == count ? 0 : next_;
  for (size_t i = 0; i < count; ++i) {
    const Entry& entry = ring_[(begin + i) % count];
    visit(entry.chain->labels, entry.exemplar);
  }
}

void ExemplarStore::SetGauges() {
  in_storage_.Set(static_cast<double>(ring_.size()));
  series_in_storage_.Set(static_cast<double>(chains_.size()));
  const size_t oldest = next_ == ring_.size() ? 0 : next_;
  last_timestamp_.Set(ring_.empty() ? 0 : static_cast<double>(ring_[oldest].exemplar.t) / 1000);
}

std::vector<storage::SeriesExemplars> ExemplarStore::Select(
    model::Timestamp start, model::Timestamp end,
    std::span<const std::vector<model::Matcher>> matcher_sets) const {
  std::vector<storage::SeriesExemplars> selected;
  {
    base::MutexLock lock(mutex_);
    for (const auto& [labels, chain] : chains_) {
      if (ring_[chain->oldest].exemplar.t > end || ring_[chain->newest].exemplar.t < start ||
          !MatchesSome(labels, matcher_sets)) {
        continue;
      }
      storage::SeriesExemplars found{.labels = labels, .exemplars = {}};
      for (uint32_t i = chain->oldest; i != kNone && ring_[i].exemplar.t <= end;
           i = ring_[i].next) {
        if (ring_[i].exemplar.t >= start) found.exemplars.push_back(ring_[i].exemplar);
      }
      if (!found.exemplars.empty()) selected.push_back(std::move(found));
    }
  }
  std::ranges::sort(selected, [](const auto& a, const auto& b) { return a.labels < b.labels; });
  return selected;
}

}  // namespace tributary::tsdb

#include "remote/send/shipment.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include <absl/container/flat_hash_map.h>

namespace tributary::remote {
namespace {

// A group is this part of a request: a few of them fill one, none is much of it.
constexpr size_t kGroupsInRequest = 8;

// Which shipment a series goes to. Series with neighbouring numbers were made together, mostly from
// the lines of one page: they share labels, and a request that keeps them together compresses
// better by a fifth. They move in groups, so that a series is in one shipment.
class Groups {
 public:
  explicit Groups(size_t max_items) : shift_(std::bit_width(max_items / kGroupsInRequest)) {}

  void Count(model::SeriesRef ref) { ++groups_[Find(ref)].items; }

  // Fills `shipments` of them evenly, in the order in which the groups were seen.
  void Assign(size_t shipments, size_t items) {
    size_t before = 0;
    for (Group& group : groups_) {
      group.shipment = std::min(shipments - 1, (before + group.items / 2) * shipments / items);
      before += group.items;
    }
  }
  size_t ShipmentOf(model::SeriesRef ref) { return groups_[Find(ref)].shipment; }

 private:
  struct Group {
    size_t items = 0;
    size_t shipment = 0;
  };

  size_t Find(model::SeriesRef ref) {
    const uint64_t number = ref.value() >> shift_;
    if (number != last_number_) {
      const auto [it, is_new] = index_.try_emplace(number, groups_.size());
      if (is_new) {
        groups_.emplace_back();
      }
      last_number_ = number;
      last_index_ = it->second;
    }
    return last_index_;
  }

  const int shift_;
  std::vector<Group> groups_;
  absl::flat_hash_map<uint64_t, size_t> index_;
  uint64_t last_number_ = UINT64_MAX;
  size_t last_index_ = 0;
};

// Appends to the open shipment of a series; a full one is followed by a chained new one.
class Distributor {
 public:
  Distributor(Groups groups, size_t shipments, size_t max_items)
      : max_items_(max_items), groups_(std::move(groups)), open_(shipments) {
    shipments_.resize(shipments);
    for (size_t i = 0; i < shipments; ++i) {
      shipments_[i].samples.reserve(max_items);
      open_[i] = i;
    }
  }

  Shipment& For(model::SeriesRef ref) {
    size_t& open = open_[groups_.ShipmentOf(ref)];
    if (shipments_[open].size() >= max_items_) {
      const int before = static_cast<int>(open);
      open = shipments_.size();
      shipments_.emplace_back();
      shipments_.back().after = before;
    }
    return shipments_[open];
  }

  std::vector<Shipment> Take() { return std::move(shipments_); }

 private:
  const size_t max_items_;
  Groups groups_;
  std::vector<size_t> open_;
  std::vector<Shipment> shipments_;
};

template <class T>
std::vector<T> TakeTail(std::vector<T>* items, size_t keep) {
  if (items->size() <= keep) {
    return {};
  }
  std::vector<T> tail(std::make_move_iterator(items->begin() + static_cast<std::ptrdiff_t>(keep)),
                      std::make_move_iterator(items->end()));
  items->resize(keep);
  return tail;
}

}  // namespace

RequestSize RequestSizeOf(const config::QueueConfig& queue) {
  constexpr size_t kMost = 10'000;
  const size_t enough = queue.max_samples_per_send;
  if (!queue.max_samples_per_send_is_default) {
    return {enough, enough, enough};
  }
  return {enough, kMost, kMost - enough};
}

std::vector<Shipment> MakeShipments(storage::WalBatch* batch, size_t max_items) {
  const size_t items = batch->samples.size() + batch->histograms.size() + batch->exemplars.size();
  if (items == 0) {
    return {};
  }
  if (items <= max_items) {
    std::vector<Shipment> one(1);
    one[0].samples = batch->samples;
    one[0].starts = batch->starts;
    one[0].histograms = std::move(batch->histograms);
    one[0].exemplars = std::move(batch->exemplars);
    return one;
  }
  Groups groups(max_items);
  const auto count = [&groups](const auto& list) {
    for (const auto& item : list) {
      groups.Count(item.ref);
    }
  };
  count(batch->samples);
  count(batch->histograms);
  count(batch->exemplars);
  // Groups do not divide evenly: with some room, none needs a second request.
  const size_t shipments = (items + items / kGroupsInRequest + max_items - 1) / max_items;
  groups.Assign(shipments, items);
  Distributor distributor(std::move(groups), shipments, max_items);
  for (size_t i = 0; i < batch->samples.size(); ++i) {
    Shipment& shipment = distributor.For(batch->samples[i].ref);
    shipment.starts.Set(shipment.samples.size(), batch->starts[i]);
    shipment.samples.push_back(batch->samples[i]);
  }
  for (storage::RefHistogram& histogram : batch->histograms) {
    distributor.For(histogram.ref).histograms.push_back(std::move(histogram));
  }
  for (storage::RefExemplar& exemplar : batch->exemplars) {
    distributor.For(exemplar.ref).exemplars.push_back(std::move(exemplar));
  }
  return distributor.Take();
}

std::pair<Shipment, Shipment> Halve(Shipment shipment) {
  Shipment second;
  second.splits = ++shipment.splits;
  shipment.body.clear();
  shipment.state = Shipment::State::kWaiting;
  const size_t half = shipment.size() / 2;
  // Floats first, then histograms, then exemplars, as they are counted by size().
  const size_t floats = std::min(half, shipment.samples.size());
  const size_t histograms = std::min(half - floats, shipment.histograms.size());
  second.exemplars = TakeTail(&shipment.exemplars, half - floats - histograms);
  second.histograms = TakeTail(&shipment.histograms, histograms);
  second.samples = TakeTail(&shipment.samples, floats);
  second.starts = shipment.starts.TakeTail(floats);
  return {std::move(shipment), std::move(second)};
}

}  // namespace tributary::remote

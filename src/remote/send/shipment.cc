#include "remote/send/shipment.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tributary::remote {
namespace {

uint64_t Spread(model::SeriesRef ref) {
  return ref.value() * 0x9e3779b97f4a7c15ull >> 32;  // Fibonacci hashing
}

// Appends to the open shipment of each bucket; a full one is followed by a chained new one.
class Distributor {
 public:
  Distributor(size_t buckets, size_t max_items) : max_items_(max_items), open_(buckets) {
    shipments_.resize(buckets);
    for (size_t i = 0; i < buckets; ++i) {
      shipments_[i].samples.reserve(max_items);
      open_[i] = i;
    }
  }

  Shipment& For(model::SeriesRef ref) {
    size_t& open = open_[Spread(ref) % open_.size()];
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

std::vector<Shipment> MakeShipments(storage::WalBatch* batch, size_t max_items) {
  const size_t items = batch->samples.size() + batch->histograms.size() + batch->exemplars.size();
  if (items == 0) {
    return {};
  }
  Distributor distributor((items + max_items - 1) / max_items, max_items);
  for (const storage::RefSample& sample : batch->samples) {
    distributor.For(sample.ref).samples.push_back(sample);
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
  return {std::move(shipment), std::move(second)};
}

}  // namespace tributary::remote

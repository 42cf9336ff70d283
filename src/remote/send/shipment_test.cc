#include "remote/send/shipment.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace tributary::remote {
namespace {

// `ticks` samples of each of `series` series, as they come from that many pages.
storage::WalBatch Batch(uint64_t series, int64_t ticks) {
  storage::WalBatch batch;
  for (int64_t t = 0; t < ticks; ++t) {
    for (uint64_t i = 1; i <= series; ++i) {
      batch.samples.push_back({model::SeriesRef(i), t, 0});
    }
  }
  return batch;
}

TEST(RequestSizeOf, IsTheConfiguredOneWhereThereIsOne) {
  config::QueueConfig queue;
  EXPECT_EQ(RequestSizeOf(queue).enough, 2000u);
  EXPECT_EQ(RequestSizeOf(queue).most, 10'000u);
  EXPECT_EQ(RequestSizeOf(queue).read, 8'000u);
  queue.max_samples_per_send_is_default = false;
  EXPECT_EQ(RequestSizeOf(queue).most, 2000u);
  EXPECT_EQ(RequestSizeOf(queue).read, 2000u);
}

TEST(MakeShipments, FewItemsAreOneShipment) {
  storage::WalBatch batch = Batch(100, 20);
  const std::vector<Shipment> shipments = MakeShipments(&batch, 2000);
  ASSERT_EQ(shipments.size(), 1u);
  EXPECT_EQ(shipments[0].size(), 2000u);
}

TEST(MakeShipments, NothingIsNoShipment) {
  storage::WalBatch batch;
  EXPECT_TRUE(MakeShipments(&batch, 10).empty());
}

TEST(MakeShipments, NeighboursTravelTogetherInEvenShipments) {
  storage::WalBatch batch = Batch(16'000, 1);
  const std::vector<Shipment> shipments = MakeShipments(&batch, 2000);
  EXPECT_LE(shipments.size(), 10u);
  size_t all = 0, breaks = 0;
  for (const Shipment& shipment : shipments) {
    EXPECT_EQ(shipment.after, -1) << "all may go at once";
    EXPECT_GT(shipment.size(), 1000u);
    EXPECT_LE(shipment.size(), 2000u);
    all += shipment.size();
    for (size_t i = 1; i < shipment.samples.size(); ++i) {
      breaks += shipment.samples[i].ref.value() != shipment.samples[i - 1].ref.value() + 1;
    }
  }
  EXPECT_EQ(all, 16'000u);
  EXPECT_EQ(breaks, 0u);
}

// Whatever the sizes, a series' samples are in one shipment or in a chain of them, in order.
TEST(MakeShipments, SamplesOfASeriesStayInOrder) {
  for (const size_t max_items : {1, 3, 10, 100, 999}) {
    storage::WalBatch batch = Batch(100, 10);
    const std::vector<Shipment> shipments = MakeShipments(&batch, max_items);
    std::map<uint64_t, int> last_shipment;
    std::map<uint64_t, int64_t> next_time;
    for (size_t i = 0; i < shipments.size(); ++i) {
      ASSERT_LE(shipments[i].size(), max_items);
      std::set<int> behind;  // the shipments that go before this one
      for (int at = shipments[i].after; at >= 0; at = shipments[static_cast<size_t>(at)].after) {
        behind.insert(at);
      }
      for (const storage::RefSample& sample : shipments[i].samples) {
        const uint64_t ref = sample.ref.value();
        EXPECT_EQ(sample.t, next_time[ref]++);
        if (const auto it = last_shipment.find(ref);
            it != last_shipment.end() && it->second != static_cast<int>(i)) {
          EXPECT_TRUE(behind.contains(it->second)) << ref;
        }
        last_shipment[ref] = static_cast<int>(i);
      }
    }
    EXPECT_EQ(next_time.size(), 100u);
    for (const auto& [ref, next] : next_time) {
      EXPECT_EQ(next, 10) << ref;
    }
  }
}

}  // namespace
}  // namespace tributary::remote

#include "remote/receive/series_cache.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tributary::remote {
namespace {

base::Hash128 Key(uint64_t i) { return base::HashTo128(std::to_string(i), 42); }
model::SeriesRef Ref(uint64_t i) { return model::SeriesRef(i + 1); }

size_t Known(const SeriesCache& cache, uint64_t from, uint64_t to) {
  const auto snapshot = cache.Current();
  size_t known = 0;
  for (uint64_t i = from; i < to; ++i) {
    const model::SeriesRef ref = snapshot.Find(Key(i));
    if (ref.value() == 0) continue;
    EXPECT_EQ(ref, Ref(i));
    ++known;
  }
  return known;
}

TEST(SeriesCache, FindsWhatWasPut) {
  SeriesCache cache(64 << 20);
  EXPECT_EQ(cache.Current().Find(Key(1)).value(), 0u);
  cache.Put(Key(1), Ref(1));
  EXPECT_EQ(cache.Current().Find(Key(1)), Ref(1));
  cache.Put(Key(1), model::SeriesRef(77));
  EXPECT_EQ(cache.Current().Find(Key(1)), model::SeriesRef(77));
}

TEST(SeriesCache, GrowsAndKeepsNearlyAll) {
  SeriesCache cache(64 << 20);
  for (uint64_t i = 0; i < 100'000; ++i) cache.Put(Key(i), Ref(i));
  EXPECT_GT(Known(cache, 0, 100'000), 99'900u);
  EXPECT_LE(cache.bytes(), size_t{100'000} * 100);
}

TEST(SeriesCache, StaysWithinItsBound) {
  SeriesCache cache(256 << 10);
  for (uint64_t i = 0; i < 100'000; ++i) cache.Put(Key(i), Ref(i));
  EXPECT_LE(cache.bytes(), size_t{256 << 10});
  EXPECT_GT(Known(cache, 0, 100'000), 8'000u);
  cache.Put(Key(200'000), Ref(200'000));  // a newcomer always finds a place
  EXPECT_EQ(Known(cache, 200'000, 200'001), 1u);
}

TEST(SeriesCache, WhatIsLookedUpOutlivesWhatIsNot) {
  SeriesCache cache(256 << 10);
  constexpr uint64_t kUsed = 2000;
  for (uint64_t i = 0; i < kUsed; ++i) cache.Put(Key(i), Ref(i));
  for (uint64_t round = 1; round <= 20; ++round) {
    // Churn: series that come once.
    for (uint64_t i = 0; i < 2000; ++i) cache.Put(Key(round * 1'000'000 + i), Ref(round));
    cache.NextGeneration();
    Known(cache, 0, kUsed);
  }
  EXPECT_GT(Known(cache, 0, kUsed), kUsed * 99 / 100);
}

TEST(SeriesCache, ChurnDoesNotGrowTheTable) {
  SeriesCache cache(64 << 20);
  for (uint64_t round = 0; round < 30; ++round) {
    for (uint64_t i = 0; i < 1000; ++i) cache.Put(Key(round * 1000 + i), Ref(round * 1000 + i));
    cache.NextGeneration();
  }
  EXPECT_LE(cache.bytes(), size_t{256 << 10});
}

TEST(SeriesCache, ReadersNeverSeeAnothersNumber) {
  SeriesCache cache(64 << 10);  // small: slots change hands all the time
  constexpr uint64_t kKeys = 20'000;
  std::atomic<bool> stop = false;
  std::vector<std::jthread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!stop) Known(cache, 0, kKeys);
    });
  }
  for (int round = 0; round < 5; ++round) {
    for (uint64_t i = 0; i < kKeys; ++i) cache.Put(Key(i), Ref(i));
    cache.NextGeneration();
  }
  stop = true;
}

}  // namespace
}  // namespace tributary::remote

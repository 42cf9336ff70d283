#include "scrape/line_cache.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tributary::scrape {
namespace {

// Scrapes a page of one-letter lines ("abc"; upper case = untracked) and returns what went stale.
std::string Scrape(LineCache* cache, const std::string& page, bool good = true) {
  cache->Begin();
  for (const char c : page) {
    const base::Hash128 hash = base::HashTo128(std::string(1, c), 7);
    LineCache::Line* line = cache->Find(hash);
    if (line == nullptr) {
      line = &cache->Add(hash, model::SeriesRef(static_cast<uint64_t>(c)));
    }
    EXPECT_EQ(line->ref.value(), static_cast<uint64_t>(c));
    if (!cache->SeenNow(*line)) {
      cache->MarkSeen(line, c >= 'a');
    }
  }
  std::string stale;
  const auto note = [&](model::SeriesRef ref) { stale += static_cast<char>(ref.value()); };
  if (good) {
    cache->ForEachVanished(note);
    cache->Commit();
  } else {
    cache->ForEachLive(note);
    cache->Fail();
  }
  return stale;
}

TEST(LineCache, TellsWhatVanished) {
  LineCache cache;
  EXPECT_EQ(Scrape(&cache, "abcd"), "");
  EXPECT_EQ(Scrape(&cache, "abcd"), "");
  EXPECT_EQ(Scrape(&cache, "acd"), "b");
  EXPECT_EQ(Scrape(&cache, "acd"), "");
  EXPECT_EQ(cache.size(), 3u);
}

TEST(LineCache, AnotherOrderIsNoChange) {
  LineCache cache;
  Scrape(&cache, "abcd");
  EXPECT_EQ(Scrape(&cache, "dcba"), "");
  EXPECT_EQ(Scrape(&cache, "dcba"), "");
  EXPECT_EQ(Scrape(&cache, "xdcba"), "");
  EXPECT_EQ(Scrape(&cache, ""), "xdcba");
}

TEST(LineCache, UntrackedLinesNeverGoStale) {
  LineCache cache;
  Scrape(&cache, "aB");
  EXPECT_EQ(Scrape(&cache, "a"), "");
}

TEST(LineCache, FailureEndsAllOnceAndRecoveryStartsAnew) {
  LineCache cache;
  Scrape(&cache, "abc");
  EXPECT_EQ(Scrape(&cache, "", /*good=*/false), "abc");
  EXPECT_EQ(Scrape(&cache, "", /*good=*/false), "");
  EXPECT_EQ(Scrape(&cache, "abc"), "");
  EXPECT_EQ(Scrape(&cache, "ab"), "c");
}

TEST(LineCache, RepeatedLinesCountOnce) {
  LineCache cache;
  EXPECT_EQ(Scrape(&cache, "abab"), "");
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(Scrape(&cache, "ab"), "");
}

}  // namespace
}  // namespace tributary::scrape

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
    const std::string text(1, c);
    const uint64_t hash = LineCache::Hash(text);
    LineCache::Line* line = cache->Find(hash, text.size());
    if (line == nullptr) {
      line = &cache->Add(hash, text.size(), model::SeriesRef(static_cast<uint64_t>(c)));
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

TEST(LineCache, FailedPagesDoNotAddUp) {
  LineCache cache;
  Scrape(&cache, "abc");
  Scrape(&cache, "axyz", /*good=*/false);
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_EQ(Scrape(&cache, "abc"), "");
}

TEST(LineCache, AScrapeThatWasNeverFinishedLeavesNothing) {
  LineCache cache;
  Scrape(&cache, "abc");
  cache.Begin();
  cache.MarkSeen(cache.Find(LineCache::Hash("b"), 1), true);
  EXPECT_EQ(Scrape(&cache, "ac"), "b");
}

TEST(LineCache, RecognisesTheExpectedTextOnly) {
  LineCache cache;
  Scrape(&cache, "ab");
  cache.Begin();
  EXPECT_EQ(cache.Expected("b 1\n"), nullptr);
  EXPECT_EQ(cache.Expected("a"), nullptr);
  LineCache::Line* a = cache.Expected("a 1\n");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->ref.value(), static_cast<uint64_t>('a'));
  cache.MarkSeen(a, true);
  EXPECT_EQ(cache.Expected("a 1\n"), nullptr);
  EXPECT_NE(cache.Expected("b 1\n"), nullptr);
}

TEST(LineCache, RepeatedLinesCountOnce) {
  LineCache cache;
  EXPECT_EQ(Scrape(&cache, "abab"), "");
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(Scrape(&cache, "ab"), "");
}

}  // namespace
}  // namespace tributary::scrape

#include "tsdb/head/exemplar_store.h"

#include <string>

#include <gtest/gtest.h>

namespace tributary::tsdb {
namespace {

using model::Labels;
using model::Matcher;
using Outcome = ExemplarStore::Outcome;

model::Exemplar At(int64_t t, double value, std::string trace = "abc") {
  return {
      .labels = Labels::Of({{"trace_id", trace}}), .value = value, .t = t, .has_timestamp = true};
}

class ExemplarStoreTest : public ::testing::Test {
 protected:
  // "series@t=value …" of everything in [start, end] that `set` matches.
  std::string Show(int64_t start = 0, int64_t end = 1'000'000, std::vector<Matcher> set = {}) {
    std::string out;
    const std::vector<std::vector<Matcher>> sets{std::move(set)};
    for (const auto& s : store_.Select(start, end, sets)) {
      out += (out.empty() ? "" : " ") + std::string(s.labels.Get("s"));
      for (const auto& e : s.exemplars) {
        out += "@" + std::to_string(e.t) + "=" + std::to_string(static_cast<int>(e.value));
      }
    }
    return out;
  }
  double MetricValue(std::string_view name) {
    const std::string text = registry_.RenderText();
    const size_t at = text.find("\n" + std::string(name) + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  const Labels a_ = Labels::Of({{"s", "a"}});
  const Labels b_ = Labels::Of({{"s", "b"}});
  base::MetricsRegistry registry_;
  ExemplarStore store_{4, registry_};
};

TEST_F(ExemplarStoreTest, SelectsByTimeAndAnyOfTheMatcherSets) {
  store_.Add(b_, At(1000, 1));
  store_.Add(a_, At(1000, 2));
  store_.Add(a_, At(2000, 3));
  EXPECT_EQ(Show(), "a@1000=2@2000=3 b@1000=1");
  EXPECT_EQ(Show(1500), "a@2000=3");
  EXPECT_EQ(Show(0, 1000), "a@1000=2 b@1000=1");
  EXPECT_EQ(Show(2001), "");
  EXPECT_EQ(Show(0, 9000, {Matcher::Equal("s", "b")}), "b@1000=1");
  EXPECT_TRUE(store_.Select(0, 9000, {}).empty()) << "no set at all";
  const std::vector<std::vector<Matcher>> both{{Matcher::Equal("s", "b")},
                                               {Matcher::Equal("s", "a")}};
  EXPECT_EQ(store_.Select(0, 9000, both).size(), 2u);
}

TEST_F(ExemplarStoreTest, JudgesByTheNewestOfTheSeries) {
  EXPECT_EQ(store_.Add(a_, At(1000, 5)), Outcome::kAdded);
  EXPECT_EQ(store_.Add(a_, At(1000, 5)), Outcome::kDuplicate);
  EXPECT_EQ(store_.Add(a_, At(999, 9)), Outcome::kOutOfOrder);
  EXPECT_EQ(store_.Add(a_, At(1000, 4)), Outcome::kOutOfOrder);
  EXPECT_EQ(store_.Add(a_, At(1000, 6)), Outcome::kAdded) << "another bucket";
  EXPECT_EQ(store_.Check(b_, At(1, 1)), Outcome::kAdded);
  EXPECT_EQ(store_.Add(a_, At(2000, 1, std::string(121, 'x'))), Outcome::kTooLongLabels);
  EXPECT_EQ(store_.Add(a_, At(2000, 1, std::string(120, 'x'))), Outcome::kAdded);
  EXPECT_EQ(MetricValue("prometheus_tsdb_exemplar_out_of_order_exemplars_total"), 2);
  EXPECT_EQ(MetricValue("prometheus_tsdb_exemplar_exemplars_appended_total"), 3);
}

TEST_F(ExemplarStoreTest, TheWindowLetsLateOnesIn) {
  store_.SetOutOfOrderWindow(500);
  store_.Add(a_, At(1000, 1));
  EXPECT_EQ(store_.Add(a_, At(700, 2)), Outcome::kAdded);
  EXPECT_EQ(store_.Add(a_, At(800, 3)), Outcome::kAdded);
  EXPECT_EQ(store_.Add(a_, At(800, 4)), Outcome::kDuplicate);
  EXPECT_EQ(store_.Add(a_, At(500, 4)), Outcome::kOutOfOrder);
  EXPECT_EQ(Show(), "a@700=2@800=3@1000=1");
}

TEST_F(ExemplarStoreTest, TheOldestByArrivalGoesFirst) {
  for (int i = 1; i <= 3; ++i) store_.Add(a_, At(i * 100, i));
  store_.Add(b_, At(50, 4));
  store_.Add(b_, At(60, 5));
  EXPECT_EQ(Show(), "a@200=2@300=3 b@50=4@60=5");
  for (int i = 6; i <= 8; ++i) store_.Add(b_, At(i * 100, i));
  EXPECT_EQ(Show(), "b@60=5@600=6@700=7@800=8");
  EXPECT_EQ(MetricValue("prometheus_tsdb_exemplar_series_with_exemplars_in_storage"), 1);
  EXPECT_EQ(MetricValue("prometheus_tsdb_exemplar_exemplars_in_storage"), 4);
}

TEST_F(ExemplarStoreTest, ResizingKeepsTheNewest) {
  for (int i = 1; i <= 6; ++i) store_.Add(i % 2 == 0 ? a_ : b_, At(i * 100, i));
  store_.Resize(2);
  EXPECT_EQ(Show(), "a@600=6 b@500=5");
  store_.Resize(3);
  store_.Add(a_, At(700, 7));
  store_.Add(a_, At(800, 8));
  EXPECT_EQ(Show(), "a@600=6@700=7@800=8");
  store_.Resize(0);
  EXPECT_EQ(Show(), "");
  EXPECT_EQ(store_.Add(a_, At(900, 9)), Outcome::kDisabled);
  store_.Resize(1);
  EXPECT_EQ(store_.Add(a_, At(900, 9)), Outcome::kAdded);
  EXPECT_EQ(store_.Add(a_, At(901, 10)), Outcome::kAdded) << "the only one is replaced";
  EXPECT_EQ(Show(), "a@901=10");
}

}  // namespace
}  // namespace tributary::tsdb

#include <gtest/gtest.h>

#include "web/search_filter.h"
#include "web/web_test_support.h"

namespace tributary::web {
namespace {

TEST(SearchFilter, ScoresCharactersInOrder) {
  EXPECT_EQ(SubsequenceScore(U"abc", U"abc"), 1);
  EXPECT_EQ(SubsequenceScore(U"", U"abc"), 1);
  EXPECT_EQ(SubsequenceScore(U"abcd", U"abc"), 0);
  EXPECT_EQ(SubsequenceScore(U"ba", U"abc"), 0);
  // A run of two, a gap of one before and two characters after: 4 - 1/5 - 2/5/2, of 4.
  EXPECT_DOUBLE_EQ(SubsequenceScore(U"bc", U"abcde"), (4 - 0.2 - 0.2) / 4 * 0.999);
  // The best start counts, not the first.
  EXPECT_DOUBLE_EQ(SubsequenceScore(U"ab", U"acab"), (4 - 0.5) / 4 * 0.999);
  EXPECT_DOUBLE_EQ(SubsequenceScore(U"é", U"aé"), (1 - 0.5) * 0.999);
}

TEST(SearchFilter, ScoresSimilarity) {
  EXPECT_EQ(JaroWinklerScore(U"martha", U"martha"), 1);
  EXPECT_NEAR(JaroWinklerScore(U"martha", U"marhta"), 0.9611, 1e-4);
  EXPECT_NEAR(JaroWinklerScore(U"dwayne", U"duane"), 0.84, 1e-4);
  EXPECT_EQ(JaroWinklerScore(U"abc", U"xyz"), 0);
  EXPECT_EQ(JaroWinklerScore(U"", U"xyz"), 0);
}

TEST(SearchFilter, TakesAnyTermAndTheBestScore) {
  const SearchFilter filter({.terms = {"", "UP", "node"}, .case_sensitive = false});
  EXPECT_EQ(filter.Score("up"), 1);
  EXPECT_EQ(filter.Score("Node_load1"), 1);
  EXPECT_EQ(filter.Score("x"), std::nullopt);
  EXPECT_EQ(SearchFilter({.terms = {""}}).Score("x"), 1);
  const SearchFilter strict({.terms = {"nl"}, .threshold = 0.9});
  EXPECT_EQ(strict.Score("node_load1"), std::nullopt);
  const SearchFilter substring({.terms = {"load"}, .jaro_winkler = true});
  EXPECT_EQ(substring.Score("load1"), 1);
  EXPECT_DOUBLE_EQ(*substring.Score("x_load"), 1 - 0.9);
  EXPECT_EQ(substring.Score("laod"), std::nullopt) << "not similar enough for a threshold of none";
}

class SearchTest : public testing::Test {
 protected:
  SearchTest() {
    f_.options.search_api = true;
    for (const char* name : {"node_load1", "node_load5", "up", "go_threads"}) {
      EXPECT_TRUE(f_.store.Add(model::Labels::Of({{"__name__", name}, {"job", "node"}}),
                               std::vector<model::Sample>{{f_.clock.NowMs(), 1}}));
    }
  }
  WebFixture f_;
};

TEST_F(SearchTest, AnswersInLines) {
  const FakeResponse r = f_.Get("/api/v1/search/metric_names?search[]=node&batch_size=1&limit=2");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.headers.Get("Content-Type"), "application/x-ndjson; charset=utf-8");
  EXPECT_EQ(r.body,
            "{\"results\":[{\"name\":\"node_load1\"}]}\n"
            "{\"results\":[{\"name\":\"node_load5\"}]}\n"
            "{\"status\":\"success\",\"has_more\":false}\n");
  EXPECT_EQ(f_.Get("/api/v1/search/label_names?search[]=jo&include_score=true&limit=1").body,
            "{\"results\":[{\"name\":\"job\",\"score\":1}]}\n"
            "{\"status\":\"success\",\"has_more\":false}\n");
  EXPECT_EQ(
      f_.Get("/api/v1/search/label_values?label=__name__&sort_by=alpha&sort_dir=dsc&limit=1").body,
      "{\"results\":[{\"value\":\"up\"}]}\n{\"status\":\"success\",\"has_more\":true}\n");
  EXPECT_EQ(f_.Get("/api/v1/search/metric_names?match[]=nothing").body,
            "{\"results\":[]}\n{\"status\":\"success\",\"has_more\":false}\n");
}

TEST_F(SearchTest, AddsMetadata) {
  scrape::FamilyMetadata family;
  family.family = "up";
  family.metadata = {model::MetricType::kGauge, "Is it up?", ""};
  f_.scrape.metadata = {family};
  EXPECT_EQ(f_.Get("/api/v1/search/metric_names?search[]=up&include_metadata=1").body,
            "{\"results\":[{\"name\":\"up\",\"type\":\"gauge\",\"help\":\"Is it up?\"}]}\n"
            "{\"status\":\"success\",\"has_more\":false}\n");
}

TEST_F(SearchTest, RefusesWhatIsWrong) {
  const auto error = [&](const std::string& target, int status, std::string_view text) {
    const FakeResponse r = f_.Get("/api/v1/search/" + target);
    EXPECT_EQ(r.status, status) << target;
    EXPECT_NE(r.body.find(text), std::string::npos) << r.body;
  };
  error("label_values", 400, "missing required parameter");
  error("metric_names?limit=0", 400, "must be a positive integer");
  error("metric_names?limit=10001", 400, "exceeds the configured maximum");
  error("metric_names?sort_by=score", 400, "requires search[]");
  error("metric_names?fuzz_threshold=101", 400, "must be 0-100");
  std::string many = "metric_names?search[]=a";
  for (int i = 0; i < 32; i++) many += "&search[]=a";
  error(many, 400, "got 33, maximum is 32");
  WebFixture off;
  EXPECT_EQ(off.Get("/api/v1/search/metric_names").body,
            R"({"status":"error","errorType":"unavailable","error":"search API disabled"})");
}

}  // namespace
}  // namespace tributary::web

#include "scrape/scrape_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scrape/test_store.h"

namespace tributary::scrape {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ScrapeWriterTest : public ::testing::Test {
 protected:
  ScrapeWriter& writer() {
    if (!writer_) {
      writer_ = std::make_unique<ScrapeWriter>(config_, target_, store_, probe_, families_);
    }
    return *writer_;
  }

  // Writes one page at time `t` and returns what was stored, without the report series.
  std::vector<std::string> Write(std::string_view body, model::Timestamp t) {
    Page page;
    page.content_type = "text/plain; version=0.0.4";
    page.body = body;
    page.t = page.now_ms = t;
    status_ = writer().Write(page);
    return WithoutReports();
  }

  std::vector<std::string> Fail(model::Timestamp t) {
    Page page;
    page.fetched = base::Unavailable("connection refused");
    page.t = page.now_ms = t;
    status_ = writer().Write(page);
    return WithoutReports();
  }

  std::vector<std::string> WithoutReports() {
    all_ = store_.Take();
    std::vector<std::string> samples;
    for (const std::string& sample : all_) {
      if (!sample.starts_with("up{") && !sample.starts_with("scrape_")) {
        samples.push_back(sample);
      }
    }
    return samples;
  }

  config::ScrapeConfig config_;
  model::Labels target_ = model::Labels::Of({{"instance", "i"}, {"job", "j"}});
  RecordingStore store_;
  base::MetricsRegistry metrics_;
  Probe probe_{metrics_};
  FamilyCache families_;
  std::unique_ptr<ScrapeWriter> writer_;
  base::Status status_;
  std::vector<std::string> all_;
};

TEST_F(ScrapeWriterTest, StoresSamplesAndReports) {
  EXPECT_THAT(Write("a 1\nb{x=\"y\"} 2\n", 1000),
              ElementsAre(R"(a{instance="i", job="j"} 1000 1)",
                          R"(b{instance="i", job="j", x="y"} 1000 2)"));
  EXPECT_TRUE(status_);
  EXPECT_THAT(all_, Contains(R"(up{instance="i", job="j"} 1000 1)"));
  EXPECT_THAT(all_, Contains(R"(scrape_samples_scraped{instance="i", job="j"} 1000 2)"));
  EXPECT_THAT(all_, Contains(R"(scrape_series_added{instance="i", job="j"} 1000 2)"));
  EXPECT_THAT(Write("a 3\nb{x=\"y\"} 2\n", 2000),
              ElementsAre(R"(a{instance="i", job="j"} 2000 3)",
                          R"(b{instance="i", job="j", x="y"} 2000 2)"));
  EXPECT_THAT(all_, Contains(R"(scrape_series_added{instance="i", job="j"} 2000 0)"));
}

TEST_F(ScrapeWriterTest, VanishedSeriesGoStale) {
  Write("a 1\nb 2\n", 1000);
  EXPECT_THAT(Write("a 1\n", 2000), ElementsAre(R"(a{instance="i", job="j"} 2000 1)",
                                                R"(b{instance="i", job="j"} 2000 stale)"));
  EXPECT_THAT(Write("a 1\n", 3000), ElementsAre(R"(a{instance="i", job="j"} 3000 1)"));
}

TEST_F(ScrapeWriterTest, AFailedFetchEndsEverything) {
  Write("a 1\n", 1000);
  EXPECT_THAT(Fail(2000), ElementsAre(R"(a{instance="i", job="j"} 2000 stale)"));
  EXPECT_THAT(all_, Contains(R"(up{instance="i", job="j"} 2000 0)"));
  EXPECT_EQ(status_.error().message(), "connection refused");
  EXPECT_THAT(Fail(3000), IsEmpty());
  EXPECT_THAT(Write("a 2\n", 4000), ElementsAre(R"(a{instance="i", job="j"} 4000 2)"));
}

TEST_F(ScrapeWriterTest, ABadLineRejectsTheWholePage) {
  Write("a 1\n", 1000);
  EXPECT_THAT(Write("a 2\nb{ 3\n", 2000), ElementsAre(R"(a{instance="i", job="j"} 2000 stale)"));
  EXPECT_FALSE(status_);
  EXPECT_THAT(all_, Contains(R"(up{instance="i", job="j"} 2000 0)"));
}

TEST_F(ScrapeWriterTest, ExplicitTimestamps) {
  EXPECT_THAT(Write("a 1 500\n", 1000), ElementsAre(R"(a{instance="i", job="j"} 500 1)"));
  EXPECT_THAT(Write("", 2000), IsEmpty()) << "series with timestamps of their own never go stale";
  config_.honor_timestamps = false;
  EXPECT_THAT(Write("a 1 500\n", 3000), ElementsAre(R"(a{instance="i", job="j"} 3000 1)"));
  config_.honor_timestamps = true;
  EXPECT_THAT(Write("a 1 9999999999\n", 4000), Not(Contains(HasSubstr("9999999999"))));
  EXPECT_EQ(probe_.sample_out_of_bounds.value(), 1);
}

TEST_F(ScrapeWriterTest, TrackedTimestampsGoStale) {
  config_.track_timestamps_staleness = true;
  Write("a 1 500\n", 1000);
  EXPECT_THAT(Write("", 2000), ElementsAre(R"(a{instance="i", job="j"} 2000 stale)"));
}

TEST_F(ScrapeWriterTest, ClashingLabels) {
  const char* page = "a{job=\"own\",exported_job=\"x\",other=\"o\"} 1\n";
  EXPECT_THAT(Write(page, 1000),
              ElementsAre(R"(a{exported_exported_job="own", exported_job="x", instance="i", )"
                          R"(job="j", other="o"} 1000 1)"));
  writer_.reset();
  config_.honor_labels = true;
  EXPECT_THAT(Write(page, 2000),
              ElementsAre(R"(a{exported_job="x", instance="i", job="own", other="o"} 2000 1)"));
}

TEST_F(ScrapeWriterTest, MetricRelabelling) {
  config_.metric_relabel_configs = *model::Relabeler::Create(
      {{.source_labels = {"__name__"}, .regex = "drop.*", .action = model::RelabelAction::kDrop},
       {.target_label = "added", .replacement = "yes"}});
  EXPECT_THAT(Write("a 1\ndrop_me 2\n", 1000),
              ElementsAre(R"(a{added="yes", instance="i", job="j"} 1000 1)"));
  EXPECT_THAT(all_, Contains(R"(scrape_samples_scraped{instance="i", job="j"} 1000 2)"));
  EXPECT_THAT(all_,
              Contains(R"(scrape_samples_post_metric_relabeling{instance="i", job="j"} 1000 1)"));
  EXPECT_THAT(Write("a 1\ndrop_me 2\n", 2000),
              ElementsAre(R"(a{added="yes", instance="i", job="j"} 2000 1)"));
}

TEST_F(ScrapeWriterTest, SampleLimit) {
  config_.limits.sample_limit = 2;
  EXPECT_EQ(Write("a 1\nb 2\n", 1000).size(), 2u);
  EXPECT_THAT(Write("a 1\nb 2\nc 3\n", 2000),
              ElementsAre(R"(a{instance="i", job="j"} 2000 stale)",
                          R"(b{instance="i", job="j"} 2000 stale)"));
  EXPECT_EQ(status_.error().message(), "sample limit exceeded");
  EXPECT_EQ(probe_.exceeded_sample_limit.value(), 1);
}

TEST_F(ScrapeWriterTest, LabelLimits) {
  config_.limits.label_limit = 4;
  EXPECT_EQ(Write("a{x=\"1\"} 1\n", 1000).size(), 1u);
  Write("a{x=\"1\",y=\"2\"} 1\n", 2000);
  EXPECT_THAT(status_.error().message(), HasSubstr("label_limit exceeded"));
  config_.limits.label_limit = 0;
  config_.limits.label_value_length_limit = 3;
  Write("a{x=\"1234\"} 1\n", 3000);
  EXPECT_THAT(status_.error().message(), HasSubstr("label_value_length_limit exceeded"));
}

TEST_F(ScrapeWriterTest, TheSameSeriesTwiceCountsOnce) {
  EXPECT_THAT(Write("a 1\na 2\n", 1000), ElementsAre(R"(a{instance="i", job="j"} 1000 1)"));
  EXPECT_EQ(probe_.sample_duplicate.value(), 1);
  writer_.reset();
  EXPECT_THAT(Write("a 1 100\na 2 200\n", 2000),
              ElementsAre(R"(a{instance="i", job="j"} 100 1)", R"(a{instance="i", job="j"} 200 2)"))
      << "with timestamps of their own both are samples";
}

TEST_F(ScrapeWriterTest, AStoreThatForgotSeriesIsToldThemAgain) {
  Write("a 1\n", 1000);
  store_.ForgetSeries();
  EXPECT_THAT(Write("a 2\n", 2000), ElementsAre(R"(a{instance="i", job="j"} 2000 2)"));
  EXPECT_TRUE(status_);
}

TEST_F(ScrapeWriterTest, ContentTypeIsStrict) {
  Page page;
  page.body = "a 1\n";
  page.t = page.now_ms = 1000;
  EXPECT_THAT(writer().Write(page).error().message(), HasSubstr("blank Content-Type"));
  page.content_type = "text/html";
  EXPECT_THAT(writer().Write(page).error().message(),
              HasSubstr("unsupported Content-Type \"text/html\""));
  config_.fallback_scrape_protocol = config::ScrapeProtocol::kPrometheusText0_0_4;
  EXPECT_TRUE(writer().Write(page));
}

TEST_F(ScrapeWriterTest, EndOfRunMarksReportsToo) {
  Write("a 1\n", 1000);
  writer().WriteEndOfRun(5000);
  const std::vector<std::string> stored = store_.Take();
  EXPECT_EQ(stored.size(), 6u);
  EXPECT_THAT(stored, Contains(R"(up{instance="i", job="j"} 5000 stale)"));
  EXPECT_THAT(stored, Contains(R"(a{instance="i", job="j"} 5000 stale)"));
}

TEST_F(ScrapeWriterTest, FamiliesAreRemembered) {
  Write("# HELP a What a is.\n# TYPE a counter\na 1\n", 1000);
  ASSERT_EQ(writer().families().size(), 1u);
  EXPECT_EQ(writer().families()[0]->name, "a");
  EXPECT_EQ(writer().families()[0]->metadata.type, model::MetricType::kCounter);
  EXPECT_EQ(writer().families()[0]->metadata.help, "What a is.");
}

}  // namespace
}  // namespace tributary::scrape

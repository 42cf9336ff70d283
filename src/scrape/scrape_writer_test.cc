#include "scrape/scrape_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scrape/test_store.h"
#include "wire/protobuf.h"

namespace tributary::scrape {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kOpenMetrics = "application/openmetrics-text; version=1.0.0";

class ScrapeWriterTest : public ::testing::Test {
 protected:
  ScrapeWriter& writer() {
    if (!writer_) {
      writer_ = std::make_unique<ScrapeWriter>(config_, options_, target_, store_, probe_,
                                               families_, shedding_);
    }
    return *writer_;
  }

  // Writes one page at time `t` and returns what was stored, without the report series.
  std::vector<std::string> Write(std::string_view body, model::Timestamp t,
                                 std::string_view content_type = "text/plain; version=0.0.4") {
    Page page;
    page.content_type = content_type;
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
  PageOptions options_;
  model::Labels target_ = model::Labels::Of({{"instance", "i"}, {"job", "j"}});
  RecordingStore store_;
  base::MetricsRegistry metrics_;
  Probe probe_{metrics_};
  FamilyCache families_;
  base::MetricsRegistry shedding_metrics_;
  Shedding shedding_{0, shedding_metrics_};
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

TEST_F(ScrapeWriterTest, AThrottledOneTakesNoNewSeries) {
  Write("a 1\nb 2\n", 1000);
  writer().Throttle(true);
  EXPECT_THAT(
      Write("a 3\nc 4\nb 5\nd 6\n", 2000),
      ElementsAre(R"(a{instance="i", job="j"} 2000 3)", R"(b{instance="i", job="j"} 2000 5)"));
  EXPECT_THAT(all_, Contains(R"(scrape_samples_scraped{instance="i", job="j"} 2000 4)"));
  EXPECT_EQ(shedding_.samples.value(), 2);
  writer().Throttle(false);
  EXPECT_THAT(Write("a 7\nc 8\nb 9\n", 3000), ElementsAre(R"(a{instance="i", job="j"} 3000 7)",
                                                          R"(c{instance="i", job="j"} 3000 8)",
                                                          R"(b{instance="i", job="j"} 3000 9)"));
  EXPECT_EQ(shedding_.samples.value(), 2);
}

TEST(SheddingTest, InItsOrder) {
  using Level = Shedding::Level;
  EXPECT_EQ(Shedding::LevelAt(1'000, 0), Level::kNothing) << "no limit";
  EXPECT_EQ(Shedding::LevelAt(79, 100), Level::kNothing);
  EXPECT_EQ(Shedding::LevelAt(80, 100), Level::kMetadata);
  EXPECT_EQ(Shedding::LevelAt(85, 100), Level::kCaches);
  EXPECT_EQ(Shedding::LevelAt(90, 100), Level::kSeries);
  EXPECT_EQ(Shedding::LevelAt(300, 100), Level::kSeries);
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
  options_.fallback = config::ScrapeProtocol::kPrometheusText0_0_4;
  writer_.reset();
  EXPECT_TRUE(writer().Write(page));
}

// Pages that differ a little from the one before, where reading by what is remembered must give
// what reading anew gives.
TEST_F(ScrapeWriterTest, RememberedLinesReadAsNewOnes) {
  const std::string page =
      "# HELP a What a is.\n# TYPE a counter\na 1\na{x=\"1\"} 2\n# plain\nb{x=\"}\"} 3\n"
      "# TYPE c gauge\nc{y=\"2\",} 4.5e3\nc{y=\"3\"}  5\nd NaN\n{\"e.f\"} 6 900\n";
  const std::string variants[] = {
      page,
      "\n" + page,
      "a 1\n" + page,
      page + "z 1\n",
      page.substr(0, page.size() - 1),
      page.substr(0, page.size() - 5),
      page.substr(0, page.find("# plain")),
      page.substr(page.find("# plain")),
      "a 7\na{x=\"1\"} 8\nb{x=\"}\"} 9\nc{y=\"2\",} 1\nc{y=\"3\"} 2\nd 3\n{\"e.f\"} 4\n",
      "a{x=\"1\"} 2\na 1\n",
      "a_b 1\na {x=\"1\"} 2\na{x=\"1\"}3\n",
      "a 1 \na{x=\"1\"} 2 \t\nb{x=\"}\"}\t3\nd -Inf\n",
      "a 1 5 6\n",
      "a x\n",
      "a 0x1p4\n",
      "a\n",
      "# TYPE a wrong\na 1\n",
  };
  for (const std::string& first : variants) {
    for (const std::string& second : variants) {
      writer_.reset();
      Write(first, 1000);
      Write(second, 2000);
      std::erase_if(all_, [](const std::string& s) {
        return s.ends_with(" stale") || s.starts_with("scrape_series_added") ||
               s.starts_with("scrape_duration");
      });
      const std::vector<std::string> remembered = all_;
      const base::Status status = status_;
      FamilyList families = writer().families();
      writer_.reset();
      Write(second, 2000);
      std::erase_if(all_, [](const std::string& s) {
        return s.starts_with("scrape_series_added") || s.starts_with("scrape_duration");
      });
      EXPECT_EQ(remembered, all_) << "after:\n" << first << "page:\n" << second;
      EXPECT_EQ(status.has_value(), status_.has_value()) << first << second;
      if (!status) {
        EXPECT_EQ(status.error().message(), status_.error().message());
      } else {
        EXPECT_EQ(families, writer().families()) << "after:\n" << first << "page:\n" << second;
      }
    }
  }
}

TEST_F(ScrapeWriterTest, ChangedMetadataIsNoticed) {
  Write("# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n", 1000);
  Write("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n", 2000);
  ASSERT_EQ(writer().families().size(), 2u);
  EXPECT_EQ(writer().families()[0]->metadata.type, model::MetricType::kGauge);
  Write("a 1\nb 1\n", 3000);
  EXPECT_EQ(writer().families().size(), 0u);
}

TEST_F(ScrapeWriterTest, StartTimesAreHandedOverWithTheSamples) {
  options_.keep_starts = true;
  for (const model::Timestamp t : {1000, 2000}) {  // the second time by known lines
    EXPECT_THAT(
        Write("# TYPE g gauge\ng 1\n# TYPE a counter\na_total 5\na_created 0.5\n# EOF\n", t,
              kOpenMetrics),
        ElementsAre(R"(g{instance="i", job="j"} )" + std::to_string(t) + " 1",
                    R"(a_total{instance="i", job="j"} )" + std::to_string(t) + " 5 since 500"));
  }
}

TEST_F(ScrapeWriterTest, LabelLengthLimitsFailTheScrape) {
  config_.limits.label_name_length_limit = 8;
  Write("a{long_name=\"1\"} 1\n", 1000);
  EXPECT_THAT(status_.error().message(), HasSubstr("label_name_length_limit exceeded"));
  config_.limits.label_name_length_limit = 0;
  config_.limits.label_value_length_limit = 3;
  Write("a{x=\"four\"} 1\n", 2000);
  EXPECT_THAT(status_.error().message(), HasSubstr("label_value_length_limit exceeded"));
  EXPECT_THAT(all_, Contains(R"(up{instance="i", job="j"} 2000 0)"));
  EXPECT_EQ(probe_.exceeded_label_limits.value(), 2);
}

TEST_F(ScrapeWriterTest, ExtraMetrics) {
  config_.extra_scrape_metrics = true;
  config_.limits.sample_limit = 10;
  Write("a 1\n", 1000);
  EXPECT_THAT(all_, Contains(R"(scrape_sample_limit{instance="i", job="j"} 1000 10)"));
  EXPECT_THAT(all_, Contains(R"(scrape_body_size_bytes{instance="i", job="j"} 1000 4)"));
  EXPECT_THAT(all_, Contains(R"(scrape_timeout_seconds{instance="i", job="j"} 1000 0)"));
}

// A family "n" with one native histogram: schema 1, buckets of 1, 2 and 3 observations.
std::string NativePage() {
  std::string histogram;
  wire::PutVarint(&histogram, 1, 6);
  wire::PutDouble(&histogram, 2, 10);
  wire::PutVarint(&histogram, 5, wire::ZigZagEncode(1));
  wire::PutBytes(&histogram, 12, std::string("\x08\x02\x10\x03", 4));
  wire::PutBytes(&histogram, 13, "\x02\x02\x02");
  std::string metric;
  wire::PutBytes(&metric, 7, histogram);
  std::string family;
  wire::PutBytes(&family, 1, "n");
  wire::PutVarint(&family, 3, 4);
  wire::PutBytes(&family, 4, metric);
  std::string page;
  wire::PutRawVarint(&page, family.size());
  return page + family;
}

TEST_F(ScrapeWriterTest, NativeHistogramsAreStoredAndLimited) {
  const std::string body = NativePage();
  options_.native_histograms = true;
  const auto write = [&](model::Timestamp t) {
    Page page;
    page.content_type =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
        "encoding=delimited";
    page.body = body;
    page.t = page.now_ms = t;
    status_ = writer().Write(page);
    return WithoutReports();
  };
  const std::string series = R"(n{instance="i", job="j"} )";
  EXPECT_THAT(write(1000),
              ElementsAre(series + "1000 {{schema:1 count:6 sum:10 offset:1 buckets:[1 2 3]}}"));
  EXPECT_THAT(write(2000),
              ElementsAre(series + "2000 {{schema:1 count:6 sum:10 offset:1 buckets:[1 2 3]}}"));
  config_.limits.native_histogram_bucket_limit = 2;
  EXPECT_THAT(write(3000), ElementsAre(series + "3000 {{count:6 sum:10 offset:1 buckets:[3 3]}}"));
  config_.limits.native_histogram_bucket_limit = 0;
  config_.limits.native_histogram_min_bucket_factor = 4;
  writer_.reset();
  EXPECT_THAT(write(4000), ElementsAre(::testing::HasSubstr("schema:-1 count:6")));
  config_.limits.native_histogram_min_bucket_factor = 0;
  options_.native_histograms = false;
  options_.custom_buckets = true;
  writer_.reset();
  EXPECT_THAT(write(5000), ElementsAre(::testing::HasSubstr("schema:-53 count:6")));
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

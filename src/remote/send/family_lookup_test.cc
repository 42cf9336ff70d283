#include "remote/send/family_lookup.h"

#include <gtest/gtest.h>

namespace tributary::remote {
namespace {

TEST(FamilyLookupTest, FindsTheFamilyOfAMetric) {
  FamilyLookup lookup;
  EXPECT_TRUE(lookup.empty());
  EXPECT_EQ(lookup.Find("up"), nullptr);
  lookup.Set({{"up", {model::MetricType::kGauge, "alive", ""}},
              {"seconds", {model::MetricType::kHistogram, "how long", "seconds"}},
              {"seconds_count", {model::MetricType::kGauge, "of another family", ""}}});
  EXPECT_EQ(lookup.Find("up")->help, "alive");
  EXPECT_EQ(lookup.Find("seconds_bucket")->help, "how long");
  EXPECT_EQ(lookup.Find("seconds_sum")->unit, "seconds");
  EXPECT_EQ(lookup.Find("seconds_count")->help, "of another family");
  EXPECT_EQ(lookup.Find("seconds_more"), nullptr);
  EXPECT_EQ(lookup.Find("up_sum"), nullptr) << "a gauge has no such metric";
  EXPECT_EQ(lookup.Find("_sum"), nullptr);
  lookup.Set({{"requests", {model::MetricType::kCounter, "asked", ""}}});
  EXPECT_EQ(lookup.Find("requests_total")->help, "asked");
  EXPECT_EQ(lookup.Find("up"), nullptr);
}

}  // namespace
}  // namespace tributary::remote

#include "web/federation_encoder.h"

#include <gtest/gtest.h>

#include "web/web_test_support.h"

namespace tributary::web {
namespace {

TEST(NegotiateFederation, AsPrometheusDoes) {
  const auto f = [](std::string_view accept, std::string_view want) {
    EXPECT_EQ(ContentTypeOf(NegotiateFederation(accept)), want) << accept;
  };
  const std::string text = "text/plain; version=0.0.4; charset=utf-8; escaping=";
  const std::string proto =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
      "encoding=delimited";
  f("", text + "underscores");
  f("*/*", text + "underscores");
  f("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", text + "underscores");
  f("text/plain;version=1.0.0;escaping=allow-utf-8", text + "allow-utf-8");
  f("text/plain;escaping=odd", text + "underscores");
  f("text/plain;q=0.2;escaping=dots," + proto + ";q=0.9;escaping=values",
    proto + "; escaping=values");
  f("text/plain;escaping=dots;q=0.9, " + proto + ";q=0.1", text + "dots");
  f(";;;,,=;q=x", text + "underscores");
}

NewestSample HistogramSample(int32_t schema) {
  auto h = std::make_shared<model::FloatHistogram>();
  h->schema = schema;
  h->count = 6;
  h->sum = 10.5;
  h->positive_spans = {{0, 2}};
  h->positive_buckets = {2, 1};
  if (schema == model::kCustomBucketsSchema) h->custom_values = {1, 2, 4};
  return {5'000, h->sum, h};
}

TEST(FederationEncoder, TextOfAClassicHistogram) {
  FakeResponse response;
  const auto encoder = FederationEncoder::Create({}, response);
  encoder->Add("h", {{"a", "b\n"}}, HistogramSample(model::kCustomBucketsSchema));
  encoder->Add("h", {}, {7'000, 1.5, nullptr});
  encoder->Finish();
  EXPECT_EQ(response.body,
            "# TYPE h histogram\n"
            "h_bucket{a=\"b\\n\",le=\"1\"} 2 5000\n"
            "h_bucket{a=\"b\\n\",le=\"2\"} 3 5000\n"
            "h_bucket{a=\"b\\n\",le=\"4\"} 3 5000\n"
            "h_bucket{a=\"b\\n\",le=\"+Inf\"} 6 5000\n"
            "h_sum{a=\"b\\n\"} 10.5 5000\n"
            "h_count{a=\"b\\n\"} 6 5000\n"
            "# TYPE h untyped\n"
            "h 1.5 7000\n");
}

TEST(FederationEncoder, ProtobufFamilies) {
  FakeResponse response;
  const auto encoder =
      FederationEncoder::Create({.protobuf = true, .scheme = NameScheme::kUnderscores}, response);
  encoder->Add("a.b", {{"c d", "e"}}, {1, 1.0, nullptr});
  encoder->Add("a.b", {}, {2, 2.0, nullptr});
  encoder->Add("h", {}, HistogramSample(0));
  encoder->Finish();
  const std::string untyped(
      "\x2f\x0a\x03\x61_b\x18\x03"
      "\x22\x17\x0a\x08\x0a\x03"
      "c_d\x12\x01"
      "e"
      "\x2a\x09\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x30\x01"
      "\x22\x0d\x2a\x09\x09\x00\x00\x00\x00\x00\x00\x00\x40\x30\x02",
      0x30);
  ASSERT_GT(response.body.size(), untyped.size());
  EXPECT_EQ(base::HexEncode(response.body.substr(0, untyped.size())), base::HexEncode(untyped));
  // HISTOGRAM, and a float count, a schema and spans in it.
  const std::string native = response.body.substr(untyped.size());
  EXPECT_EQ(native.substr(1, 5), std::string("\x0a\x01h\x18\x04"));
  EXPECT_NE(native.find(std::string("\x28\x00", 2)), std::string::npos);
  EXPECT_NE(native.find(std::string("\x62\x04\x08\x00\x10\x02", 6)), std::string::npos);
}

}  // namespace
}  // namespace tributary::web

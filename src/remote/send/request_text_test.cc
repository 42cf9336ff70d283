#include "remote/send/request_text.h"

#include <string>

#include <gtest/gtest.h>

#include "wire/compression.h"
#include "wire/remote_write_v2.h"

namespace tributary::remote {
namespace {

TEST(RequestTextTest, SaysWhatIsInside) {
  wire::WriteEncoderV2 encoder;
  encoder.Reset();
  const model::Label labels[] = {{"__name__", "m"}, {"a", "x\"y"}};
  const model::Label others[] = {{"__name__", "h"}};
  encoder.AddSample(labels, {.t = 1000, .v = 1.5});
  encoder.AddHistogram(others, 1000, model::Histogram{});
  encoder.AddSample(others, {.t = 2000, .v = 3});
  const std::string message(encoder.Finish());
  Shipment shipment;
  shipment.form = {.message = config::WriteMessage::kV2, .zstd = true};
  wire::ZstdEncode(base::AsBytes(message), &shipment.body);
  const std::string first = R"({__name__="m", a="x\"y"} 1.5@1000)";
  EXPECT_EQ(TextOfRequest(shipment, 1000),
            first + R"(, {__name__="h"} 1 histograms, {__name__="h"} 3@2000)");
  EXPECT_EQ(TextOfRequest(shipment, 10), first + " and 2 series more");
  shipment.form.zstd = false;
  wire::SnappyEncode(base::AsBytes(message), &shipment.body);
  EXPECT_EQ(TextOfRequest(shipment, 10), first + " and 2 series more");
}

}  // namespace
}  // namespace tributary::remote

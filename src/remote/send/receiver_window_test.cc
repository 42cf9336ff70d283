#include "remote/send/receiver_window.h"

#include <gtest/gtest.h>

namespace tributary::remote {
namespace {

constexpr int64_t kMinuteNs = int64_t{60} * 1'000'000'000;

net::ClientResponse Answer(int status, std::string body = "",
                           std::vector<std::pair<std::string, std::string>> headers = {}) {
  net::ClientResponse answer;
  answer.status = status;
  answer.body = std::move(body);
  for (auto& [name, value] : headers) {
    answer.headers.Add(name, value);
  }
  return answer;
}

TEST(ReceiverWindowTest, OurCentreSaysIt) {
  ReceiverWindow window("http://centre/api/v1/write");
  EXPECT_EQ(window.ms(), 0);
  window.Learn(Answer(204, "", {{"X-Tributary-Out-Of-Order-Window", "1800"}}));
  EXPECT_EQ(window.ms(), 1'800'000);
  EXPECT_EQ(window.Question(0), std::nullopt);
  window.Learn(Answer(502));
  EXPECT_EQ(window.ms(), 1'800'000) << "an error of a proxy says nothing";
  window.Learn(Answer(503, "", {{"X-Tributary-Out-Of-Order-Window", "0"}}));
  EXPECT_EQ(window.ms(), 0);
  EXPECT_EQ(window.Question(0), std::nullopt) << "it has said it: in order only";
}

TEST(ReceiverWindowTest, AReceiverExchangedForAnotherIsAskedAnew) {
  ReceiverWindow window("http://centre/api/v1/write");
  window.Learn(Answer(204, "", {{"X-Tributary-Out-Of-Order-Window", "1800"}}));
  window.Learn(Answer(204));
  EXPECT_EQ(window.ms(), 0);
  EXPECT_TRUE(window.Question(0));
}

TEST(ReceiverWindowTest, PrometheusIsAskedForItsConfiguration) {
  ReceiverWindow window("https://centre/prom/api/v1/write");
  window.Learn(Answer(204));
  EXPECT_EQ(window.Question(kMinuteNs), "https://centre/prom/api/v1/status/config");
  // As Prometheus writes it, with the escapes of Go's JSON.
  window.OnAnswer(Answer(
      200,
      R"({"status":"success","data":{"yaml":"global:\n  scrape_interval: 15s\nscrape_configs:\n- job_name: \"\u003ca\u003e\"\nstorage:\n  tsdb:\n    out_of_order_time_window: 1h30m\n"}})"));
  EXPECT_EQ(window.ms(), 5'400'000);
  EXPECT_EQ(window.Question(2 * kMinuteNs), std::nullopt) << "asked a minute ago";
  EXPECT_TRUE(window.Question(12 * kMinuteNs));
}

TEST(ReceiverWindowTest, AnAnswerWithoutTheFieldMeansInOrder) {
  for (const net::ClientResponse& answer :
       {Answer(200, R"({"status":"success","data":{"yaml":"global: {}\n"}})"),
        Answer(200, "<html>sign in</html>"), Answer(200), Answer(404, "not found"),
        Answer(401, R"({"data":{"yaml":"storage: {tsdb: {out_of_order_time_window: 1h}}"}})"),
        Answer(200, R"({"data":{"yaml":"storage: {tsdb: {out_of_order_time_window: soon}}"}})")}) {
    ReceiverWindow window("http://centre/api/v1/write");
    ASSERT_TRUE(window.Question(0));
    window.OnAnswer(answer);
    EXPECT_EQ(window.ms(), 0) << answer.body;
  }
}

TEST(ReceiverWindowTest, VictoriaMetricsTakesADayAndVmagentIsNotMistakenForIt) {
  ReceiverWindow window("http://vm/api/v1/write");
  window.Learn(Answer(204, "", {{"X-Server-Hostname", "vm-0"}}));
  EXPECT_EQ(window.Question(0), "http://vm/api/v1/status/buildinfo");
  window.OnAnswer(Answer(400, "unsupported path requested"));
  EXPECT_EQ(window.ms(), 0);
  EXPECT_TRUE(window.Question(11 * kMinuteNs));
  window.OnAnswer(Answer(200, R"({"status":"success","data":{}})"));
  EXPECT_EQ(window.ms(), 86'400'000);
}

TEST(ReceiverWindowTest, AnAddressOfAnotherFormCannotBeAsked) {
  EXPECT_EQ(ReceiverWindow("http://centre/receive").Question(0), std::nullopt);
}

}  // namespace
}  // namespace tributary::remote

#include "web/notifications.h"

#include <thread>

#include <gtest/gtest.h>

#include "web/web_test_support.h"

namespace tributary::web {
namespace {

class NotificationsTest : public testing::Test {
 protected:
  base::ManualClock clock_{1'000};
  base::MetricsRegistry metrics_;
  Notifications notifications_{2, clock_, metrics_};
};

TEST_F(NotificationsTest, SubscribersHearOfWhatIsAndWhatChanges) {
  notifications_.Add("a");
  const auto subscription = notifications_.Subscribe();
  ASSERT_NE(subscription, nullptr);
  EXPECT_EQ(subscription->Next(0)->text, "a");
  EXPECT_FALSE(subscription->Next(0));
  clock_.Advance(500);
  notifications_.Add("a");
  EXPECT_EQ(subscription->Next(0)->date_ms, 1'500);
  EXPECT_EQ(notifications_.List().size(), 1u);
  notifications_.Delete("none");
  notifications_.Delete("a");
  const auto over = subscription->Next(0);
  ASSERT_TRUE(over);
  EXPECT_EQ(over->text, "a");
  EXPECT_FALSE(over->active);
  EXPECT_TRUE(notifications_.List().empty());
}

TEST_F(NotificationsTest, SubscribersAreFewAndDoNotHoldMemory) {
  auto first = notifications_.Subscribe();
  const auto second = notifications_.Subscribe();
  EXPECT_EQ(notifications_.Subscribe(), nullptr);
  for (int i = 0; i < 1'000; ++i) notifications_.Add("a");
  int heard = 0;
  while (first->Next(0)) ++heard;
  EXPECT_EQ(heard, 10);
  first.reset();
  EXPECT_NE(notifications_.Subscribe(), nullptr);
}

TEST_F(NotificationsTest, NextWakesUp) {
  const auto subscription = notifications_.Subscribe();
  std::jthread adder([&] { notifications_.Add("late"); });
  std::optional<Notification> heard;
  for (int i = 0; i < 100 && !heard; ++i) heard = subscription->Next(1'000);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->text, "late");
}

// A client that goes away after its first event.
class ShortResponse final : public net::ResponseWriter {
 public:
  void SetStatus(int s) override { status = s; }
  void SetHeader(std::string_view name, std::string value) override {
    headers.Set(name, std::move(value));
  }
  bool Write(std::string_view data) override {
    body += data;
    return true;
  }
  bool Flush() override { return body.empty(); }
  void DisableCompression() override {}
  int status = 200;
  net::Headers headers;
  std::string body;
};

TEST_F(NotificationsTest, ServedAsListAndAsEvents) {
  WebFixture f;
  f.services.notifications = &notifications_;
  f.state.ready = false;
  notifications_.Add(kStartingNotice);
  const std::string json =
      R"({"text":"Prometheus is starting and replaying the write-ahead log (WAL).",)"
      R"("date":"1970-01-01T00:00:01Z","active":true})";
  EXPECT_EQ(f.Get("/api/v1/notifications").body, R"({"status":"success","data":[)" + json + "]}");
  FakeRequest request("GET", "/api/v1/notifications/live");
  ShortResponse live;
  f.web().Handle(request, live);
  EXPECT_EQ(live.headers.Get("Content-Type"), "text/event-stream");
  EXPECT_EQ(live.body, "data: " + json + "\n\n");
  const auto first = notifications_.Subscribe();
  const auto second = notifications_.Subscribe();
  EXPECT_EQ(f.Get("/api/v1/notifications/live").status, 204);
}

}  // namespace
}  // namespace tributary::web

#include "base/log.h"

#include <cmath>
#include <regex>

#include <gtest/gtest.h>

namespace tributary::base {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override { ConfigureLogging(LogLevel::kInfo, LogFormat::kLogfmt); }

  // What `body` logs, with the time and the line number replaced.
  template <class Body>
  std::string Logged(Body body) {
    testing::internal::CaptureStderr();
    body();
    std::string text = testing::internal::GetCapturedStderr();
    text =
        std::regex_replace(text, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"), "TIME");
    return std::regex_replace(text, std::regex(R"(log_test\.cc:\d+)"), "SOURCE");
  }
};

TEST_F(LogTest, WritesLogfmt) {
  EXPECT_EQ(Logged([] {
              LOG_INFO("block written", kv("ulid", "01ABC"), kv("series", 12), kv("ok", true),
                       kv("took", 0.25), kv("why", "two words"), kv("empty", ""),
                       kv("tricky", "a=\"b\"\n"));
            }),
            "time=TIME level=INFO source=SOURCE msg=\"block written\" ulid=01ABC series=12 "
            "ok=true took=0.25 why=\"two words\" empty=\"\" tricky=\"a=\\\"b\\\"\\n\"\n");
}

TEST_F(LogTest, WritesJson) {
  ConfigureLogging(LogLevel::kInfo, LogFormat::kJson);
  EXPECT_EQ(Logged([] {
              LOG_ERROR("it \"broke\"", kv("n", -3), kv("nan", std::nan("")), kv("ok", false),
                        kv("text", std::string("a\\\n\x01")), kv("bytes", "\xff"),
                        kv("err", NotFound("no such thing")));
            }),
            R"({"time":"TIME","level":"ERROR","source":"SOURCE","msg":"it \"broke\"","n":-3,)"
            R"("nan":"NaN","ok":false,"text":"a\\\n\u0001","bytes":"\"\\xff\"",)"
            R"("err":"no such thing"})"
            "\n");
}

TEST_F(LogTest, DropsWhatIsBelowTheLevel) {
  const auto all = [] {
    LOG_DEBUG("d");
    LOG_INFO("i");
    LOG_WARN("w");
    LOG_ERROR("e");
  };
  EXPECT_EQ(Logged(all),
            "time=TIME level=INFO source=SOURCE msg=i\n"
            "time=TIME level=WARN source=SOURCE msg=w\n"
            "time=TIME level=ERROR source=SOURCE msg=e\n");
  ConfigureLogging(LogLevel::kError, LogFormat::kLogfmt);
  EXPECT_EQ(Logged(all), "time=TIME level=ERROR source=SOURCE msg=e\n");
  ConfigureLogging(LogLevel::kDebug, LogFormat::kLogfmt);
  EXPECT_EQ(Logged([] { LOG_DEBUG("d"); }), "time=TIME level=DEBUG source=SOURCE msg=d\n");
}

}  // namespace
}  // namespace tributary::base

#include <gtest/gtest.h>

#include "web/web_test_support.h"

namespace tributary::web {
namespace {

TEST(Routing, PathsAreCleanedAsGoDoes) {
  WebFixture f;
  const auto check = [&](std::string_view target, std::string_view location) {
    const FakeResponse r = f.Get(target);
    EXPECT_EQ(r.status, 307) << target;
    EXPECT_EQ(r.headers.Get("Location"), location) << target;
  };
  check("/api/v1", "/api/v1/");
  check("/api/v1?a=b", "/api/v1/?a=b");
  check("/api/v1/label//values", "/api/v1/label/values");
  check("//evil.example/x", "/evil.example/x");
  check("/api/../-/healthy?x=1", "/-/healthy?x=1");
  check("/a/./b/", "/a/b/");
  check("/a/..", "/");
  check("//a%20b", "/a%20b");
  EXPECT_EQ(f.Get("/api/v1/label/.hidden/values").status, 200);
  EXPECT_EQ(f.Get("/api/v1/label//values").body,
            "<a href=\"/api/v1/label/values\">Temporary Redirect</a>.\n\n");
  EXPECT_EQ(f.Get("/graph?g0.expr=\"<a>\"&b").body,
            "<a href=\"/query?g0.expr=&#34;&lt;a&gt;&#34;&amp;b\">Found</a>.\n\n");
}

TEST(Routing, OptionsAndAllow) {
  WebFixture f;
  const auto options = [&](const char* path) { return f.Serve(FakeRequest("OPTIONS", path)); };
  EXPECT_EQ(options("/api/v1/query").status, 204);
  EXPECT_EQ(options("/federate").status, 200);
  EXPECT_EQ(options("/federate").headers.Get("Allow"), "GET, OPTIONS");
  EXPECT_EQ(options("/nothing").status, 404);
  f.state.ready = false;
  EXPECT_EQ(options("/api/v1/query").status, 503);
  EXPECT_EQ(f.Post("/federate", "").headers.Get("Allow"), "GET, OPTIONS");
  EXPECT_EQ(f.Serve(FakeRequest("OPTIONS", "/-/ready")).headers.Get("Allow"), "GET, HEAD, OPTIONS");
}

TEST(Routing, FormsAreBounded) {
  WebFixture f;
  const FakeResponse r = f.Post("/api/v1/query", "query=" + std::string(10 * 1024 * 1024, 'a'));
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(r.body,
            R"({"status":"error","errorType":"bad_data","error":"error parsing form values: )"
            R"(http: request body too large"})");
  EXPECT_EQ(f.Post("/api/v1/query", "query=" + std::string(1024 * 1024, 'a')).status, 200);
}

TEST(Routing, ATimeoutThatIsOverEndsTheQuery) {
  WebFixture f;
  for (const char* timeout : {"0", "-1", "-5s"}) {
    const FakeResponse r = f.Get("/api/v1/query?query=up&timeout=" + std::string(timeout));
    EXPECT_EQ(r.status, timeout == std::string("-5s") ? 400 : 503) << timeout;
  }
}

}  // namespace
}  // namespace tributary::web

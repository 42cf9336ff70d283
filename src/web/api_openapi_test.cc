#include <gtest/gtest.h>

#include "web/web_test_support.h"

namespace tributary::web {
namespace {

TEST(OpenApi, DescribesEveryRouteOfTheApi) {
  WebFixture f;
  const FakeResponse r = f.Get("/api/v1/openapi.yaml");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.headers.Get("Content-Type"), "application/yaml; charset=utf-8");
  EXPECT_TRUE(r.body.starts_with("openapi: 3.1.0\n"));
  EXPECT_TRUE(
      f.Get("/api/v1/openapi.yaml?openapi_version=3.2").body.starts_with("openapi: 3.2.0\n"));
  // Every route has a counter under its pattern.
  const std::string metrics = f.Get("/metrics").body;
  const std::string_view key = "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1";
  int routes = 0;
  for (size_t at = metrics.find(key); at != std::string::npos; at = metrics.find(key, at + 1)) {
    const size_t begin = at + key.size();
    std::string path = metrics.substr(begin, metrics.find('"', begin) - begin);
    if (const size_t colon = path.find(':'); colon != std::string::npos) {
      path.replace(colon, 1, "{");
      path.insert(std::min(path.find('/', colon), path.size()), "}");
    }
    EXPECT_NE(r.body.find("\n  " + path + ":\n"), std::string::npos) << path;
    routes++;
  }
  EXPECT_GT(routes, 30);
  EXPECT_NE(r.body.find("    post:\n      operationId: \"post /query\"\n"), std::string::npos);
  EXPECT_NE(r.body.find("        - name: \"name\"\n          in: path\n"), std::string::npos);
}

}  // namespace
}  // namespace tributary::web

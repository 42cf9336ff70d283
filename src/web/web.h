// web: the HTTP faces: API v1, management, write receiver, /metrics, basic auth, CORS.
// Translates requests into calls of the floors below and results into Prometheus's JSON; holds no
// state of its own beyond caches. Each group of routes is one file.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "config/config.h"
#include "config/web_config.h"
#include "net/http_server.h"
#include "promql/engine.h"
#include "remote/receive/write_handler.h"
#include "scrape/scrape.h"
#include "storage/querier.h"
#include "tsdb/tsdb.h"

namespace tributary::web {

// Everything an endpoint may need. Pointers are borrowed, null where the mode has no such part
// (the agent has no engine and no queryable); the functions are supplied by app.
struct Services {
  const base::Clock* clock = nullptr;
  base::MetricsRegistry* metrics = nullptr;
  promql::Engine* engine = nullptr;
  storage::Queryable* queryable = nullptr;
  scrape::Manager* scrape = nullptr;
  remote::WriteHandler* write = nullptr;  // null: receiver disabled
  tsdb::Db* db = nullptr;

  std::function<std::shared_ptr<const config::Config>()> config;
  std::function<base::Status()> reload;  // null: lifecycle API disabled
  std::function<void()> quit;
  std::function<tsdb::ReplayProgress()> replay_progress;
  std::vector<std::pair<std::string, std::string>> flags;  // for /status/flags
};

// Changes while running; read by handlers without locks.
struct State {
  std::atomic<bool> ready{false};
  std::atomic<bool> stopping{false};
  std::atomic<bool> last_reload_ok{true};
  std::atomic<int64_t> last_reload_ms{0};
};

struct WebOptions {
  bool agent = false;
  std::string route_prefix = "/";
  std::string external_url;
  std::string cors_origin = ".*";
  std::string page_title;
  int64_t start_time_ms = 0;
  std::string storage_retention;  // "15d"
};

// The request handler of the whole server: auth, then routes. Thread-safe.
class Web {
 public:
  // Fails on a bad CORS regexp. `state` and `services` outlive it.
  static base::Result<std::unique_ptr<Web>> Create(WebOptions options, const Services& services,
                                                   const State& state);
  virtual ~Web() = default;
  // Users and headers from the web config; may be called again at any time.
  virtual void SetWebConfig(const config::WebConfig& config) = 0;
  // For net::HttpServer.
  virtual bool CheckHead(net::Request& request, net::ResponseWriter& response) = 0;
  virtual void Handle(net::Request& request, net::ResponseWriter& response) = 0;
};

}  // namespace tributary::web

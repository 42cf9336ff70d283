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
#include "base/threads.h"
#include "config/config.h"
#include "config/web_config.h"
#include "net/http_server.h"
#include "promql/engine.h"
#include "promql/observe/active_queries.h"
#include "remote/receive/write_handler.h"
#include "scrape/scrape.h"
#include "storage/querier.h"
#include "tsdb/tsdb.h"
#include "web/notifications.h"

namespace tributary::web {

// Everything an endpoint may need. Pointers are borrowed, null where the mode has no such part
// (the agent has no engine and no queryable); the functions are supplied by app.
struct Services {
  const base::Clock* clock = nullptr;
  base::MetricsRegistry* metrics = nullptr;
  base::ThreadPool* pool = nullptr;  // null: large answers are written by one thread
  promql::Engine* engine = nullptr;
  storage::Queryable* queryable = nullptr;
  scrape::Manager* scrape = nullptr;
  remote::WriteHandler* write = nullptr;  // null: receiver disabled
  tsdb::Db* db = nullptr;
  promql::ActiveQueries* active_queries = nullptr;  // null: none are listed
  Notifications* notifications = nullptr;           // null: there never are any

  std::function<std::shared_ptr<const config::Config>()> config;
  std::function<base::Status()> reload;  // null: lifecycle API disabled
  std::function<void()> quit;
  std::function<tsdb::ReplayProgress()> replay_progress;
  std::function<std::string()> storage_retention;          // "15d"; null: nothing is stored
  std::vector<std::pair<std::string, std::string>> flags;  // for /status/flags
};

// Changes while running; read by handlers without locks.
struct State {
  std::atomic<bool> store_open{false};  // it takes writes, and answers as soon as it can
  std::atomic<bool> ready{false};
  std::atomic<bool> stopping{false};
  std::atomic<bool> last_reload_ok{true};
  std::atomic<int64_t> last_reload_ms{0};
};

// Names and whether they are on, by category; as /api/v1/features shows them.
using FeatureMap = std::map<std::string, std::map<std::string, bool>>;

struct RemoteReadLimits {
  uint64_t samples = 50'000'000;        // of one answer that is not streamed; 0: no limit
  size_t concurrent = 10;               // 0: no limit
  size_t bytes_in_frame = 1024 * 1024;  // of a streamed answer
};

struct WebOptions {
  bool agent = false;
  std::string route_prefix = "/";
  std::string external_url;
  std::string cors_origin = ".*";
  std::string page_title;
  int64_t start_time_ms = 0;
  bool per_step_stats = false;  // stats=all gives figures for each step
  bool search_api = false;
  uint64_t search_max_limit = 10'000;  // that a search may ask for; 0: any
  bool admin_api = false;
  RemoteReadLimits remote_read;
  FeatureMap features;  // of the parts that the web does not see
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

// Router: which handler serves a path and a method, and how its calls are counted.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/string_map.h"
#include "web/call.h"

namespace tributary::web {

using HandlerFunction = std::function<void(Call&)>;

enum Method : unsigned char { kGet = 1, kPost = 2, kPut = 4, kHead = 8, kDelete = 16 };

// What must be there for a route to be served.
enum class Needs : unsigned char {
  kNothing,
  kStore,  // which may still be loading: it says itself what it can do
  kReady   // everything
};

struct RouteOptions {
  unsigned methods = kGet;
  Needs needs = Needs::kReady;  // 503 before
  bool is_api = false;          // CORS headers, envelope errors
  bool server_only = false;     // 422 in agent mode
  std::string metric_name;      // "": the pattern
};

// How often and how long, by route; prometheus_http_*.
class RouteProbe {
 public:
  RouteProbe(base::MetricsRegistry& metrics, const std::string& handler);
  void Served(int status, double seconds, double bytes);

 private:
  base::MetricsRegistry& metrics_;
  const std::string handler_;
  base::Counter& ok_;
  base::Histogram& duration_;
  base::Histogram& size_;
};

struct Route {
  std::string pattern;
  RouteOptions options;
  HandlerFunction handler;
  std::unique_ptr<RouteProbe> probe;
};

// Built once, then immutable and thread-safe.
class Router {
 public:
  explicit Router(base::MetricsRegistry& metrics) : metrics_(metrics) {}
  // "/a/b", "/a/:name/b" (one path segment) or "/a/*rest".
  void Add(std::string pattern, RouteOptions options, HandlerFunction handler);

  struct Match {
    const Route* route = nullptr;
    std::string path_arg;
    unsigned allowed = 0;  // methods this path has; 0: no such path
  };
  Match Find(unsigned method, std::string_view path) const;

 private:
  base::MetricsRegistry& metrics_;
  base::StringMap<std::vector<std::unique_ptr<Route>>> exact_;
  std::vector<std::unique_ptr<Route>> patterns_;
};

// 0 for a method no route has.
unsigned MethodOf(std::string_view name);
// "GET, OPTIONS, POST": what an Allow header says; OPTIONS is always answered.
std::string MethodNames(unsigned methods);

}  // namespace tributary::web

#include "web/router.h"

#include <array>
#include <utility>

namespace tributary::web {
namespace {

constexpr unsigned kOptions = 1u << 7;  // no route is of this one

// By name.
constexpr std::array<std::pair<unsigned, std::string_view>, 6> kMethods{{{kDelete, "DELETE"},
                                                                         {kGet, "GET"},
                                                                         {kHead, "HEAD"},
                                                                         {kOptions, "OPTIONS"},
                                                                         {kPost, "POST"},
                                                                         {kPut, "PUT"}}};

constexpr std::string_view kRequestsHelp = "Counter of HTTP requests.";

// Whether `path` fits `pattern`; the variable part goes to `arg`.
bool Fits(std::string_view pattern, std::string_view path, std::string* arg) {
  const size_t mark = pattern.find_first_of(":*");
  if (!path.starts_with(pattern.substr(0, mark))) return false;
  std::string_view rest = path.substr(mark);
  if (pattern[mark] == '*') {
    *arg = rest;
    return true;
  }
  const size_t pattern_end = pattern.find('/', mark);
  const std::string_view tail =
      pattern_end == std::string_view::npos ? std::string_view() : pattern.substr(pattern_end);
  if (rest.size() <= tail.size() || !rest.ends_with(tail)) return false;
  rest.remove_suffix(tail.size());
  if (rest.find('/') != std::string_view::npos) return false;
  *arg = rest;
  return true;
}

}  // namespace

unsigned MethodOf(std::string_view name) {
  for (const auto& [method, text] : kMethods) {
    if (text == name && method != kOptions) return method;
  }
  return 0;
}

std::string MethodNames(unsigned methods) {
  methods |= kOptions;
  std::string names;
  for (const auto& [method, text] : kMethods) {
    if ((methods & method) == 0) continue;
    if (!names.empty()) names += ", ";
    names += text;
  }
  return names;
}

RouteProbe::RouteProbe(base::MetricsRegistry& metrics, const std::string& handler)
    : metrics_(metrics),
      handler_(handler),
      ok_(metrics.GetCounter("prometheus_http_requests_total", kRequestsHelp,
                             {{"handler", handler}, {"code", "200"}})),
      duration_(metrics.GetHistogram("prometheus_http_request_duration_seconds",
                                     "Histogram of latencies for HTTP requests.",
                                     {.1, .2, .4, 1, 3, 8, 20, 60, 120}, {{"handler", handler}})),
      size_(metrics.GetHistogram(
          "prometheus_http_response_size_bytes", "Histogram of response size for HTTP requests.",
          {100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}, {{"handler", handler}})) {}

void RouteProbe::Served(int status, double seconds, double bytes) {
  if (status == 200) {
    ok_.Add();
  } else {
    metrics_
        .GetCounter("prometheus_http_requests_total", kRequestsHelp,
                    {{"handler", handler_}, {"code", std::to_string(status)}})
        .Add();
  }
  duration_.Observe(seconds);
  size_.Observe(bytes);
}

void Router::Add(std::string pattern, RouteOptions options, HandlerFunction handler) {
  auto route = std::make_unique<Route>();
  if (options.metric_name.empty()) options.metric_name = pattern;
  route->probe = std::make_unique<RouteProbe>(metrics_, options.metric_name);
  route->pattern = pattern;
  route->options = std::move(options);
  route->handler = std::move(handler);
  if (pattern.find_first_of(":*") == std::string::npos) {
    exact_[pattern].push_back(std::move(route));
  } else {
    patterns_.push_back(std::move(route));
  }
}

Router::Match Router::Find(unsigned method, std::string_view path) const {
  Match match;
  const auto consider = [&](const Route& route) {
    match.allowed |= route.options.methods;
    if ((route.options.methods & method) != 0 && match.route == nullptr) match.route = &route;
  };
  if (const auto it = exact_.find(path); it != exact_.end()) {
    for (const auto& route : it->second) consider(*route);
    return match;
  }
  for (const auto& route : patterns_) {
    std::string arg;
    if (!Fits(route->pattern, path, &arg)) continue;
    consider(*route);
    if (match.route == route.get()) match.path_arg = std::move(arg);
  }
  return match;
}

}  // namespace tributary::web

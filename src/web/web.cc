#include "web/web.h"

#include <fmt/format.h>

#include "base/mutex.h"
#include "base/strings.h"
#include "web/auth.h"
#include "web/cors.h"
#include "web/envelope.h"
#include "web/rate_limit.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

constexpr std::string_view kApiPrefix = "/api/v1/";
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
constexpr size_t kMaxFormBytes = 10 * 1024 * 1024;  // as Go's ParseForm

// The path without "." and "..", and without empty segments but a last one, as Go's mux wants it.
std::string CleanPath(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view segment : base::Split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string clean;
  for (const std::string_view segment : kept) clean.append("/").append(segment);
  if (clean.empty() || path.ends_with('/')) clean += '/';
  return clean;
}

std::string EncodePath(std::string_view path) {
  std::string encoded;
  for (const std::string_view segment : base::Split(path.substr(1), '/')) {
    encoded.append("/").append(net::UrlEncode(segment));
  }
  return encoded;
}

// Remembers status and size of what passes through.
class MeteredResponse final : public net::ResponseWriter {
 public:
  explicit MeteredResponse(net::ResponseWriter& inner) : inner_(inner) {}
  void SetStatus(int status) override {
    status_ = status;
    inner_.SetStatus(status);
  }
  void SetHeader(std::string_view name, std::string value) override {
    inner_.SetHeader(name, std::move(value));
  }
  bool Write(std::string_view data) override {
    bytes_ += data.size();
    return inner_.Write(data);
  }
  bool Flush() override { return inner_.Flush(); }
  void DisableCompression() override { inner_.DisableCompression(); }
  int status() const { return status_; }
  size_t bytes() const { return bytes_; }

 private:
  net::ResponseWriter& inner_;
  int status_ = 200;
  size_t bytes_ = 0;
};

// The web config with what is derived from it; replaced as a whole.
struct Access {
  explicit Access(config::WebConfig web_config)
      : config(std::move(web_config)),
        rate_limit(config.rate_limit_interval_ms, config.rate_limit_burst) {}
  const config::WebConfig config;
  mutable RateLimit rate_limit;
};

// "/" -> "", "prom/" -> "/prom".
std::string NormalPrefix(std::string_view prefix) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  while (prefix.starts_with('/')) prefix.remove_prefix(1);
  return prefix.empty() ? std::string() : "/" + std::string(prefix);
}

void RespondNotReady(net::ResponseWriter& response, bool stopping) {
  response.SetStatus(503);
  response.SetHeader("X-Prometheus-Stopping", stopping ? "true" : "false");
  response.SetHeader("Content-Type", "text/plain; charset=utf-8");
  response.Write("Service Unavailable");
}

bool HasForm(const net::Request& request) {
  const std::string_view type = request.header("Content-Type");
  return (request.method() == "POST" || request.method() == "PUT") &&
         base::EqualsIgnoreCase(base::TrimSpace(type.substr(0, type.find(';'))), kFormType);
}

net::Params FormOf(net::Request& request) {
  net::Params params;
  if (HasForm(request)) params = net::Params::Parse(request.body());
  params.Append(net::Params::Parse(request.raw_query()));
  return params;
}

class WebServer final : public Web {
 public:
  WebServer(WebOptions options, const Services& services, const State& state, Cors cors)
      : options_(std::move(options)),
        prefix_(NormalPrefix(options_.route_prefix)),
        cors_(std::move(cors)),
        context_{options_, services, state},
        router_(*services.metrics),
        access_(std::make_shared<const Access>(config::WebConfig{})) {
    AddQueryRoutes(router_, context_);
    AddParseRoutes(router_, context_);
    AddActiveQueryRoutes(router_, context_);
    AddMetadataRoutes(router_, context_);
    AddSearchRoutes(router_, context_);
    AddOpenApiRoute(router_, context_);
    AddTargetRoutes(router_, context_);
    AddScrapePoolRoutes(router_, context_);
    AddStatusRoutes(router_, context_);
    AddSelfMetricsRoute(router_, context_);
    AddRuleRoutes(router_, context_);
    AddFeatureRoute(router_, context_);
    AddNotificationRoutes(router_, context_);
    AddAdminRoutes(router_, context_);
    AddWriteRoutes(router_, context_);
    AddRemoteReadRoute(router_, context_);
    AddFederateRoute(router_, context_);
    AddManagementRoutes(router_, context_);
  }

  void SetWebConfig(const config::WebConfig& config) override {
    auto fresh = std::make_shared<const Access>(config);
    base::MutexLock lock(mutex_);
    // A reload that changes nothing must not fill the bucket again.
    if (fresh->config == access_->config) return;
    access_ = std::move(fresh);
  }

  bool CheckHead(net::Request& request, net::ResponseWriter& response) override {
    const std::shared_ptr<const Access> access = CurrentAccess();
    if (!access->rate_limit.Allow(context_.services.clock->MonotonicNs())) {
      RespondText(response, 429, "Too Many Requests");
      return false;
    }
    for (const auto& [name, value] : access->config.headers) response.SetHeader(name, value);
    if (access->config.basic_auth_users.empty()) return true;
    const auto credentials = ParseBasicAuthorization(request.header("Authorization"));
    if (credentials && passwords_.Check(access->config.basic_auth_users, *credentials)) {
      return true;
    }
    response.SetHeader("WWW-Authenticate", "Basic");
    RespondText(response, 401, "Unauthorized");
    return false;
  }

  void Handle(net::Request& request, net::ResponseWriter& response) override {
    std::string_view path = request.path();
    if (!path.starts_with('/') || path.find("//") != std::string_view::npos ||
        path.find("/.") != std::string_view::npos) {
      if (const std::string clean = CleanPath(path); clean != path) {
        return Redirect(request, response, EncodePath(clean));
      }
    }
    if (!prefix_.empty()) {
      if (path == "/") {
        response.SetStatus(302);
        response.SetHeader("Location", prefix_);
        return;
      }
      if (!path.starts_with(prefix_) ||
          (path.size() > prefix_.size() && path[prefix_.size()] != '/')) {
        return RespondText(response, 404, "404 page not found");
      }
      path.remove_prefix(prefix_.size());
      if (path.empty()) path = "/";
    }
    const bool options = request.method() == "OPTIONS";
    if (options && path.starts_with(kApiPrefix)) return ServeApiOptions(request, response);
    if (path == kApiPrefix.substr(0, kApiPrefix.size() - 1)) {
      return Redirect(request, response, prefix_ + std::string(kApiPrefix));
    }
    Router::Match match = router_.Find(MethodOf(request.method()), path);
    if (match.route == nullptr) {
      if (match.allowed == 0) return RespondText(response, 404, "404 page not found");
      response.SetHeader("Allow", MethodNames(match.allowed));
      if (options) return;
      return RespondText(response, 405, "Method Not Allowed");
    }
    Serve(*match.route, std::move(match.path_arg), request, response);
  }

 private:
  std::shared_ptr<const Access> CurrentAccess() {
    base::MutexLock lock(mutex_);
    return access_;
  }

  std::string UserOf(const net::Request& request) {
    if (CurrentAccess()->config.basic_auth_users.empty()) return {};
    auto credentials = ParseBasicAuthorization(request.header("Authorization"));
    return credentials ? std::move(credentials->user) : std::string();
  }

  bool IsThere(Needs needs) const {
    return context_.state.ready.load() ||
           (needs == Needs::kStore && context_.state.store_open.load());
  }

  void ServeApiOptions(net::Request& request, net::ResponseWriter& response) {
    const bool stopping = context_.state.stopping.load();
    if (stopping || !context_.state.ready.load()) return RespondNotReady(response, stopping);
    cors_.SetHeaders(request, response);
    response.SetStatus(204);
  }

  // Keeps method and query string.
  static void Redirect(const net::Request& request, net::ResponseWriter& response,
                       std::string location) {
    if (!request.raw_query().empty()) location.append("?").append(request.raw_query());
    RespondRedirect(request, response, 307, location);
  }

  void Serve(const Route& route, std::string path_arg, net::Request& request,
             net::ResponseWriter& response) {
    const int64_t began_ns = context_.services.clock->MonotonicNs();
    MeteredResponse metered(response);
    Dispatch(route, std::move(path_arg), request, metered);
    const int64_t took_ns = context_.services.clock->MonotonicNs() - began_ns;
    route.probe->Served(metered.status(), static_cast<double>(took_ns) * 1e-9,
                        static_cast<double>(metered.bytes()));
  }

  void Dispatch(const Route& route, std::string path_arg, net::Request& request,
                net::ResponseWriter& response) {
    const RouteOptions& options = route.options;
    const bool stopping = context_.state.stopping.load();
    if (options.needs != Needs::kNothing && (stopping || !IsThere(options.needs))) {
      return RespondNotReady(response, stopping);
    }
    if (options.is_api) cors_.SetHeaders(request, response);
    if (options.server_only && options_.agent) {
      return RespondError(response, ErrorType::kExecution, "unavailable with Prometheus Agent");
    }
    if (HasForm(request) && request.body().size() > kMaxFormBytes) {
      return RespondError(response, ErrorType::kBadData,
                          "error parsing form values: http: request body too large");
    }
    Call call{request, response, FormOf(request), std::move(path_arg), UserOf(request)};
    route.handler(call);
  }

  const WebOptions options_;
  const std::string prefix_;
  const Cors cors_;
  const Context context_;
  Router router_;
  PasswordChecker passwords_;
  base::Mutex mutex_;
  std::shared_ptr<const Access> access_ TB_GUARDED_BY(mutex_);
};

}  // namespace

base::Result<std::unique_ptr<Web>> Web::Create(WebOptions options, const Services& services,
                                               const State& state) {
  ASSIGN_OR_RETURN(Cors cors, Cors::Create(options.cors_origin));
  return std::unique_ptr<Web>(
      std::make_unique<WebServer>(std::move(options), services, state, std::move(cors)));
}

}  // namespace tributary::web

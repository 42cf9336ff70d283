// http_sd_configs: target groups as JSON from a URL.
#include <string>
#include <utility>

#include "base/duration.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/version.h"
#include "config/yaml_targets.h"
#include "discovery/discoverer.h"
#include "discovery/poller.h"
#include "net/http_client.h"

namespace tributary::discovery {
namespace {

class HttpDiscoverer final : public Discoverer {
 public:
  HttpDiscoverer(const config::HttpSdConfig& config, const Context& context,
                 std::unique_ptr<net::HttpClient> client, Publish publish)
      : config_(config),
        client_(std::move(client)),
        publish_(std::move(publish)),
        failures_(context.metrics.GetCounter("prometheus_sd_http_failures_total",
                                             "Number of HTTP service discovery refresh failures.")),
        poller_("http-sd", config_.refresh_interval_ms, [this] { Poll(); }) {}

 private:
  void Poll() {
    auto groups = Fetch();
    if (!groups) {
      failures_.Add();
      LOG_ERROR("target list not fetched, keeping the last good one", kv("url", config_.url),
                kv("err", groups.error()));
      return;
    }
    const size_t count = groups->size();
    std::vector<config::TargetGroup> changed = std::move(*groups);
    for (size_t i = count; i < published_; ++i) {
      changed.push_back({.targets = {}, .labels = {}, .source = Source(i)});
    }
    published_ = count;
    publish_(std::move(changed));
  }

  base::Result<std::vector<config::TargetGroup>> Fetch() {
    net::ClientRequest request;
    request.url = config_.url;
    request.timeout_ms = config_.refresh_interval_ms;
    request.accept_gzip = true;
    request.headers = {
        {"User-Agent", std::string(base::kUserAgent)},
        {"Accept", "application/json"},
        {"X-Prometheus-Refresh-Interval-Seconds",
         base::FormatFloat(static_cast<double>(config_.refresh_interval_ms) / 1000)}};
    ASSIGN_OR_RETURN(const net::ClientResponse response, client_->SendAndWait(std::move(request)));
    if (response.status != 200) {
      return base::Unavailable("server returned HTTP status " + std::to_string(response.status));
    }
    const std::string type = base::ToLower(response.headers.Get("Content-Type"));
    if (base::TrimSpace(std::string_view(type).substr(0, type.find(';'))) != "application/json") {
      return base::InvalidArgument("unsupported content type \"" + type +
                                   "\": expected application/json");
    }
    ASSIGN_OR_RETURN(std::vector<config::TargetGroup> groups,
                     config::ParseTargetGroups(response.body, config_.url));
    for (size_t i = 0; i < groups.size(); ++i) {
      groups[i].source = Source(i);
      model::LabelsBuilder labels(groups[i].labels);
      groups[i].labels = labels.Set("__meta_url", config_.url).Build();
    }
    return groups;
  }

  std::string Source(size_t index) const { return config_.url + ":" + std::to_string(index); }

  const config::HttpSdConfig config_;
  const std::unique_ptr<net::HttpClient> client_;
  const Publish publish_;
  base::Counter& failures_;
  size_t published_ = 0;  // touched by the poller's thread only
  Poller poller_;         // last
};

}  // namespace

base::Result<std::unique_ptr<Discoverer>> StartHttp(const config::HttpSdConfig& config,
                                                    const Context& context, Publish publish) {
  ASSIGN_OR_RETURN(auto client, net::HttpClient::Create(config.http));
  return std::unique_ptr<Discoverer>(
      std::make_unique<HttpDiscoverer>(config, context, std::move(client), std::move(publish)));
}

}  // namespace tributary::discovery

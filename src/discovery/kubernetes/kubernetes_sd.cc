#include "discovery/kubernetes/kubernetes_sd.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "discovery/kubernetes/group_index.h"
#include "discovery/kubernetes/reflector.h"

namespace tributary::discovery {
namespace kubernetes {
namespace {

constexpr std::array<std::string_view, 6> kRoleNames = {"endpointslice", "endpoints", "node",
                                                        "pod",           "service",   "ingress"};

// The role whose name selectors and metrics use for a kind; "" when no role is made of it.
std::string_view RoleOf(Kind kind) {
  for (const std::string_view name : kRoleNames) {
    if (FindRole(name)->kind == kind) return name;
  }
  return {};
}

class EventCounters {
 public:
  explicit EventCounters(base::MetricsRegistry& metrics)
      : failures_(metrics.GetCounter("prometheus_sd_kubernetes_failures_total",
                                     "The number of failed WATCH/LIST requests.")) {
    for (const std::string_view role : kRoleNames) {
      for (const char* event : {"add", "update", "delete"}) {
        events_[FindRole(role)->kind].push_back(&metrics.GetCounter(
            "prometheus_sd_kubernetes_events_total", "The number of Kubernetes events handled.",
            {{"role", std::string(role)}, {"event", event}}));
      }
    }
  }
  void Failed() { failures_.Add(); }
  void Handled(Kind kind, ObjectEvent event) {
    const auto found = events_.find(kind);
    if (found != events_.end()) found->second[static_cast<size_t>(event)]->Add();
  }

 private:
  base::Counter& failures_;
  std::map<Kind, std::vector<base::Counter*>> events_;  // by ObjectEvent
};

RoleOptions OptionsOf(const config::KubernetesSdConfig& config) {
  return {.attach_node = config.attach_node,
          .attach_namespace = config.attach_namespace,
          .attach_deployment = config.attach_deployment,
          .attach_job = config.attach_job,
          .attach_cronjob = config.attach_cronjob};
}

class KubernetesDiscoverer final : public Discoverer, public ReflectorObserver {
 public:
  KubernetesDiscoverer(const config::KubernetesSdConfig& config, const ApiAccess& access,
                       const Pace& pace, const Context& context,
                       std::unique_ptr<net::HttpClient> client, Publish publish)
      : role_(*FindRole(config.role)),
        pace_(pace),
        publish_(std::move(publish)),
        counters_(context.metrics),
        groups_(role_, OptionsOf(config), cluster_),
        mailbox_("kubernetes-sd"),
        client_(std::move(client)) {
    AddReflectors(config, access);
    unsynced_ = reflectors_.size();
    mailbox_.Post([this] {
      for (const auto& reflector : reflectors_) reflector->Start();
    });
  }

  ~KubernetesDiscoverer() override {
    mailbox_.Close();
    client_.reset();  // its readers and completions may post till here
  }

 private:
  void AddReflectors(const config::KubernetesSdConfig& config, const ApiAccess& access) {
    std::vector<std::string> namespaces = config.namespaces;
    if (!access.own_namespace.empty()) namespaces.push_back(access.own_namespace);
    std::ranges::sort(namespaces);
    namespaces.erase(std::ranges::unique(namespaces).begin(), namespaces.end());
    // "" stands for all, and so for the others too.
    const bool all = namespaces.empty() || namespaces.front().empty();
    if (all) namespaces = {""};

    const auto add = [&](Kind kind, const std::string& name_space) {
      ReflectorOptions options;
      options.kind = kind;
      options.api_url = access.url;
      options.name_space = name_space;
      options.min_backoff_ms = pace_.min_backoff_ms;
      options.max_backoff_ms = pace_.max_backoff_ms;
      options.page_size = pace_.page_size;
      for (const config::KubernetesSdConfig::Selector& selector : config.selectors) {
        if (selector.role != RoleOf(kind)) continue;
        options.label_selector = selector.label;
        options.field_selector = selector.field;
      }
      reflectors_.push_back(
          std::make_unique<Reflector>(std::move(options), *client_, mailbox_, cluster_, *this));
    };
    const bool joins_pods = role_.kind == Kind::kEndpoints || role_.kind == Kind::kEndpointSlice;
    const bool shows_pods = joins_pods || role_.kind == Kind::kPod;
    if (role_.kind == Kind::kNode) return add(Kind::kNode, "");
    for (const std::string& name_space : namespaces) {
      add(role_.kind, name_space);
      if (shows_pods && config.attach_deployment) add(Kind::kReplicaSet, name_space);
      if (shows_pods && config.attach_cronjob) add(Kind::kJob, name_space);
      if (!joins_pods) continue;
      add(Kind::kService, name_space);
      add(Kind::kPod, name_space);
    }
    if (config.attach_node && shows_pods) add(Kind::kNode, "");
    if (config.attach_namespace) add(Kind::kNamespace, "");
  }

  void OnObject(Kind kind, const std::string& key, ObjectEvent event) override {
    counters_.Handled(kind, event);
    groups_.Changed(kind, key);
    FlushSoon();
  }
  void OnSynced() override {
    --unsynced_;
    FlushSoon();
  }
  void OnFailure() override { counters_.Failed(); }

  // Groups made before all is known would lack labels that relabeling may ask for.
  void FlushSoon() {
    if (unsynced_ > 0 || flush_pending_ || !groups_.dirty()) return;
    flush_pending_ = true;
    mailbox_.PostAfter(pace_.gather_ms, [this] {
      flush_pending_ = false;
      std::vector<config::TargetGroup> changes = groups_.TakeChanges();
      if (!changes.empty()) publish_(std::move(changes));
    });
  }

  const Role& role_;
  const Pace pace_;
  const Publish publish_;
  EventCounters counters_;
  Cluster cluster_;
  GroupIndex groups_;
  size_t unsynced_ = 0;  // reflectors whose first list is not complete
  bool flush_pending_ = false;
  Mailbox mailbox_;
  std::unique_ptr<net::HttpClient> client_;
  std::vector<std::unique_ptr<Reflector>> reflectors_;
};

}  // namespace

base::Result<std::unique_ptr<Discoverer>> Start(const config::KubernetesSdConfig& config,
                                                const ApiAccess& access, const Pace& pace,
                                                const Context& context, Publish publish) {
  if (FindRole(config.role) == nullptr) {
    return base::InvalidArgument("unknown kubernetes role " + config.role);
  }
  ASSIGN_OR_RETURN(auto client, net::HttpClient::Create(access.http));
  return std::unique_ptr<Discoverer>(std::make_unique<KubernetesDiscoverer>(
      config, access, pace, context, std::move(client), std::move(publish)));
}

}  // namespace kubernetes

base::Result<std::unique_ptr<Discoverer>> StartKubernetes(const config::KubernetesSdConfig& config,
                                                          const Context& context, Publish publish) {
  ASSIGN_OR_RETURN(
      const kubernetes::ApiAccess access,
      kubernetes::FindApi(config, context.fs, kubernetes::InCluster::FromEnvironment()));
  return kubernetes::Start(config, access, kubernetes::Pace{}, context, std::move(publish));
}

}  // namespace tributary::discovery

// Role ingress: one target a path, for probing from outside.
#include <algorithm>

#include "discovery/kubernetes/json.h"
#include "discovery/kubernetes/roles.h"

namespace tributary::discovery::kubernetes {
namespace {

// A leading "*" label stands for exactly one label.
bool MatchesHostPattern(std::string_view pattern, std::string_view host) {
  if (pattern == host) return true;
  if (!pattern.starts_with("*.")) return false;
  const size_t dot = host.find('.');
  return dot != std::string_view::npos && host.substr(dot) == pattern.substr(1);
}

}  // namespace

std::shared_ptr<Object> ReadIngress(const Json& json) {
  auto ingress = std::make_shared<Ingress>();
  const Json spec = json["spec"];
  ingress->class_name = spec["ingressClassName"].String();
  spec["tls"].Each([&](const Json& tls) {
    tls["hosts"].Each([&](const Json& host) { ingress->tls_hosts.push_back(host.String()); });
  });
  spec["rules"].Each([&](const Json& rule) {
    IngressRule& out = ingress->rules.emplace_back();
    out.host = rule["host"].String();
    const Json http = rule["http"];
    if (!http.present()) out.paths.emplace_back("/");
    http["paths"].Each([&](const Json& path) {
      const std::string_view text = path["path"].Text();
      out.paths.emplace_back(text.empty() ? "/" : text);
    });
  });
  return ingress;
}

std::optional<config::TargetGroup> BuildIngress(const Object& object, ClusterView& view,
                                                const RoleOptions& options) {
  const auto& ingress = static_cast<const Ingress&>(object);
  config::TargetGroup group;
  MetaLabels labels;
  labels.Add("namespace", ingress.meta.name_space);
  labels.Add("ingress_class_name", ingress.class_name);
  labels.AddMeta("ingress", ingress.meta);
  AddNamespaceLabels(ingress.meta, view, options, &labels);
  group.labels = labels.Build();

  for (const IngressRule& rule : ingress.rules) {
    const bool secure = std::ranges::any_of(ingress.tls_hosts, [&](const std::string& pattern) {
      return MatchesHostPattern(pattern, rule.host);
    });
    for (const std::string& path : rule.paths) {
      labels.AddPlain("__address__", rule.host);
      labels.Add("ingress_scheme", secure ? "https" : "http");
      labels.Add("ingress_host", rule.host);
      labels.Add("ingress_path", path);
      group.targets.push_back(labels.Build());
    }
  }
  return group;
}

}  // namespace tributary::discovery::kubernetes

#include "config/sd_config.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/strings.h"
#include "config/file_pattern.h"
#include "config/http_client_config.h"
#include "config/target_group.h"

namespace tributary::config {
namespace {

// Prometheus's mechanisms that are not read here.
constexpr std::array<std::string_view, 32> kOtherMechanisms = {
    "aws",      "ec2",      "ecs",          "lightsail",  "msk",       "rds",     "elasticache",
    "azure",    "consul",   "docker",       "eureka",     "gce",       "hetzner", "ionos",
    "kuma",     "linode",   "marathon",     "nerve",      "nomad",     "oci",     "openstack",
    "outscale", "ovhcloud", "puppetdb",     "scaleway",   "serverset", "stackit", "triton",
    "uyuni",    "vultr",    "digitalocean", "dockerswarm"};

void ReadStatic(MapReader& reader, std::vector<SdConfig>* out) {
  StaticSdConfig config;
  reader.EachMap("static_configs", [&](MapReader& child) {
    TargetGroup group = ReadTargetGroup(child);
    group.source = std::to_string(config.groups.size());
    config.groups.push_back(std::move(group));
  });
  if (!config.groups.empty()) out->emplace_back(std::move(config));
}

bool HasTargetFileEnding(std::string_view path) {
  for (const std::string_view ending : {".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"}) {
    if (path.ends_with(ending)) return true;
  }
  return false;
}

FileSdConfig ReadFile(MapReader& reader) {
  FileSdConfig config;
  reader.Paths("files", &config.files);
  reader.DurationMs("refresh_interval", &config.refresh_interval_ms);
  if (config.files.empty()) reader.FailHere("files must name at least one file");
  for (const std::string& file : config.files) {
    if (IsFilePattern(file) && HasTargetFileEnding(file)) continue;
    reader.Fail("files",
                fmt::format("path name {} is not valid for file discovery: expected * only "
                            "in the last segment, and the ending .json, .yml or .yaml",
                            base::Quote(file)));
  }
  return config;
}

HttpSdConfig ReadHttp(MapReader& reader) {
  HttpSdConfig config;
  config.http = DefaultHttpClient();
  reader.String("url", &config.url);
  reader.DurationMs("refresh_interval", &config.refresh_interval_ms);
  ReadHttpClient(reader, &config.http);
  if (config.url.empty()) {
    reader.FailHere("url is missing");
  } else {
    CheckHttpUrl(reader, "url", config.url);
  }
  return config;
}

DnsSdConfig ReadDns(MapReader& reader) {
  DnsSdConfig config;
  uint64_t port = 0;
  reader.Strings("names", &config.names);
  reader.String("type", &config.type);
  reader.Uint("port", &port);
  reader.DurationMs("refresh_interval", &config.refresh_interval_ms);
  if (port > 65535) reader.Fail("port", "expected a port up to 65535");
  config.port = static_cast<uint16_t>(port);
  if (config.names.empty()) reader.FailHere("names must hold at least one record name");
  const bool known = std::ranges::any_of(
      std::array<std::string_view, 5>{"SRV", "A", "AAAA", "MX", "NS"},
      [&](std::string_view type) { return base::EqualsIgnoreCase(type, config.type); });
  if (!known) {
    reader.Fail("type", fmt::format("expected one of SRV, A, AAAA, MX, NS, got {}",
                                    base::Quote(config.type)));
  } else if (port == 0 && !base::EqualsIgnoreCase(config.type, "SRV")) {
    reader.FailHere("a port is required for all record types except SRV");
  }
  return config;
}

struct RoleSelectors {
  std::string_view role;
  std::vector<std::string_view> selectors;
};

const std::array<RoleSelectors, 6>& KubernetesRoles() {
  static const std::array<RoleSelectors, 6> kRoles = {{
      {"pod", {"pod", "node"}},
      {"service", {"service"}},
      {"endpoints", {"pod", "service", "endpoints"}},
      {"endpointslice", {"pod", "service", "endpointslice"}},
      {"node", {"node"}},
      {"ingress", {"ingress"}},
  }};
  return kRoles;
}

void CheckSelectors(MapReader& reader, const KubernetesSdConfig& config,
                    const std::vector<std::string_view>& allowed) {
  std::vector<std::string_view> seen;
  for (const KubernetesSdConfig::Selector& selector : config.selectors) {
    if (std::ranges::find(seen, selector.role) != seen.end()) {
      reader.Fail("selectors", "duplicated selector role: " + selector.role);
    }
    seen.push_back(selector.role);
    for (const std::string_view term : base::Split(selector.field, ',')) {
      if (term.empty() || term.find('=') != std::string_view::npos) continue;
      reader.Fail("selectors",
                  fmt::format("{} is no field selector: expected key=value", base::Quote(term)));
    }
    if (std::ranges::find(allowed, selector.role) != allowed.end()) continue;
    std::string names;
    for (const std::string_view name : allowed) {
      names += names.empty() ? "" : ", ";
      names += name;
    }
    reader.Fail("selectors", fmt::format("role {} supports only {} selectors", config.role, names));
  }
}

KubernetesSdConfig ReadKubernetes(MapReader& reader) {
  KubernetesSdConfig config;
  config.http = DefaultHttpClient();
  const net::HttpClientOptions no_http = config.http;
  reader.String("role", &config.role);
  reader.String("api_server", &config.api_server);
  reader.Path("kubeconfig_file", &config.kubeconfig_file);
  reader.Map("namespaces", [&](MapReader& child) {
    child.Bool("own_namespace", &config.own_namespace);
    child.Strings("names", &config.namespaces);
  });
  reader.EachMap("selectors", [&](MapReader& child) {
    KubernetesSdConfig::Selector& selector = config.selectors.emplace_back();
    child.String("role", &selector.role);
    child.String("label", &selector.label);
    child.String("field", &selector.field);
  });
  reader.Map("attach_metadata", [&](MapReader& child) {
    child.Bool("node", &config.attach_node);
    child.Bool("namespace", &config.attach_namespace);
    child.Bool("deployment", &config.attach_deployment);
    child.Bool("job", &config.attach_job);
    child.Bool("cronjob", &config.attach_cronjob);
  });
  ReadHttpClient(reader, &config.http);

  if (config.role.empty()) {
    reader.FailHere("role missing (one of: pod, service, endpoints, endpointslice, node, ingress)");
  } else {
    const auto role = std::ranges::find(KubernetesRoles(), config.role, &RoleSelectors::role);
    if (role == KubernetesRoles().end()) {
      reader.Fail("role", fmt::format("unknown Kubernetes SD role {}, expected one of pod, "
                                      "service, endpoints, endpointslice, node, ingress",
                                      base::Quote(config.role)));
    } else {
      CheckSelectors(reader, config, role->selectors);
    }
  }
  const bool has_http = !(config.http == no_http);
  if (!config.api_server.empty() && !config.kubeconfig_file.empty()) {
    reader.FailHere("cannot use kubeconfig_file and api_server simultaneously");
  } else if (!config.kubeconfig_file.empty() && has_http) {
    reader.FailHere("cannot use a custom HTTP client configuration together with kubeconfig_file");
  } else if (config.api_server.empty() && has_http) {
    reader.FailHere(
        "to use custom HTTP client configuration please provide the api_server URL explicitly");
  }
  if (config.own_namespace && !config.api_server.empty()) {
    reader.FailHere("cannot use api_server and namespaces.own_namespace simultaneously");
  }
  if (config.own_namespace && !config.kubeconfig_file.empty()) {
    reader.FailHere("cannot use kubeconfig_file and namespaces.own_namespace simultaneously");
  }
  return config;
}

// A list under `key`, each item read by `read`.
template <class Read>
void ReadList(MapReader& reader, std::string_view key, std::vector<SdConfig>* out, Read read) {
  reader.EachMap(key, [&](MapReader& child) { out->emplace_back(read(child)); });
}

void RejectOthers(MapReader& reader) {
  if (reader.node() == nullptr) return;
  for (const YamlEntry& entry : reader.node()->entries) {
    constexpr std::string_view kEnding = "_sd_configs";
    if (!entry.key.ends_with(kEnding)) continue;
    const std::string_view name =
        std::string_view(entry.key).substr(0, entry.key.size() - kEnding.size());
    if (std::ranges::find(kOtherMechanisms, name) == kOtherMechanisms.end()) continue;
    const YamlNode* value = reader.Take(entry.key);
    if (value == nullptr || value->empty()) continue;
    reader.Fail(entry.key, fmt::format("{} service discovery is not supported; use static, file, "
                                       "http, dns or kubernetes",
                                       name));
  }
}

YamlNode Texts(const std::vector<std::string>& texts) {
  YamlNode list = YamlNode::Sequence();
  for (const std::string& text : texts) list.Append(YamlNode::String(text));
  return list;
}

YamlNode Print(const StaticSdConfig& config) {
  YamlNode groups = YamlNode::Sequence();
  for (const TargetGroup& group : config.groups) {
    YamlNode out = YamlNode::Map();
    YamlNode targets = YamlNode::Sequence();
    for (const model::Labels& target : group.targets) {
      targets.Append(YamlNode::String(std::string(target.Get("__address__"))));
    }
    out.Set("targets", std::move(targets));
    if (!group.labels.empty()) {
      YamlNode labels = YamlNode::Map();
      for (const model::Label& label : group.labels) {
        labels.SetString(std::string(label.name), std::string(label.value));
      }
      out.Set("labels", std::move(labels));
    }
    groups.Append(std::move(out));
  }
  return groups;
}

YamlNode Print(const FileSdConfig& config) {
  YamlNode out = YamlNode::Map();
  out.Set("files", Texts(config.files));
  out.SetString("refresh_interval", base::FormatDurationMs(config.refresh_interval_ms));
  return out;
}

YamlNode Print(const HttpSdConfig& config) {
  YamlNode out = YamlNode::Map();
  PrintHttpClient(config.http, &out);
  out.SetString("refresh_interval", base::FormatDurationMs(config.refresh_interval_ms));
  out.SetString("url", RedactUrl(config.url));
  return out;
}

YamlNode Print(const DnsSdConfig& config) {
  YamlNode out = YamlNode::Map();
  out.Set("names", Texts(config.names));
  out.SetString("refresh_interval", base::FormatDurationMs(config.refresh_interval_ms));
  out.SetString("type", config.type);
  out.SetPlain("port", std::to_string(config.port));
  return out;
}

YamlNode Print(const KubernetesSdConfig& config) {
  YamlNode out = YamlNode::Map();
  if (!config.api_server.empty()) out.SetString("api_server", RedactUrl(config.api_server));
  out.SetString("role", config.role);
  out.SetString("kubeconfig_file", config.kubeconfig_file);
  PrintHttpClient(config.http, &out);
  if (config.own_namespace || !config.namespaces.empty()) {
    YamlNode namespaces = YamlNode::Map();
    namespaces.SetBool("own_namespace", config.own_namespace);
    namespaces.Set("names", Texts(config.namespaces));
    out.Set("namespaces", std::move(namespaces));
  }
  if (!config.selectors.empty()) {
    YamlNode selectors = YamlNode::Sequence();
    for (const KubernetesSdConfig::Selector& selector : config.selectors) {
      YamlNode item = YamlNode::Map();
      item.SetString("role", selector.role);
      item.SetUnlessEmpty("label", selector.label);
      item.SetUnlessEmpty("field", selector.field);
      selectors.Append(std::move(item));
    }
    out.Set("selectors", std::move(selectors));
  }
  if (config.attach_node || config.attach_namespace || config.attach_deployment ||
      config.attach_job || config.attach_cronjob) {
    YamlNode attach = YamlNode::Map();
    attach.SetBool("node", config.attach_node);
    attach.SetBool("namespace", config.attach_namespace);
    attach.SetBool("deployment", config.attach_deployment);
    attach.SetBool("job", config.attach_job);
    attach.SetBool("cronjob", config.attach_cronjob);
    out.Set("attach_metadata", std::move(attach));
  }
  return out;
}

template <class T>
void PrintList(const std::vector<SdConfig>& configs, const char* key, YamlNode* map) {
  YamlNode list = YamlNode::Sequence();
  for (const SdConfig& config : configs) {
    if (const T* one = std::get_if<T>(&config)) list.Append(Print(*one));
  }
  if (!list.items.empty()) map->Set(key, std::move(list));
}

}  // namespace

void ReadSdConfigs(MapReader& reader, std::vector<SdConfig>* out) {
  ReadStatic(reader, out);
  ReadList(reader, "file_sd_configs", out, ReadFile);
  ReadList(reader, "http_sd_configs", out, ReadHttp);
  ReadList(reader, "dns_sd_configs", out, ReadDns);
  ReadList(reader, "kubernetes_sd_configs", out, ReadKubernetes);
  RejectOthers(reader);
}

void CheckStaticTargets(MapReader& reader, const std::vector<SdConfig>& configs) {
  for (const SdConfig& config : configs) {
    const StaticSdConfig* fixed = std::get_if<StaticSdConfig>(&config);
    if (fixed == nullptr) continue;
    for (const TargetGroup& group : fixed->groups) {
      for (const model::Labels& target : group.targets) {
        const std::string_view address = target.Get("__address__");
        if (address.find('/') == std::string_view::npos) continue;
        reader.Fail("static_configs",
                    fmt::format("{} is not a valid hostname: expected host:port, without scheme "
                                "and path",
                                base::Quote(address)));
      }
    }
  }
}

void PrintSdConfigs(const std::vector<SdConfig>& configs, YamlNode* map) {
  for (const SdConfig& config : configs) {
    if (const auto* fixed = std::get_if<StaticSdConfig>(&config)) {
      map->Set("static_configs", Print(*fixed));
    }
  }
  PrintList<DnsSdConfig>(configs, "dns_sd_configs", map);
  PrintList<FileSdConfig>(configs, "file_sd_configs", map);
  PrintList<HttpSdConfig>(configs, "http_sd_configs", map);
  PrintList<KubernetesSdConfig>(configs, "kubernetes_sd_configs", map);
}

}  // namespace tributary::config

// dns_sd_configs: the records of names, as targets.
// Labels and rules: prometheus discovery/dns/dns.go.
#include <atomic>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/strings.h"
#include "discovery/discoverer.h"
#include "discovery/poller.h"
#include "net/dns_client.h"

namespace tributary::discovery {
namespace {

net::DnsType TypeOf(std::string_view type) {
  if (base::EqualsIgnoreCase(type, "A")) return net::DnsType::kA;
  if (base::EqualsIgnoreCase(type, "AAAA")) return net::DnsType::kAaaa;
  if (base::EqualsIgnoreCase(type, "MX")) return net::DnsType::kMx;
  if (base::EqualsIgnoreCase(type, "NS")) return net::DnsType::kNs;
  return net::DnsType::kSrv;
}

// Names without their final dot, addresses with colons in brackets.
std::string HostPort(std::string host, uint16_t port) {
  while (host.ends_with('.')) host.pop_back();
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

class DnsDiscoverer final : public Discoverer {
 public:
  DnsDiscoverer(const config::DnsSdConfig& config, const Context& context, DnsSystem system,
                Publish publish)
      : config_(config),
        type_(TypeOf(config.type)),
        fs_(context.fs),
        system_(std::move(system)),
        publish_(std::move(publish)),
        lookups_(context.metrics.GetCounter("prometheus_sd_dns_lookups_total",
                                            "The number of DNS-SD lookups.")),
        failures_(context.metrics.GetCounter("prometheus_sd_dns_lookup_failures_total",
                                             "The number of DNS-SD lookup failures.")),
        poller_("dns-sd", config_.refresh_interval_ms, [this] { Poll(); }) {}
  ~DnsDiscoverer() override { stopping_ = true; }

 private:
  void Poll() {
    std::vector<config::TargetGroup> groups;
    for (const std::string& name : config_.names) {
      if (stopping_) return;  // each may take seconds when a server is gone
      auto records = Lookup(name);
      lookups_.Add();
      if (!records) {
        failures_.Add();
        LOG_ERROR("DNS name not resolved, keeping its last targets", kv("name", name),
                  kv("err", records.error()));
        continue;
      }
      groups.push_back(GroupOf(name, *records));
    }
    if (!groups.empty()) publish_(std::move(groups));
  }

  base::Result<std::vector<net::DnsRecord>> Lookup(const std::string& name) {
    // Read each time: a container's file may change.
    ASSIGN_OR_RETURN(const std::string text, fs_.ReadFile(system_.resolv_conf));
    net::DnsConfig dns = net::ParseResolvConf(text);
    dns.port = system_.port;
    return net::DnsLookup(dns, name, type_);
  }

  config::TargetGroup GroupOf(const std::string& name,
                              const std::vector<net::DnsRecord>& records) const {
    config::TargetGroup group;
    group.source = name;
    for (const net::DnsRecord& record : records) {
      if (record.type == net::DnsType::kCname) continue;  // on the way to an address
      model::LabelsBuilder labels;
      labels.Set("__meta_dns_name", name);
      uint16_t port = config_.port;
      switch (record.type) {
        case net::DnsType::kSrv:
          port = record.port;
          labels.Set("__meta_dns_srv_record_target", record.target);
          labels.Set("__meta_dns_srv_record_port", std::to_string(record.port));
          break;
        case net::DnsType::kMx:
          labels.Set("__meta_dns_mx_record_target", record.target);
          break;
        case net::DnsType::kNs:
          labels.Set("__meta_dns_ns_record_target", record.target);
          break;
        default:
          break;
      }
      labels.Set("__address__", HostPort(record.target, port));
      group.targets.push_back(labels.Build());
    }
    return group;
  }

  const config::DnsSdConfig config_;
  const net::DnsType type_;
  base::FileSystem& fs_;
  const DnsSystem system_;
  const Publish publish_;
  base::Counter& lookups_;
  base::Counter& failures_;
  std::atomic<bool> stopping_{false};
  Poller poller_;  // last
};

}  // namespace

std::unique_ptr<Discoverer> StartDns(const config::DnsSdConfig& config, const Context& context,
                                     Publish publish, DnsSystem system) {
  return std::make_unique<DnsDiscoverer>(config, context, std::move(system), std::move(publish));
}

}  // namespace tributary::discovery

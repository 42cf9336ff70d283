// Discoverer: one mechanism at work for one job: finds TargetGroups and publishes changes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/metrics.h"
#include "base/result.h"
#include "config/config.h"

namespace tributary::discovery {

// Hands over changed groups, by their source; a group without targets is gone. Callable from any
// thread while the Discoverer lives.
using Publish = std::function<void(std::vector<config::TargetGroup>)>;

class Discoverer {
 public:
  virtual ~Discoverer() = default;  // stops publishing before it returns
};

// What a discoverer may use. Outlives it.
struct Context {
  base::FileSystem& fs;
  base::MetricsRegistry& metrics;
};

// Starts the mechanism that `config` names.
base::Result<std::unique_ptr<Discoverer>> StartDiscoverer(const config::SdConfig& config,
                                                          const Context& context, Publish publish);

std::unique_ptr<Discoverer> StartStatic(const config::StaticSdConfig& config, Publish publish);
std::unique_ptr<Discoverer> StartFile(const config::FileSdConfig& config, const Context& context,
                                      Publish publish);
base::Result<std::unique_ptr<Discoverer>> StartHttp(const config::HttpSdConfig& config,
                                                    const Context& context, Publish publish);
// Where DNS is told how to ask.
struct DnsSystem {
  std::string resolv_conf = "/etc/resolv.conf";
  uint16_t port = 53;
};
std::unique_ptr<Discoverer> StartDns(const config::DnsSdConfig& config, const Context& context,
                                     Publish publish, DnsSystem system = {});
base::Result<std::unique_ptr<Discoverer>> StartKubernetes(const config::KubernetesSdConfig& config,
                                                          const Context& context, Publish publish);

}  // namespace tributary::discovery

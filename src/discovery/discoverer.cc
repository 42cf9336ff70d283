#include "discovery/discoverer.h"

#include <utility>

namespace tributary::discovery {
namespace {

// Groups that never change are published once, before the constructor returns.
class StaticDiscoverer final : public Discoverer {};

}  // namespace

std::unique_ptr<Discoverer> StartStatic(const config::StaticSdConfig& config, Publish publish) {
  publish(config.groups);
  return std::make_unique<StaticDiscoverer>();
}

base::Result<std::unique_ptr<Discoverer>> StartDiscoverer(const config::SdConfig& config,
                                                          const Context& context, Publish publish) {
  if (const auto* c = std::get_if<config::StaticSdConfig>(&config)) {
    return StartStatic(*c, std::move(publish));
  }
  if (const auto* c = std::get_if<config::FileSdConfig>(&config)) {
    return StartFile(*c, context, std::move(publish));
  }
  if (const auto* c = std::get_if<config::HttpSdConfig>(&config)) {
    return StartHttp(*c, context, std::move(publish));
  }
  if (const auto* c = std::get_if<config::DnsSdConfig>(&config)) {
    return StartDns(*c, context, std::move(publish));
  }
  return StartKubernetes(std::get<config::KubernetesSdConfig>(config), context, std::move(publish));
}

}  // namespace tributary::discovery

// kubernetes_sd_configs: one discoverer, given where its API is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "discovery/discoverer.h"
#include "discovery/kubernetes/api_access.h"

namespace tributary::discovery::kubernetes {

// Times that tests shorten.
struct Pace {
  int64_t min_backoff_ms = 800;
  int64_t max_backoff_ms = 30'000;
  int64_t gather_ms = 200;  // how long changes are gathered before their groups are built
  size_t page_size = 500;
};

base::Result<std::unique_ptr<Discoverer>> Start(const config::KubernetesSdConfig& config,
                                                const ApiAccess& access, const Pace& pace,
                                                const Context& context, Publish publish);

}  // namespace tributary::discovery::kubernetes

// What a process says about itself: its build, whether it is ready, and what the system knows of
// it.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "base/process_metrics.h"
#include "web/web.h"

namespace tributary::app {

// Shown for its lifetime. `metrics` and `state` outlive it.
class SelfMetrics {
 public:
  SelfMetrics(base::MetricsRegistry& metrics, const web::State& state);

 private:
  const base::ProcessMetrics process_;
  const std::unique_ptr<base::MetricsRegistry::CallbackHandle> ready_;
};

}  // namespace tributary::app

// What a process says about itself: its build, whether it is ready, what the system knows of it,
// and whether its wall clock has jumped.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/process_metrics.h"
#include "web/web.h"

namespace tributary::app {

// Shown for its lifetime. All are borrowed and outlive it.
class SelfMetrics {
 public:
  SelfMetrics(base::MetricsRegistry& metrics, const web::State& state, const base::Clock& clock);

 private:
  const base::ProcessMetrics process_;
  const std::unique_ptr<base::MetricsRegistry::CallbackHandle> ready_, clock_step_;
};

}  // namespace tributary::app

#include "app/self_metrics.h"

#include <string>

#include "base/version.h"

namespace tributary::app {
namespace {

#if defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#else
constexpr const char* kArchitecture = "amd64";
#endif

// By how much the wall clock is ahead of the steady one, which nobody sets.
double AheadSeconds(const base::Clock& clock) {
  return static_cast<double>(clock.NowMs()) / 1e3 - static_cast<double>(clock.MonotonicNs()) / 1e9;
}

}  // namespace

SelfMetrics::SelfMetrics(base::MetricsRegistry& metrics, const web::State& state,
                         const base::Clock& clock)
    : process_(base::RegisterProcessMetrics(metrics)),
      ready_(metrics.AddGaugeCallback(
          "prometheus_ready",
          "Whether startup was fully completed and the server is ready for normal operation.", {},
          [&state] { return state.ready.load() ? 1.0 : 0.0; })),
      clock_step_(metrics.AddGaugeCallback(
          "tributary_clock_step_seconds",
          "By how much the wall clock has been set since the start, or the machine was suspended.",
          {}, [&clock, ahead = AheadSeconds(clock)] { return AheadSeconds(clock) - ahead; })) {
  metrics
      .GetGauge("prometheus_build_info",
                "Always 1; the labels say which Prometheus this server follows, and which "
                "Tributary it is.",
                {{"branch", "main"},
                 {"goarch", kArchitecture},
                 {"goos", "linux"},
                 {"goversion", ""},
                 {"revision", std::string(base::kVersion)},
                 {"tags", "tributary"},
                 {"version", std::string(base::kPrometheusVersion)}})
      .Set(1);
}

}  // namespace tributary::app

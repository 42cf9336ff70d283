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

}  // namespace

SelfMetrics::SelfMetrics(base::MetricsRegistry& metrics, const web::State& state)
    : process_(base::RegisterProcessMetrics(metrics)),
      ready_(metrics.AddGaugeCallback(
          "prometheus_ready",
          "Whether startup was fully completed and the server is ready for normal operation.", {},
          [&state] { return state.ready.load() ? 1.0 : 0.0; })) {
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

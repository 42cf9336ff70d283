#include <cmath>

#include <fmt/format.h>

#include "loadgen.h"

namespace tributary::loadgen {
namespace {

uint64_t Mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

constexpr const char* kNodeMetrics[] = {
    "node_cpu_seconds_total",           "node_filesystem_avail_bytes",
    "node_network_receive_bytes_total", "node_disk_io_time_seconds_total",
    "node_memory_MemAvailable_bytes",   "node_netstat_Tcp_InSegs",
    "node_softnet_processed_total",     "node_schedstat_running_seconds_total"};
constexpr const char* kModes[] = {"idle",    "iowait", "irq",    "nice",
                                  "softirq", "steal",  "system", "user"};
constexpr const char* kPodMetrics[] = {"container_cpu_usage_seconds_total",
                                       "container_memory_working_set_bytes",
                                       "container_network_receive_bytes_total",
                                       "container_fs_writes_bytes_total",
                                       "kube_pod_container_status_restarts_total",
                                       "kube_pod_container_resource_requests",
                                       "kube_pod_status_phase",
                                       "container_spec_memory_limit_bytes"};

model::Labels NodeSeries(uint64_t i) {
  const uint64_t node = i / 1000;
  const uint64_t line = i % 1000;
  const std::string host = fmt::format("ip-10-{}-{}-{}.eu-west-1.compute.internal", node % 7,
                                       node / 7 % 256, node % 251);
  return model::Labels::FromPairs({
      {"__name__", kNodeMetrics[line % 8]},
      {"cluster", fmt::format("downstream-{}", node % 5)},
      {"container", "node-exporter"},
      {"cpu", fmt::format("{}", line / 64)},
      {"device", fmt::format("nvme{}n1", line / 8 % 8)},
      {"endpoint", "http-metrics"},
      {"instance", fmt::format("10.{}.{}.{}:9100", node % 7, node / 7 % 256, node % 251)},
      {"job", "node-exporter"},
      {"mode", kModes[line / 8 % 8]},
      {"namespace", "cattle-monitoring-system"},
      {"node", host},
      {"pod",
       fmt::format("rancher-monitoring-prometheus-node-exporter-{:05x}", Mix(node) & 0xfffff)},
      {"prometheus", "cattle-monitoring-system/rancher-monitoring-prometheus"},
      {"service", "rancher-monitoring-prometheus-node-exporter"},
  });
}

model::Labels PodSeries(uint64_t i) {
  const uint64_t pod = i / 40;
  const uint64_t line = i % 40;
  const uint64_t app = pod / 5;
  const std::string name = fmt::format("service-{:03}-{:09x}-{:05x}", app, Mix(app) & 0xfffffffff,
                                       Mix(pod + 7) & 0xfffff);
  std::vector<std::pair<std::string, std::string>> labels = {
      {"__name__", kPodMetrics[line % 8]},
      {"cluster", fmt::format("downstream-{}", app % 5)},
      {"container", fmt::format("app-{}", line / 8)},
      {"endpoint", "https-metrics"},
      {"id", fmt::format("/kubepods.slice/kubepods-burstable.slice/pod{:016x}", Mix(pod))},
      {"image",
       fmt::format("registry.example.com/team-{}/service-{:03}:v1.{}.0", app % 13, app, app % 29)},
      {"instance", fmt::format("10.{}.{}.{}:10250", pod % 7, pod / 7 % 256, pod % 251)},
      {"job", "kubelet"},
      {"metrics_path", "/metrics/cadvisor"},
      {"namespace", fmt::format("team-{}", app % 13)},
      {"node",
       fmt::format("ip-10-{}-{}-{}.eu-west-1.compute.internal", pod % 7, pod / 7 % 256, pod % 251)},
      {"pod", name},
      {"prometheus", "cattle-monitoring-system/rancher-monitoring-prometheus"},
      {"service", "rancher-monitoring-kubelet"},
  };
  if (line % 2 == 0) {
    labels.emplace_back("uid", fmt::format("{:016x}", Mix(pod + 3)));
  }
  if (line % 4 == 0) {
    labels.emplace_back("resource", line % 8 == 0 ? "cpu" : "memory");
  }
  return model::Labels::FromPairs(std::move(labels));
}

}  // namespace

model::Labels SeriesLabels(uint64_t i) { return i % 2 == 0 ? NodeSeries(i / 2) : PodSeries(i / 2); }

double SeriesValue(uint64_t i, uint64_t tick) {
  const uint64_t kind = Mix(i) % 100;
  const uint64_t random = Mix(i * 1'000'003 + tick);
  if (kind < 38) {
    return static_cast<double>(i % 1000);
  }
  if (kind < 82) {
    const uint64_t step = 1 + i % 500;
    return static_cast<double>(tick * step + random % step);
  }
  if (kind < 94) {
    return static_cast<double>(random % 10'000) / 100;
  }
  return static_cast<double>(random) / 0x1.0p64 * 1e6;
}

}  // namespace tributary::loadgen

#include "base/process_metrics.h"

#include <optional>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/strings.h"

namespace tributary::base {
namespace {

// Field `number` of /proc/self/stat, counted from 1 as proc(5) does.
std::optional<double> StatField(size_t number) {
  const auto text = PosixFileSystem().ReadFile("/proc/self/stat");
  if (!text) return std::nullopt;
  // Field 2 is the name in parentheses and may hold spaces: count from behind its end.
  const size_t end = text->rfind(')');
  if (end == std::string::npos || end + 2 > text->size()) return std::nullopt;
  const auto fields = Split(std::string_view(*text).substr(end + 2), ' ');
  if (number < 3 || number - 3 >= fields.size()) return std::nullopt;
  return ParseFloat(TrimSpace(fields[number - 3]));
}

double TicksPerSecond() { return static_cast<double>(::sysconf(_SC_CLK_TCK)); }

double CpuSeconds() {
  return (StatField(14).value_or(0) + StatField(15).value_or(0)) / TicksPerSecond();
}

double VirtualBytes() { return StatField(23).value_or(0); }

double ResidentMemory() { return static_cast<double>(ResidentBytes()); }

double OpenDescriptors() {
  const auto entries = PosixFileSystem().List("/proc/self/fd");
  return entries ? static_cast<double>(entries->size()) : 0;
}

double MaxDescriptors() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<double>(limit.rlim_cur);
}

// Seconds since the Unix epoch: the boot time plus the process's own start in ticks since boot.
double StartTime() {
  const auto text = PosixFileSystem().ReadFile("/proc/stat");
  if (!text) return 0;
  for (const std::string_view line : Split(*text, '\n')) {
    constexpr std::string_view kBootTime = "btime ";
    if (!line.starts_with(kBootTime)) continue;
    const double boot = ParseFloat(TrimSpace(line.substr(kBootTime.size()))).value_or(0);
    return boot + StatField(22).value_or(0) / TicksPerSecond();
  }
  return 0;
}

}  // namespace

uint64_t ResidentBytes() {
  return static_cast<uint64_t>(StatField(24).value_or(0)) *
         static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

ProcessMetrics RegisterProcessMetrics(MetricsRegistry& registry) {
  ProcessMetrics metrics;
  const auto gauge = [&](const char* name, const char* help, double (*read)()) {
    metrics.handles.push_back(registry.AddGaugeCallback(name, help, {}, read));
  };
  metrics.handles.push_back(registry.AddCounterCallback(
      "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", {},
      CpuSeconds));
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.", ResidentMemory);
  gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", VirtualBytes);
  gauge("process_open_fds", "Number of open file descriptors.", OpenDescriptors);
  gauge("process_max_fds", "Maximum number of open file descriptors.", MaxDescriptors);
  const double start = StartTime();
  metrics.handles.push_back(registry.AddGaugeCallback(
      "process_start_time_seconds", "Start time of the process since unix epoch in seconds.", {},
      [start] { return start; }));
  return metrics;
}

}  // namespace tributary::base

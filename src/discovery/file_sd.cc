// file_sd_configs: target groups in YAML or JSON files, read again when they change.
//
// Change is seen by looking at name, size and modification time every second, which works on every
// file system (ConfigMap symlinks included); `refresh_interval` forces a read in any case.
#include <algorithm>
#include <fnmatch.h>
#include <map>
#include <string>
#include <sys/stat.h>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "config/yaml_targets.h"
#include "discovery/discoverer.h"
#include "discovery/poller.h"

namespace tributary::discovery {
namespace {

constexpr int64_t kLookIntervalMs = 1000;

// What a look at a file tells without reading it.
using Fingerprint = std::tuple<int64_t, int64_t, uint64_t, uint64_t>;

Fingerprint Look(const std::string& path) {
  struct stat st = {};
  if (::stat(path.c_str(), &st) != 0) {
    return {};
  }
  return {st.st_mtim.tv_sec, st.st_mtim.tv_nsec, static_cast<uint64_t>(st.st_size), st.st_ino};
}

class FileDiscoverer final : public Discoverer {
 public:
  FileDiscoverer(const config::FileSdConfig& config, const Context& context, Publish publish)
      : config_(config),
        fs_(context.fs),
        publish_(std::move(publish)),
        read_errors_(context.metrics.GetCounter("prometheus_sd_file_read_errors_total",
                                                "The number of File-SD read errors.")),
        poller_("file-sd", kLookIntervalMs, [this] { Poll(); }) {}

 private:
  struct File {
    Fingerprint fingerprint;
    size_t groups = 0;  // published from it: sources path:0 … path:groups-1
  };

  std::vector<std::string> MatchingFiles() {
    std::vector<std::string> paths;
    for (const std::string& pattern : config_.files) {
      if (pattern.find('*') == std::string::npos) {
        paths.push_back(pattern);
        continue;
      }
      const std::string dir = base::DirName(pattern);
      const std::string name_pattern = base::BaseName(pattern);
      auto entries = fs_.List(dir);
      if (!entries) {
        continue;  // a folder that is not there has no files
      }
      for (const base::DirEntry& entry : *entries) {
        if (::fnmatch(name_pattern.c_str(), entry.name.c_str(), FNM_PERIOD) == 0) {
          paths.push_back(base::JoinPath(dir, entry.name));
        }
      }
    }
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
  }

  void Poll() {
    const int64_t now_ms = base::SystemClock().MonotonicNs() / 1'000'000;
    const bool forced = now_ms >= next_forced_ms_;
    if (forced) {
      next_forced_ms_ = now_ms + config_.refresh_interval_ms;
    }
    std::map<std::string, File> seen;
    std::vector<config::TargetGroup> changed;
    for (const std::string& path : MatchingFiles()) {
      auto known = files_.find(path);
      const Fingerprint fingerprint = Look(path);
      if (known != files_.end() && known->second.fingerprint == fingerprint && !forced) {
        seen.insert(*known);
        continue;
      }
      const size_t published_before = known == files_.end() ? 0 : known->second.groups;
      if (fingerprint == Fingerprint{}) {
        continue;  // gone: its groups are withdrawn below
      }
      auto groups = Read(path);
      if (!groups) {
        read_errors_.Add();
        LOG_ERROR("target file not used, keeping its last good groups", kv("file", path),
                  kv("err", groups.error()));
        seen[path] = {fingerprint, published_before};
        continue;
      }
      const size_t count = groups->size();
      for (config::TargetGroup& group : *groups) {
        changed.push_back(std::move(group));
      }
      Withdraw(path, count, published_before, &changed);
      seen[path] = {fingerprint, count};
    }
    for (const auto& [path, file] : files_) {
      if (!seen.contains(path)) {
        Withdraw(path, 0, file.groups, &changed);
      }
    }
    files_ = std::move(seen);
    if (!changed.empty()) {
      publish_(std::move(changed));
    }
  }

  base::Result<std::vector<config::TargetGroup>> Read(const std::string& path) {
    ASSIGN_OR_RETURN(const std::string text, fs_.ReadFile(path));
    ASSIGN_OR_RETURN(std::vector<config::TargetGroup> groups,
                     config::ParseTargetGroups(text, path));
    for (size_t i = 0; i < groups.size(); ++i) {
      groups[i].source = Source(path, i);
      model::LabelsBuilder labels(groups[i].labels);
      groups[i].labels = labels.Set("__meta_filepath", path).Build();
    }
    return groups;
  }

  static std::string Source(const std::string& path, size_t index) {
    return path + ":" + std::to_string(index);
  }

  static void Withdraw(const std::string& path, size_t from, size_t to,
                       std::vector<config::TargetGroup>* changed) {
    for (size_t i = from; i < to; ++i) {
      changed->push_back({.targets = {}, .labels = {}, .source = Source(path, i)});
    }
  }

  const config::FileSdConfig config_;
  base::FileSystem& fs_;
  const Publish publish_;
  base::Counter& read_errors_;
  // Touched by the poller's thread only.
  std::map<std::string, File> files_;
  int64_t next_forced_ms_ = 0;
  Poller poller_;  // last
};

}  // namespace

std::unique_ptr<Discoverer> StartFile(const config::FileSdConfig& config, const Context& context,
                                      Publish publish) {
  return std::make_unique<FileDiscoverer>(config, context, std::move(publish));
}

}  // namespace tributary::discovery

// How much the server keeps, by time, by size and by selector.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "config/config.h"
#include "tsdb/tsdb.h"

namespace tributary::app {

struct Retention {
  int64_t time_ms = 0;      // 0: not limited
  uint64_t size_bytes = 0;  // 0: not limited
  double percentage = 0;    // of the file system; already turned into size_bytes
  friend bool operator==(const Retention&, const Retention&) = default;
};

// Fails when a percentage is wanted and the size of the file system below `path` is not known.
base::Result<Retention> ComputeRetention(const config::TsdbConfig& config, base::FileSystem& fs,
                                         const std::string& path);

// As runtimeinfo shows it: "15d", "15d or 512MiB", "30d or 50%".
std::string RetentionText(const Retention& retention);

// The rules of the fleet file with their selectors parsed; none when `path` is empty.
base::Result<std::vector<tsdb::SelectorRetention>> LoadSelectorRetention(base::FileSystem& fs,
                                                                         const std::string& path);

}  // namespace tributary::app

// ActiveQueryFile: `queries.active` in the data directory, where a crash leaves the texts of the
// queries that were running. Format of Prometheus (promql/query_logger.go): "[" and then one slot
// of 1000 bytes a query, a JSON object {"query":…,"timestamp_sec":…}, zeros and a comma at the end;
// all zeros when free.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"

namespace tributary::promql {

// Thread-safe.
class ActiveQueryFile {
 public:
  // Logs what an earlier process left there, then starts with `slots` free ones. The directory
  // must exist.
  static base::Result<std::unique_ptr<ActiveQueryFile>> Open(const std::string& dir, size_t slots);
  ~ActiveQueryFile();

  // Writes the query into a free slot, cut to what fits there. -1: none is free, or the disk does
  // not take it; the query is then not on record.
  int Insert(std::string_view query, int64_t now_ms);
  // -1 is ignored.
  void Remove(int slot);

 private:
  ActiveQueryFile(int fd, size_t slots);
  const int fd_;
  base::Mutex mutex_;
  std::vector<int> free_ TB_GUARDED_BY(mutex_);
};

// The JSON list of what such a file says was running; "" when nothing was.
std::string UnfinishedQueries(std::string_view file);

}  // namespace tributary::promql

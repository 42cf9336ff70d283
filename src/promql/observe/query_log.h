// QueryLog: one line of JSON for every query that was evaluated, in Prometheus's form
// (promql/engine.go, util/logging/file.go), into the file that global.query_log_file names.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "model/sample.h"
#include "promql/engine.h"

namespace tributary::promql {

// What a line says.
struct QueryLogEntry {
  int64_t time_ms = 0;  // wall clock, of the end of the query
  std::string_view query;
  model::Timestamp start = 0, end = 0;
  int64_t step_ms = 0;
  const QueryStats* stats = nullptr;    // never null
  const base::Error* error = nullptr;   // null: none
  const QueryOrigin* origin = nullptr;  // never null
};

// With its line break.
std::string RenderQueryLogLine(const QueryLogEntry& entry);

// Thread-safe.
class QueryLog {
 public:
  QueryLog(base::FileSystem& fs, base::MetricsRegistry& metrics);
  // Opens the file, again if it is the same (it may have been moved away); "" ends logging. After
  // an error the log stays as it was.
  base::Status SetFile(const std::string& path);
  bool enabled() const;
  void Write(const QueryLogEntry& entry);

 private:
  base::FileSystem& fs_;
  base::Gauge& enabled_metric_;
  base::Counter& failures_;
  // Held while a line is written: lines must not mix.
  mutable base::Mutex mutex_;
  std::unique_ptr<base::WritableFile> file_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::promql

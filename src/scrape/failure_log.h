// FailureLog: the file of scrape_failure_log_file: one JSON object a line for each scrape that got
// no page, with the keys Prometheus writes (time, level, source, msg, job_name, target).
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mutex.h"
#include "base/result.h"

namespace tributary::scrape {

class FailureLog {
 public:
  // Appends to `path`, which is made when it is not there.
  static base::Result<std::shared_ptr<FailureLog>> Open(base::FileSystem& fs,
                                                        const base::Clock& clock,
                                                        const std::string& path);
  void Write(std::string_view job, std::string_view target, std::string_view message);

 private:
  FailureLog(const base::Clock& clock, std::unique_ptr<base::WritableFile> file)
      : clock_(clock), file_(std::move(file)) {}

  const base::Clock& clock_;
  base::Mutex mutex_;
  const std::unique_ptr<base::WritableFile> file_;  // written under mutex_
};

}  // namespace tributary::scrape

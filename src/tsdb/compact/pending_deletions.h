// PendingDeletions: deletions that were asked for and are not complete, a file each in `deletions/`
// of the store's directory, so that an interrupted one is taken up at the next start. A file holds
// "<until in ms> <label name>", a line break, and the label value up to its end. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mutex.h"
#include "base/result.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {

class PendingDeletions {
 public:
  PendingDeletions(base::FileSystem& fs, const base::Clock& clock, const std::string& dir)
      : fs_(fs), clock_(clock), dir_(base::JoinPath(dir, "deletions")) {}

  // Reads what an earlier process left. A file that cannot be understood is logged and left alone.
  base::Status Load() TB_EXCLUDES(mutex_);
  // On the disk once it returns.
  base::Status Add(std::string label, std::string value) TB_EXCLUDES(mutex_);
  base::Status Complete(const PendingDeletion& deletion) TB_EXCLUDES(mutex_);
  // Oldest first.
  std::vector<PendingDeletion> All() const TB_EXCLUDES(mutex_);
  bool empty() const TB_EXCLUDES(mutex_);

 private:
  base::FileSystem& fs_;
  const base::Clock& clock_;
  const std::string dir_;
  mutable base::Mutex mutex_;
  std::vector<PendingDeletion> all_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::tsdb

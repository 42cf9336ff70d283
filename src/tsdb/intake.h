// Intake: takes writes while the head of the store is still being loaded.
//
// They go into a small head with a log of its own, in a directory that is there only for so long.
// What the store holds of their series is not known yet, so every sample with a valid time is
// taken; once the head is loaded, MoveTo() appends all to it, also what turns out to come late. A
// kill in between loses nothing: the next start finds the directory and moves what is in it.
//
// Refs of the intake are ones that no other head gives away: to the head that comes after it they
// are unknown, so that whoever keeps them asks again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/fs.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "storage/appender.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/wal_writer.h"

namespace tributary::tsdb {

// An out-of-order window that takes all.
inline constexpr int64_t kAnyAge = int64_t{1} << 50;

struct IntakeOptions {
  std::string dir;
  HeadOptions head;
  WalWriterOptions log;  // but for the directory
  size_t threads = 1;    // of the replay
};

// Thread-safe.
class Intake {
 public:
  Intake(IntakeOptions options, base::FileSystem& fs);

  // Reads what an earlier process left. Call first.
  base::Status Recover();
  // Null once MoveTo() has succeeded; waits while it runs. One that cannot log refuses everything.
  std::unique_ptr<storage::Appender> NewAppender();
  // False: no sample that was taken is older.
  bool MayHoldBefore(model::Timestamp t);
  // Waits for the appenders, appends what they brought to `head`, and removes the directory.
  // `admit_late` makes the head take samples of any age; called when one is needed. On failure
  // everything is still there, and taken anew.
  base::Status MoveTo(Head& head, const std::function<base::Status()>& admit_late);

 private:
  base::Status Open() TB_REQUIRES(mutex_);
  base::Status Remove() TB_REQUIRES(mutex_);

  const IntakeOptions options_;
  base::FileSystem& fs_;
  base::MetricsRegistry metrics_;  // nobody's: the samples are counted by the head they move to
  const WalMetrics log_metrics_{metrics_};
  base::Mutex mutex_;
  base::CondVar moved_;
  bool moving_ TB_GUARDED_BY(mutex_) = false;
  bool closed_ TB_GUARDED_BY(mutex_) = false;
  std::unique_ptr<WalWriter> log_ TB_GUARDED_BY(mutex_);
  std::unique_ptr<WalWriter> late_log_ TB_GUARDED_BY(mutex_);
  std::unique_ptr<Head> head_ TB_GUARDED_BY(mutex_);  // null: nobody has written yet
};

}  // namespace tributary::tsdb

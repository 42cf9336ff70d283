// WalWriter: the one that appends to a log.
//
// Group commit: whoever finds nobody writing becomes the writer for everyone who waits; the records
// of all of them go to the file with one write (and one sync, when syncing is on). When Log()
// fails, what was written of its batch is cut off again (save records that went into a segment that
// was finished meanwhile), and as long as that cannot be done, every Log() fails. A full disk is
// kNoSpace and heals by itself.
//
// A new writer begins a new segment behind those that are there, as Prometheus does.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/fs.h"
#include "base/mutex.h"
#include "base/result.h"
#include "storage/wal_source.h"
#include "tsdb/tsdb.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/wal_metrics.h"
#include "tsdb/wal/wal_tail.h"

namespace tributary::tsdb {

struct WalWriterOptions {
  std::string dir;  // made when absent
  uint64_t segment_bytes = 128ull << 20;
  WalCompression compression = WalCompression::kSnappy;
  bool sync_on_commit = false;
  // Number of the first segment; by default one more than the last that is there.
  int64_t first_segment = -1;
};

// Thread-safe.
class WalWriter {
 public:
  // `metrics` may be null (checkpoints) and must outlive the writer.
  static base::Result<std::unique_ptr<WalWriter>> Open(base::FileSystem& fs,
                                                       WalWriterOptions options,
                                                       const WalMetrics* metrics);
  ~WalWriter();
  WalWriter(const WalWriter&) = delete;
  WalWriter& operator=(const WalWriter&) = delete;

  // Compressed as the options say, or otherwise.
  base::Status Log(const RecordBatch& batch) { return Log(batch, options_.compression); }
  base::Status Log(const RecordBatch& batch, WalCompression compression) TB_EXCLUDES(mutex_);

  // Closes the current segment, begins the next one and returns its number: everything logged
  // before the call is in lower segments.
  base::Result<uint32_t> CutSegment() TB_EXCLUDES(mutex_);
  base::Status Sync() TB_EXCLUDES(mutex_);
  // Pads, syncs and closes. Later calls of Log() are kUnavailable.
  base::Status Close() TB_EXCLUDES(mutex_);

  // Of records, since it was opened.
  uint64_t logged_bytes() const { return logged_bytes_.load(); }
  storage::WalPosition end() const { return tail_->end(); }
  const std::shared_ptr<WalTail>& tail() const { return tail_; }
  const std::string& dir() const { return options_.dir; }

 private:
  // A record as it goes into the log.
  struct Encoded {
    uint8_t flags = 0;
    base::Bytes bytes;
  };
  struct Waiter {
    std::vector<Encoded> records;
    std::string storage;  // compressed bytes
    base::Status status;
    bool done = false;
  };

  WalWriter(base::FileSystem& fs, WalWriterOptions options, const WalMetrics* metrics);

  void Compress(const RecordBatch& batch, WalCompression compression, Waiter* waiter) const;
  // Becomes the one writer; false when the writer is closed.
  bool AcquireFile() TB_REQUIRES(mutex_);
  void ReleaseFile() TB_EXCLUDES(mutex_);

  // All below: only by the one writer, without mutex_.
  base::Status WriteGroup(const std::vector<Waiter*>& group);
  void AddRecord(const Encoded& record);
  base::Status Flush();
  base::Status Recover();
  base::Status OpenSegment(uint32_t index);
  base::Status RollSegment();
  base::Status SyncFile();
  void PadPage();
  uint64_t position() const { return file_size_ + out_.size(); }

  void RetireLoop();
  void Retire(std::unique_ptr<base::WritableFile> file) TB_EXCLUDES(retire_mutex_);

  base::FileSystem& fs_;
  const WalWriterOptions options_;
  const WalMetrics* const metrics_;
  const std::shared_ptr<WalTail> tail_ = std::make_shared<WalTail>();

  base::Mutex mutex_;
  base::CondVar idle_;
  std::vector<Waiter*> queue_ TB_GUARDED_BY(mutex_);
  bool busy_ TB_GUARDED_BY(mutex_) = false;  // someone is the one writer
  bool closed_ TB_GUARDED_BY(mutex_) = false;

  // Owned by the one writer.
  std::unique_ptr<base::WritableFile> file_;
  uint32_t segment_ = 0;
  uint64_t file_size_ = 0;  // whole records in the file; beyond it nothing counts
  bool torn_ = false;       // there may be bytes beyond file_size_
  std::string out_;         // fragments not yet written
  std::atomic<uint64_t> logged_bytes_{0};

  // Finished segments are synced and closed aside, so that a commit does not wait for the disk.
  base::Mutex retire_mutex_;
  base::CondVar retire_changed_;
  std::deque<std::unique_ptr<base::WritableFile>> retired_ TB_GUARDED_BY(retire_mutex_);
  bool retire_stop_ TB_GUARDED_BY(retire_mutex_) = false;
  std::jthread retire_thread_;
};

}  // namespace tributary::tsdb

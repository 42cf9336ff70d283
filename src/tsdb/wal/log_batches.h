// LogBatches: a log, its checkpoint first, as batches of packed records, read ahead on a thread of
// its own for those who unpack and decode on many. A torn tail is cut off, other damage is passed
// over, logged and counted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fs.h"
#include "base/mutex.h"
#include "base/result.h"

namespace tributary::tsdb {

// Records as they are in the file, one behind the other.
struct PackedRecords {
  struct Record {
    size_t begin = 0;
    uint32_t size = 0;
    uint8_t packing = 0;  // for UnpackRecord()
  };
  std::vector<uint8_t> bytes;
  std::vector<Record> records;

  base::Bytes BytesOf(const Record& record) const {
    return base::Bytes(bytes).subspan(record.begin, record.size);
  }
  void Clear() {
    bytes.clear();
    records.clear();
  }
};

class LogBatches {
 public:
  struct Options {
    std::string dir;
    uint32_t first_segment = 0;  // above 0: without the checkpoint and the segments before
    std::function<void(uint32_t)> on_segment;  // begun to be read; called on the reading thread
    // Of the reading thread, too.
    std::function<void(const base::Error&)> on_damage;
  };
  LogBatches(base::FileSystem& fs, Options options);
  ~LogBatches();

  // Swaps the next batch into `*batch`, whose memory is used for one that comes later. False at
  // the end.
  base::Result<bool> Next(PackedRecords* batch);
  // After the end.
  uint64_t segments() const { return segments_; }

 private:
  base::Status Read();
  base::Status ReadCheckpoint(const std::string& path);
  void Add(uint8_t packing, base::Bytes record);
  void Hand();

  base::FileSystem& fs_;
  const Options options_;
  PackedRecords filling_;  // the thread's own
  uint64_t segments_ = 0;  // the thread's own until the end

  base::Mutex mutex_;
  base::CondVar changed_;
  std::optional<PackedRecords> full_ TB_GUARDED_BY(mutex_);
  std::optional<PackedRecords> spare_ TB_GUARDED_BY(mutex_);
  base::Status result_ TB_GUARDED_BY(mutex_);
  bool ended_ TB_GUARDED_BY(mutex_) = false;
  bool unwanted_ TB_GUARDED_BY(mutex_) = false;  // whatever is read now
  std::jthread thread_;
};

}  // namespace tributary::tsdb

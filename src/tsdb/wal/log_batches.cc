#include "tsdb/wal/log_batches.h"

#include <utility>

#include "base/threads.h"
#include "tsdb/wal/replay_segments.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/segment_reader.h"

namespace tributary::tsdb {
namespace {

// Unpacked and decoded, this is some ten megabytes: it stays within the cache that cores share.
constexpr size_t kBatchBytes = 1 << 20;

}  // namespace

LogBatches::LogBatches(base::FileSystem& fs, Options options)
    : fs_(fs), options_(std::move(options)) {
  thread_ = std::jthread([this] {
    base::SetThreadName("replay-read");
    base::Status status = Read();
    Hand();
    base::MutexLock lock(mutex_);
    result_ = std::move(status);
    ended_ = true;
    changed_.NotifyAll();
  });
}

LogBatches::~LogBatches() {
  base::MutexLock lock(mutex_);
  unwanted_ = true;
  changed_.NotifyAll();
}

base::Result<bool> LogBatches::Next(PackedRecords* batch) {
  base::MutexLock lock(mutex_);
  while (!full_ && !ended_) changed_.Wait(mutex_);
  if (!full_) {
    RETURN_IF_ERROR(result_);
    return false;
  }
  batch->Clear();
  spare_ = std::exchange(*batch, std::move(*full_));
  full_.reset();
  changed_.NotifyAll();
  return true;
}

void LogBatches::Hand() {
  if (filling_.records.empty()) return;
  base::MutexLock lock(mutex_);
  while (full_ && !unwanted_) changed_.Wait(mutex_);
  if (!unwanted_) full_ = std::exchange(filling_, spare_ ? std::move(*spare_) : PackedRecords{});
  spare_.reset();
  filling_.Clear();
  changed_.NotifyAll();
}

void LogBatches::Add(uint8_t packing, base::Bytes record) {
  filling_.records.push_back(
      {filling_.bytes.size(), static_cast<uint32_t>(record.size()), packing});
  filling_.bytes.insert(filling_.bytes.end(), record.begin(), record.end());
  if (filling_.bytes.size() >= kBatchBytes) Hand();
}

base::Status LogBatches::Read() {
  uint32_t first = options_.first_segment;
  if (first == 0) {
    ASSIGN_OR_RETURN(const auto checkpoint, LastCheckpoint(fs_, options_.dir));
    if (checkpoint) {
      RETURN_IF_ERROR(ReadCheckpoint(checkpoint->path));
      first = checkpoint->index + 1;
    }
  }
  ASSIGN_OR_RETURN(
      const ReplayedSegments read,
      ReplaySegments(fs_, options_.dir, "wal", first,
                     {.on_segment = options_.on_segment,
                      .on_record = {},
                      .on_packed_record = [this](uint8_t packing,
                                                 base::Bytes record) { Add(packing, record); },
                      .on_damage = options_.on_damage}));
  segments_ = read.segments;
  return {};
}

base::Status LogBatches::ReadCheckpoint(const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(fs_, path));
  for (const SegmentInfo& segment : segments) {
    ASSIGN_OR_RETURN(const auto reader, SegmentReader::Open(fs_, path, segment.index));
    reader->LeavePacked();
    for (bool more = true; more;) {
      switch (reader->Next()) {
        case SegmentReader::State::kEnd:
          more = false;
          break;
        case SegmentReader::State::kIoError:
          return reader->error();
        case SegmentReader::State::kRecord:
          Add(reader->packing(), reader->record());
          break;
        case SegmentReader::State::kCorrupt:
          options_.on_damage(reader->error().Context(path));
          reader->SkipDamage();
          break;
      }
    }
  }
  return {};
}

}  // namespace tributary::tsdb

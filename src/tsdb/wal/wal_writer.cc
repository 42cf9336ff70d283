#include "tsdb/wal/wal_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/threads.h"
#include "tsdb/wal/crc32c.h"
#include "tsdb/wal/segment.h"
#include "wire/compression.h"

namespace tributary::tsdb {
namespace {

// Fragments are handed to the file once this much has gathered, or at the end of a group.
constexpr size_t kFlushBytes = 4 << 20;

void AppendHeader(uint8_t type, base::Bytes data, std::string* out) {
  const uint32_t crc = Crc32c(data);
  const auto length = static_cast<uint32_t>(data.size());
  const char header[kWalHeaderBytes] = {
      static_cast<char>(type),      static_cast<char>(length >> 8), static_cast<char>(length),
      static_cast<char>(crc >> 24), static_cast<char>(crc >> 16),   static_cast<char>(crc >> 8),
      static_cast<char>(crc)};
  out->append(header, kWalHeaderBytes);
}

}  // namespace

WalWriter::WalWriter(base::FileSystem& fs, WalWriterOptions options, const WalMetrics* metrics)
    : fs_(fs), options_(std::move(options)), metrics_(metrics) {}

base::Result<std::unique_ptr<WalWriter>> WalWriter::Open(base::FileSystem& fs,
                                                         WalWriterOptions options,
                                                         const WalMetrics* metrics) {
  if (options.segment_bytes == 0 || options.segment_bytes % kWalPageBytes != 0) {
    return base::InvalidArgument("wal: segment size " + std::to_string(options.segment_bytes) +
                                 " is not a multiple of 32 KiB");
  }
  RETURN_IF_ERROR(fs.CreateDirs(options.dir));
  auto first = static_cast<uint32_t>(std::max<int64_t>(options.first_segment, 0));
  if (options.first_segment < 0) {
    ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(fs, options.dir));
    ASSIGN_OR_RETURN(const auto checkpoint, LastCheckpoint(fs, options.dir));
    if (!segments.empty()) first = segments.back().index + 1;
    if (checkpoint) first = std::max(first, checkpoint->index + 1);
  }
  std::unique_ptr<WalWriter> writer(new WalWriter(fs, std::move(options), metrics));
  RETURN_IF_ERROR(writer->OpenSegment(first));
  writer->tail_->Publish({first, 0});
  writer->retire_thread_ = std::jthread([w = writer.get()] { w->RetireLoop(); });
  return writer;
}

WalWriter::~WalWriter() {
  if (const base::Status status = Close(); !status) {
    LOG_ERROR("wal: could not close the log", kv("dir", options_.dir), kv("err", status.error()));
  }
  {
    base::MutexLock lock(retire_mutex_);
    retire_stop_ = true;
  }
  retire_changed_.NotifyAll();
}

void WalWriter::Compress(const RecordBatch& batch, WalCompression compression,
                         Waiter* waiter) const {
  waiter->records.resize(batch.size());
  std::vector<std::pair<size_t, size_t>> compressed(batch.size());  // range of storage; 0,0: raw
  std::string one;
  size_t raw_bytes = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    const base::Bytes raw = batch[i];
    raw_bytes += raw.size();
    waiter->records[i] = {0, raw};
    if (compression == WalCompression::kNone) continue;
    const bool snappy = compression == WalCompression::kSnappy;
    if (snappy) {
      wire::SnappyEncode(raw, &one);
    } else {
      wire::ZstdEncode(raw, &one);
    }
    if (one.size() >= raw.size()) continue;
    compressed[i] = {waiter->storage.size(), one.size()};
    waiter->records[i].flags = snappy ? kSnappyFlag : kZstdFlag;
    if (batch.size() == 1) {
      waiter->storage.swap(one);
    } else {
      waiter->storage += one;
    }
  }
  size_t stored_bytes = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (waiter->records[i].flags != 0) {
      waiter->records[i].bytes =
          base::AsBytes(waiter->storage).subspan(compressed[i].first, compressed[i].second);
    }
    stored_bytes += waiter->records[i].bytes.size();
  }
  if (metrics_ != nullptr) {
    metrics_->record_bytes_raw.Add(static_cast<double>(raw_bytes));
    metrics_->record_bytes_saved.Add(static_cast<double>(raw_bytes - stored_bytes));
  }
}

base::Status WalWriter::Log(const RecordBatch& batch, WalCompression compression) {
  if (batch.empty()) return {};
  Waiter self;
  Compress(batch, compression, &self);

  std::vector<Waiter*> group;
  {
    base::MutexLock lock(mutex_);
    if (closed_) return base::Unavailable("wal: the log is closed");
    queue_.push_back(&self);
    while (busy_ && !self.done) idle_.Wait(mutex_);
    if (self.done) return self.status;
    busy_ = true;
    group.swap(queue_);
  }
  const base::Status status = WriteGroup(group);
  {
    base::MutexLock lock(mutex_);
    for (Waiter* waiter : group) {
      waiter->status = status;
      waiter->done = true;
    }
    busy_ = false;
  }
  idle_.NotifyAll();
  return status;
}

bool WalWriter::AcquireFile() {
  while (busy_) idle_.Wait(mutex_);
  if (closed_) return false;
  busy_ = true;
  return true;
}

void WalWriter::ReleaseFile() {
  {
    base::MutexLock lock(mutex_);
    busy_ = false;
  }
  idle_.NotifyAll();
}

base::Result<uint32_t> WalWriter::CutSegment() {
  {
    base::MutexLock lock(mutex_);
    if (!AcquireFile()) return base::Unavailable("wal: the log is closed");
  }
  base::Status status = Recover();
  if (status) status = RollSegment();
  if (status) tail_->Publish({segment_, file_size_});
  const uint32_t segment = segment_;
  ReleaseFile();
  if (!status) return status.error();
  return segment;
}

base::Status WalWriter::Sync() {
  {
    base::MutexLock lock(mutex_);
    if (!AcquireFile()) return {};
  }
  base::Status status = SyncFile();
  ReleaseFile();
  return status;
}

base::Status WalWriter::Close() {
  {
    base::MutexLock lock(mutex_);
    if (!AcquireFile()) return {};
    closed_ = true;
  }
  if (file_ == nullptr) {
    ReleaseFile();
    return {};
  }
  base::Status status = Recover();
  if (status && position() % kWalPageBytes != 0) {
    PadPage();
    status = Flush();
  }
  if (status) status = SyncFile();
  const base::Status closed = file_->Close();
  if (status) status = closed;
  file_.reset();
  ReleaseFile();
  return status;
}

base::Status WalWriter::WriteGroup(const std::vector<Waiter*>& group) {
  base::Status status = Recover();
  for (size_t i = 0; status && i < group.size(); ++i) {
    for (const Encoded& record : group[i]->records) {
      const uint64_t pages = options_.segment_bytes / kWalPageBytes;
      const uint64_t page = position() / kWalPageBytes;
      const uint64_t in_page = kWalPageBytes - position() % kWalPageBytes;
      const uint64_t room =
          (in_page > kWalHeaderBytes ? in_page - kWalHeaderBytes : 0) +
          (page + 1 < pages ? (pages - page - 1) : 0) * (kWalPageBytes - kWalHeaderBytes);
      // A record bigger than a segment gets an oversized one to itself.
      if (record.bytes.size() > room && position() > 0) {
        status = RollSegment();
        if (!status) break;
      }
      AddRecord(record);
      if (out_.size() >= kFlushBytes) {
        status = Flush();
        if (!status) break;
      }
    }
  }
  if (status) status = Flush();
  if (status && options_.sync_on_commit) status = SyncFile();
  if (!status) {
    out_.clear();
    if (metrics_ != nullptr) metrics_->writes_failed.Add();
    return status;
  }
  tail_->Publish({segment_, file_size_});
  return {};
}

void WalWriter::AddRecord(const Encoded& record) {
  logged_bytes_.fetch_add(record.bytes.size(), std::memory_order_relaxed);
  base::Bytes left = record.bytes;
  bool first = true;
  do {
    const size_t in_page = kWalPageBytes - position() % kWalPageBytes;
    if (in_page < kWalHeaderBytes) {
      out_.append(in_page, '\0');
      continue;
    }
    const base::Bytes part = left.first(std::min(left.size(), in_page - kWalHeaderBytes));
    left = left.subspan(part.size());
    FragmentType type;
    if (left.empty()) {
      type = first ? FragmentType::kFull : FragmentType::kLast;
    } else {
      type = first ? FragmentType::kFirst : FragmentType::kMiddle;
    }
    AppendHeader(static_cast<uint8_t>(static_cast<uint8_t>(type) | record.flags), part, &out_);
    out_.append(base::AsString(part));
    first = false;
  } while (first || !left.empty());
  // As Prometheus: a page without room for another header is closed right away.
  if (kWalPageBytes - position() % kWalPageBytes < kWalHeaderBytes) PadPage();
}

void WalWriter::PadPage() {
  if (const size_t used = position() % kWalPageBytes; used != 0) {
    out_.append(kWalPageBytes - used, '\0');
  }
}

base::Status WalWriter::Flush() {
  if (out_.empty()) return {};
  torn_ = true;
  RETURN_IF_ERROR(file_->Append(base::AsBytes(out_)));
  torn_ = false;
  if (metrics_ != nullptr) {
    metrics_->page_flushes.Add();
    metrics_->completed_pages.Add(
        static_cast<double>(position() / kWalPageBytes - file_size_ / kWalPageBytes));
  }
  file_size_ += out_.size();
  out_.clear();
  if (out_.capacity() > 2 * kFlushBytes) out_.shrink_to_fit();
  return {};
}

// A group may have reached the file in parts before it failed, so what counts is the published end,
// not what was written.
base::Status WalWriter::Recover() {
  out_.clear();
  const storage::WalPosition end = tail_->end();
  const uint64_t published = end.segment == segment_ ? end.offset : 0;
  if (published < file_size_) {
    file_size_ = published;
    torn_ = true;
  }
  if (!torn_) return {};
  RETURN_IF_ERROR(file_->Truncate(file_size_));
  torn_ = false;
  return {};
}

base::Status WalWriter::OpenSegment(uint32_t index) {
  ASSIGN_OR_RETURN(std::unique_ptr<base::WritableFile> file,
                   fs_.Create(SegmentPath(options_.dir, index)));
  RETURN_IF_ERROR(fs_.SyncDir(options_.dir));
  file_ = std::move(file);
  segment_ = index;
  file_size_ = 0;
  torn_ = false;
  if (metrics_ != nullptr) metrics_->current_segment.Set(index);
  return {};
}

base::Status WalWriter::RollSegment() {
  PadPage();
  RETURN_IF_ERROR(Flush());
  std::unique_ptr<base::WritableFile> old = std::move(file_);
  if (base::Status status = OpenSegment(segment_ + 1); !status) {
    file_ = std::move(old);
    return status;
  }
  if (options_.sync_on_commit) {
    RETURN_IF_ERROR(old->Sync());
    return old->Close();
  }
  Retire(std::move(old));
  return {};
}

base::Status WalWriter::SyncFile() {
  const auto begin = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(file_->Sync());
  if (metrics_ != nullptr) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    metrics_->fsync_seconds.Observe(took.count());
  }
  return {};
}

void WalWriter::Retire(std::unique_ptr<base::WritableFile> file) {
  {
    base::MutexLock lock(retire_mutex_);
    retired_.push_back(std::move(file));
  }
  retire_changed_.NotifyAll();
}

void WalWriter::RetireLoop() {
  base::SetThreadName("wal-sync");
  while (true) {
    std::unique_ptr<base::WritableFile> file;
    {
      base::MutexLock lock(retire_mutex_);
      while (retired_.empty() && !retire_stop_) retire_changed_.Wait(retire_mutex_);
      if (retired_.empty()) return;
      file = std::move(retired_.front());
      retired_.pop_front();
    }
    base::Status status = file->Sync();
    if (status) status = file->Close();
    if (!status) {
      LOG_ERROR("wal: could not sync a finished segment", kv("dir", options_.dir),
                kv("err", status.error()));
    }
  }
}

}  // namespace tributary::tsdb

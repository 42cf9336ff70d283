#include "tsdb/wal/wal_cursor.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/segment_reader.h"

namespace tributary::tsdb {
namespace {

class Cursor final : public storage::WalCursor {
 public:
  Cursor(base::FileSystem& fs, WalCursorOptions options, storage::WalPosition position)
      : fs_(fs), options_(std::move(options)), position_(position) {}

  base::Status Read(size_t max_samples, storage::WalBatch* batch) override {
    const storage::WalPosition end = std::min(options_.tail->end(), stop_at_);
    wakes_seen_ = options_.tail->wakes();
    base::Status status;
    while (Count(*batch) < max_samples && position_ < end) {
      status = ReadOne(end, batch);
      if (!status) break;
    }
    batch->end = position_;
    return status;
  }

  void Wait(int64_t timeout_ms, uint64_t bytes) override {
    options_.tail->WaitPast(position_, bytes, wakes_seen_, timeout_ms);
  }

  void StopAt(storage::WalPosition end) override { stop_at_ = end; }

 private:
  static size_t Count(const storage::WalBatch& batch) {
    return batch.samples.size() + batch.histograms.size() + batch.exemplars.size();
  }

  // Moves over one record, or to the next segment.
  base::Status ReadOne(storage::WalPosition end, storage::WalBatch* batch) {
    if (reader_ == nullptr) {
      auto opened = SegmentReader::Open(fs_, options_.dir, position_.segment, position_.offset);
      if (!opened && opened.error().code() == base::ErrorCode::kNotFound) {
        return SkipMissing(end);
      }
      if (!opened) return opened.error();
      reader_ = std::move(*opened);
    }
    reader_->set_limit(position_.segment == end.segment ? end.offset : UINT64_MAX);
    switch (reader_->Next()) {
      case SegmentReader::State::kRecord:
        position_.offset = reader_->end_offset();
        if (base::Status status = Decode(reader_->record(), batch); !status) {
          Damaged(status.error().Context("wal: segment " + SegmentName(position_.segment)));
        }
        return {};
      case SegmentReader::State::kEnd:
        if (position_.segment == end.segment) {
          position_.offset = end.offset;
        } else {
          MoveTo({position_.segment + 1, 0});
        }
        return {};
      case SegmentReader::State::kCorrupt:
        Damaged(reader_->error());
        reader_->SkipDamage();
        return {};
      case SegmentReader::State::kIoError:
        break;
    }
    const base::Error error = reader_->error();
    reader_.reset();
    return error;
  }

  base::Status SkipMissing(storage::WalPosition end) {
    ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(fs_, options_.dir));
    for (const SegmentInfo& segment : segments) {
      if (segment.index > position_.segment) {
        LOG_WARN("wal: segments were removed before they were read",
                 kv("from", SegmentName(position_.segment)), kv("to", SegmentName(segment.index)));
        MoveTo({segment.index, 0});
        return {};
      }
    }
    MoveTo(end);
    return {};
  }

  void MoveTo(storage::WalPosition position) {
    position_ = position;
    reader_.reset();
  }

  void Damaged(const base::Error& error) {
    LOG_ERROR("wal: skipped a damaged place", kv("err", error));
    if (options_.on_damage) options_.on_damage(error);
  }

  static base::Status Decode(base::Bytes record, storage::WalBatch* batch) {
    switch (TypeOfRecord(record)) {
      case RecordType::kSamples:
      case RecordType::kSamplesV2:
        return DecodeSamples(record, &batch->samples, &batch->starts);
      case RecordType::kExemplars:
        return DecodeExemplars(record, &batch->exemplars);
      case RecordType::kHistograms:
      case RecordType::kFloatHistograms:
      case RecordType::kCustomHistograms:
      case RecordType::kCustomFloatHistograms:
      case RecordType::kHistogramsV2:
      case RecordType::kFloatHistogramsV2:
        return DecodeHistograms(record, &batch->histograms);
      default:
        return {};
    }
  }

  base::FileSystem& fs_;
  const WalCursorOptions options_;
  storage::WalPosition position_;
  storage::WalPosition stop_at_ = {UINT32_MAX, UINT64_MAX};
  uint64_t wakes_seen_ = 0;
  std::unique_ptr<SegmentReader> reader_;
};

}  // namespace

std::unique_ptr<storage::WalCursor> OpenWalCursor(base::FileSystem& fs, WalCursorOptions options,
                                                  storage::WalPosition position) {
  return std::make_unique<Cursor>(fs, std::move(options), position);
}

WalSourceBase::WalSourceBase(base::FileSystem& fs, WalCursorOptions options)
    : fs_(fs), options_(std::move(options)) {}

storage::WalPosition WalSourceBase::Begin() const {
  const auto segments = ListSegments(fs_, options_.dir);
  if (!segments || segments->empty()) return End();
  return {segments->front().index, 0};
}

storage::WalPosition WalSourceBase::End() const { return options_.tail->end(); }

uint64_t WalSourceBase::BytesBetween(storage::WalPosition from, storage::WalPosition to) const {
  if (from >= to) return 0;
  if (from.segment == to.segment) return to.offset - from.offset;
  uint64_t bytes = to.offset;
  for (uint32_t segment = from.segment; segment < to.segment; ++segment) {
    const auto size = fs_.FileSize(SegmentPath(options_.dir, segment));
    if (!size) continue;
    const uint64_t before = segment == from.segment ? from.offset : 0;
    bytes += *size > before ? *size - before : 0;
  }
  return bytes;
}

base::Result<std::unique_ptr<storage::WalCursor>> WalSourceBase::Open(storage::WalPosition position,
                                                                      bool* skipped) {
  const storage::WalPosition begin = Begin();
  const storage::WalPosition end = End();
  *skipped = position < begin || position > end;
  // A place in a segment that was cut shorter since (a repaired tail) is where its rest would be.
  if (!*skipped && position.segment < end.segment) {
    ASSIGN_OR_RETURN(const uint64_t size,
                     fs_.FileSize(SegmentPath(options_.dir, position.segment)));
    if (position.offset > size) position = {position.segment + 1, 0};
  }
  if (*skipped) position = begin;
  return OpenWalCursor(fs_, options_, position);
}

void WalSourceBase::SetNeeded(std::string_view name, std::vector<storage::WalRange> needed) {
  base::MutexLock lock(mutex_);
  followers_[name].needed = std::move(needed);
  NoteDeclines();
}

void WalSourceBase::Forget(std::string_view name) {
  base::MutexLock lock(mutex_);
  if (const auto it = followers_.find(name); it != followers_.end()) followers_.erase(it);
  NoteDeclines();
}

void WalSourceBase::ExpectFollowers(bool more) {
  base::MutexLock lock(mutex_);
  more_expected_ = more;
}

void WalSourceBase::Decline(std::string_view name, TellLeftOut tell) {
  base::MutexLock lock(mutex_);
  if (const auto it = followers_.find(name); it != followers_.end()) {
    it->second.declines = std::move(tell);
  }
  NoteDeclines();
}

void WalSourceBase::NoteDeclines() {
  bool all = !followers_.empty();
  for (const auto& [name, follower] : followers_) all = all && follower.declines != nullptr;
  all_decline_.store(all, std::memory_order_relaxed);
}

void WalSourceBase::LeaveOut(const storage::LeftOut& left_out) {
  base::MutexLock lock(mutex_);
  for (const auto& [name, follower] : followers_) {
    if (follower.declines) follower.declines(left_out);
  }
}

std::optional<storage::WalPosition> WalSourceBase::LeastDelivered() const {
  base::MutexLock lock(mutex_);
  if (more_expected_) return storage::WalPosition{};
  std::optional<storage::WalPosition> least;
  for (const auto& [name, follower] : followers_) {
    if (!least || follower.needed.front().begin < *least) least = follower.needed.front().begin;
  }
  return least;
}

bool WalSourceBase::IsNeeded(uint32_t segment) const {
  base::MutexLock lock(mutex_);
  return more_expected_ || std::ranges::any_of(followers_, [segment](const auto& follower) {
           return std::ranges::any_of(
               follower.second.needed, [segment](const storage::WalRange& range) {
                 return range.begin.segment <= segment && segment <= range.end.segment;
               });
         });
}

}  // namespace tributary::tsdb

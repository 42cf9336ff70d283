#include "remote/send/log_follower.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace tributary::remote {

base::Result<std::unique_ptr<LogFollower>> LogFollower::Open(storage::WalSource& source,
                                                             base::FileSystem& fs, std::string name,
                                                             std::string path) {
  ASSIGN_OR_RETURN(std::unique_ptr<PositionFile> file, PositionFile::Open(fs, std::move(path)));
  const Delivered noted = file->last().value_or(Delivered{source.End(), {}});
  std::unique_ptr<LogFollower> self(new LogFollower(source, std::move(name), std::move(file)));
  const storage::WalPosition begin = source.Begin();
  bool skipped = false;
  ASSIGN_OR_RETURN(self->fresh_, source.Open(noted.fresh, &skipped));
  self->fresh_position_ = skipped ? begin : noted.fresh;
  self->delivered_.fresh = self->fresh_position_;
  if (!skipped) {
    for (const storage::WalRange& range : noted.aside) {
      skipped = skipped || range.begin < begin;
      if (begin < range.end) {
        self->delivered_.aside.push_back({std::max(range.begin, begin), range.end});
      }
    }
  }
  if (skipped) {
    LOG_WARN("the log before the oldest segment is gone: its undelivered samples are lost",
             kv("remote_name", self->name_), kv("delivered_segment", noted.oldest().segment),
             kv("oldest_segment", begin.segment));
  }
  self->Note();
  return self;
}

base::Status LogFollower::Read(Lane lane, size_t max_items, storage::WalBatch* batch) {
  if (lane == Lane::kFresh) {
    const base::Status status = fresh_->Read(max_items, batch);
    fresh_position_ = batch->end;
    return status;
  }
  if (aside_ == nullptr || aside_position_ != position(lane)) {
    RETURN_IF_ERROR(OpenAside());
  }
  const base::Status status = aside_->Read(max_items, batch);
  aside_position_ = batch->end;
  return status;
}

base::Status LogFollower::OpenAside() {
  const storage::WalRange range = delivered_.aside.front();
  bool skipped = false;
  ASSIGN_OR_RETURN(aside_, source_.Open(range.begin, &skipped));
  aside_->StopAt(range.end);
  return {};
}

void LogFollower::Settle(storage::WalPosition begin, storage::WalPosition end) {
  if (begin == delivered_.fresh) {
    delivered_.fresh = end;
  } else {
    const auto range = std::ranges::find(delivered_.aside, begin, &storage::WalRange::begin);
    if (range != delivered_.aside.end()) {
      range->begin = end;
      if (range->begin >= range->end) {
        delivered_.aside.erase(range);
        aside_.reset();
      }
    }
  }
  Note();
}

void LogFollower::Note() {
  std::vector<storage::WalRange> needed = delivered_.aside;
  needed.push_back({delivered_.fresh, storage::kWalOpenEnd});
  source_.SetNeeded(name_, std::move(needed));
  if (auto noted = file_->Note(delivered_); !noted) {
    LOG_ERROR("delivered position not noted: a restart will send some samples again",
              kv("remote_name", name_), kv("err", noted.error()));
  }
}

base::Status LogFollower::SetAside() {
  const storage::WalPosition end = source_.End();
  bool skipped = false;
  ASSIGN_OR_RETURN(fresh_, source_.Open(end, &skipped));
  if (delivered_.fresh < end) {
    delivered_.aside.push_back({delivered_.fresh, end});
  }
  delivered_.fresh = fresh_position_ = end;
  Note();
  return {};
}

uint64_t LogFollower::BytesAhead(Lane lane) const {
  if (lane == Lane::kFresh) {
    return source_.BytesBetween(fresh_position_, source_.End());
  }
  uint64_t bytes = 0;
  for (const storage::WalRange& range : delivered_.aside) {
    bytes += source_.BytesBetween(range.begin, range.end);
  }
  return bytes;
}

}  // namespace tributary::remote

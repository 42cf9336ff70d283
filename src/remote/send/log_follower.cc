#include "remote/send/log_follower.h"

#include <utility>

#include "base/log.h"

namespace tributary::remote {

base::Result<std::unique_ptr<LogFollower>> LogFollower::Open(storage::WalSource& source,
                                                             base::FileSystem& fs, std::string name,
                                                             std::string path) {
  ASSIGN_OR_RETURN(std::unique_ptr<PositionFile> file, PositionFile::Open(fs, std::move(path)));
  const Delivered noted = file->last().value_or(Delivered{source.End(), {}, {}});
  std::unique_ptr<LogFollower> self(new LogFollower(source, std::move(name), std::move(file)));
  bool skipped = false;
  ASSIGN_OR_RETURN(self->fresh_, source.Open(noted.fresh, &skipped));
  self->fresh_position_ = skipped ? source.Begin() : noted.fresh;
  bool aside_skipped = false;
  if (noted.has_aside() && !skipped) {
    ASSIGN_OR_RETURN(self->aside_, source.Open(noted.aside_begin, &aside_skipped));
    self->aside_->StopAt(noted.aside_end);
    self->aside_position_ = aside_skipped ? source.Begin() : noted.aside_begin;
  }
  if (skipped || aside_skipped) {
    LOG_WARN("the log before the oldest segment is gone: its undelivered samples are lost",
             kv("remote_name", self->name_), kv("delivered_segment", noted.oldest().segment),
             kv("oldest_segment", source.Begin().segment));
  }
  self->delivered_ = {self->fresh_position_, self->aside_position_, noted.aside_end};
  self->Note();
  return self;
}

base::Status LogFollower::Read(Lane lane, size_t max_items, storage::WalBatch* batch) {
  storage::WalCursor& cursor = lane == Lane::kFresh ? *fresh_ : *aside_;
  const base::Status status = cursor.Read(max_items, batch);
  (lane == Lane::kFresh ? fresh_position_ : aside_position_) = batch->end;
  return status;
}

void LogFollower::Settle(Lane lane) {
  if (lane == Lane::kFresh) {
    delivered_.fresh = fresh_position_;
  } else {
    delivered_.aside_begin = aside_position_;
  }
  Note();
}

void LogFollower::Note() {
  if (!delivered_.has_aside()) {
    delivered_ = {delivered_.fresh, {}, {}};
    aside_.reset();
  }
  source_.SetDelivered(name_, delivered_.oldest());
  if (auto noted = file_->Note(delivered_); !noted) {
    LOG_ERROR("delivered position not noted: a restart will send some samples again",
              kv("remote_name", name_), kv("err", noted.error()));
  }
}

base::Status LogFollower::SetAside() {
  const storage::WalPosition end = source_.End();
  bool skipped = false;
  ASSIGN_OR_RETURN(std::unique_ptr<storage::WalCursor> fresh, source_.Open(end, &skipped));
  aside_ = std::exchange(fresh_, std::move(fresh));
  aside_->StopAt(end);
  aside_position_ = std::exchange(fresh_position_, end);
  delivered_ = {end, delivered_.fresh, end};
  Note();
  return {};
}

uint64_t LogFollower::BytesAhead(Lane lane) const {
  return source_.BytesBetween(position(lane),
                              lane == Lane::kFresh ? source_.End() : delivered_.aside_end);
}

}  // namespace tributary::remote

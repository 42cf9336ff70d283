#include "tsdb/intake.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "base/log.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/block/normalize_chunks.h"
#include "tsdb/block/stored_sample.h"

namespace tributary::tsdb {
namespace {

using storage::AppendOutcome;

// Samples in one commit while moving.
constexpr size_t kCommitSamples = 10'000;

// Stands in for an appender that cannot be had.
class RefusingAppender final : public storage::Appender {
 public:
  explicit RefusingAppender(base::Error error) : error_(std::move(error)) {}

  base::Result<model::SeriesRef> GetOrCreate(model::LabelSpan, uint64_t) override { return error_; }
  void Append(std::span<const storage::RefSample>, std::span<AppendOutcome> outcomes) override {
    std::ranges::fill(outcomes, AppendOutcome::kUnknownSeries);
  }
  AppendOutcome AppendHistogram(model::SeriesRef, model::Timestamp,
                                const model::Histogram&) override {
    return AppendOutcome::kUnknownSeries;
  }
  AppendOutcome AppendHistogram(model::SeriesRef, model::Timestamp,
                                const model::FloatHistogram&) override {
    return AppendOutcome::kUnknownSeries;
  }
  void AppendExemplar(model::SeriesRef, const model::Exemplar&) override {}
  void UpdateMetadata(model::SeriesRef, const model::Metadata&) override {}
  base::Status Commit() override { return error_; }
  void Rollback() override {}
  const storage::AppenderStats& stats() const override { return stats_; }

 private:
  const base::Error error_;
  const storage::AppenderStats stats_;
};

bool ComesLate(AppendOutcome outcome) {
  return outcome == AppendOutcome::kOutOfOrder || outcome == AppendOutcome::kTooOld ||
         outcome == AppendOutcome::kOutOfBounds;
}

// Appends samples to a head, some at a time.
class Mover {
 public:
  explicit Mover(Head& to) : to_(to) {}

  storage::Appender& appender() {
    if (!appender_) appender_ = to_.NewAppender();
    return *appender_;
  }

  base::Status Add(model::SeriesRef ref, StoredSample sample) {
    const AppendOutcome outcome = Append(ref, sample);
    if (ComesLate(outcome)) {
      late_.emplace_back(ref, std::move(sample));
    } else if (storage::IsRejected(outcome)) {
      ++refused_;
    } else {
      ++moved_;
    }
    return ++staged_ < kCommitSamples ? base::Status() : Commit();
  }

  base::Status Commit() {
    staged_ = 0;
    if (!appender_) return {};
    base::Status status = appender_->Commit();
    appender_.reset();
    return status;
  }

  // What Add() found to be late since the last call.
  std::vector<std::pair<model::SeriesRef, StoredSample>> TakeLate() {
    return std::exchange(late_, {});
  }
  uint64_t moved() const { return moved_; }
  uint64_t refused() const { return refused_ + late_.size(); }

 private:
  AppendOutcome Append(model::SeriesRef ref, const StoredSample& sample) {
    const double* v = std::get_if<double>(&sample.value);
    if (v == nullptr) {
      const auto* h = std::get_if<std::unique_ptr<model::Histogram>>(&sample.value);
      if (h != nullptr) return appender().AppendHistogram(ref, sample.t, **h);
      return appender().AppendHistogram(
          ref, sample.t, *std::get<std::unique_ptr<model::FloatHistogram>>(sample.value));
    }
    const storage::RefSample plain{ref, sample.t, *v};
    AppendOutcome outcome = AppendOutcome::kAppended;
    appender().Append({&plain, 1}, {&outcome, 1});
    return outcome;
  }

  Head& to_;
  std::unique_ptr<storage::Appender> appender_;
  size_t staged_ = 0;
  uint64_t moved_ = 0;
  uint64_t refused_ = 0;
  std::vector<std::pair<model::SeriesRef, StoredSample>> late_;
};

base::Status MoveSamples(Head& from, Mover* mover) {
  constexpr TimeInterval kAlways{model::kMinTime, model::kMaxTime};
  ASSIGN_OR_RETURN(const auto querier, from.NewQuerier(model::kMinTime, model::kMaxTime));
  ASSIGN_OR_RETURN(const auto selection, querier->Select({}, {}));
  const auto refs = from.NewAppender();  // only asked for refs
  storage::ChunkBuffer buffer;
  std::vector<chunk::ChunkView> chunks;
  std::vector<StoredSample> samples;
  std::vector<model::Label> labels;
  for (size_t i = 0; i < selection->size(); ++i) {
    buffer.Clear();
    chunks.clear();
    samples.clear();
    RETURN_IF_ERROR(selection->Chunks(i, &buffer, &chunks));
    RETURN_IF_ERROR(NormalizeChunks(kAlways, {}, &buffer, &chunks));
    for (const chunk::ChunkView& view : chunks) {
      RETURN_IF_ERROR(DecodeSamples(view, kAlways, &samples));
    }
    const model::Labels series = selection->LabelsOf(i);
    series.ToSpan(&labels);
    const uint64_t hash = series.Hash();
    ASSIGN_OR_RETURN(const model::SeriesRef ref, mover->appender().GetOrCreate(labels, hash));
    for (StoredSample& sample : samples) RETURN_IF_ERROR(mover->Add(ref, std::move(sample)));
    ASSIGN_OR_RETURN(const model::SeriesRef own, refs->GetOrCreate(labels, hash));
    model::Metadata metadata;
    if (from.MetadataOf(own, &metadata)) mover->appender().UpdateMetadata(ref, metadata);
  }
  return mover->Commit();
}

base::Status MoveExemplars(Head& from, Mover* mover) {
  std::vector<model::Label> labels;
  base::Status status;
  from.exemplars().EachByArrival([&](const model::Labels& series, const model::Exemplar& e) {
    series.ToSpan(&labels);
    const auto ref = mover->appender().GetOrCreate(labels, series.Hash());
    if (ref) {
      mover->appender().AppendExemplar(*ref, e);
    } else if (status) {
      status = ref.error();
    }
  });
  RETURN_IF_ERROR(status);
  return mover->Commit();
}

}  // namespace

Intake::Intake(IntakeOptions options, base::FileSystem& fs)
    : options_(std::move(options)), fs_(fs) {}

base::Status Intake::Recover() {
  base::MutexLock lock(mutex_);
  RETURN_IF_ERROR(fs_.RemoveAll(options_.dir + std::string(kDeletionSuffix)));
  ASSIGN_OR_RETURN(const bool left, fs_.Exists(options_.dir));
  return left && head_ == nullptr ? Open() : base::Status();
}

bool Intake::MayHoldBefore(model::Timestamp t) {
  base::MutexLock lock(mutex_);
  if (closed_) return true;  // the head that it moved to has it
  return head_ != nullptr && (head_->min_time() < t || !head_->out_of_order().empty());
}

std::unique_ptr<storage::Appender> Intake::NewAppender() {
  base::MutexLock lock(mutex_);
  while (moving_) moved_.Wait(mutex_);
  if (closed_) return nullptr;
  if (head_ == nullptr) {
    if (const base::Status opened = Open(); !opened) {
      return std::make_unique<RefusingAppender>(opened.error());
    }
  }
  return head_->NewAppender();
}

base::Status Intake::Open() {
  const std::string log_dir = base::JoinPath(options_.dir, "wal");
  const std::string late_log_dir = base::JoinPath(options_.dir, "wbl");
  RETURN_IF_ERROR(fs_.CreateDirs(log_dir));
  HeadOptions head_options = options_.head;
  head_options.first_generation = kMaxGeneration + 1;
  auto head = std::make_unique<Head>(head_options, metrics_, &log_metrics_);
  RETURN_IF_ERROR(head->Replay(fs_, {.wal_dir = log_dir, .threads = options_.threads}));
  RETURN_IF_ERROR(head->out_of_order().Replay(fs_, late_log_dir));
  WalWriterOptions log = options_.log;
  log.dir = log_dir;
  ASSIGN_OR_RETURN(log_, WalWriter::Open(fs_, log, &log_metrics_));
  log.dir = late_log_dir;
  ASSIGN_OR_RETURN(late_log_, WalWriter::Open(fs_, log, &log_metrics_));
  RETURN_IF_ERROR(fs_.SyncDir(options_.dir));
  RETURN_IF_ERROR(fs_.SyncDir(base::DirName(options_.dir)));
  head->LogTo(log_.get());
  head->SetOutOfOrderWindow(kAnyAge, late_log_.get());
  head_ = std::move(head);
  return {};
}

base::Status Intake::MoveTo(Head& head, const std::function<base::Status()>& admit_late) {
  Head* from;
  {
    base::MutexLock lock(mutex_);
    moving_ = true;
    from = head_.get();
  }
  const auto move = [&]() -> base::Status {
    if (from == nullptr) return {};
    from->WaitForAppenders();
    Mover mover(head);
    RETURN_IF_ERROR(MoveSamples(*from, &mover));
    if (auto late = mover.TakeLate(); !late.empty()) {
      RETURN_IF_ERROR(admit_late());
      for (auto& [ref, sample] : late) RETURN_IF_ERROR(mover.Add(ref, std::move(sample)));
      RETURN_IF_ERROR(mover.Commit());
    }
    RETURN_IF_ERROR(MoveExemplars(*from, &mover));
    LOG_INFO("what came while the head was loaded is in it", kv("series", from->num_series()),
             kv("samples", mover.moved()), kv("refused", mover.refused()));
    return {};
  };
  base::Status status = move();
  base::MutexLock lock(mutex_);
  moving_ = false;
  closed_ = status.has_value();
  moved_.NotifyAll();
  if (closed_ && from != nullptr) {
    // Moved again at the next start it does no harm: all of it is there already.
    if (const base::Status removed = Remove(); !removed) {
      LOG_WARN("a directory that is not needed any more stays", kv("dir", options_.dir),
               kv("err", removed.error()));
    }
  }
  return status;
}

base::Status Intake::Remove() {
  head_.reset();
  RETURN_IF_ERROR(log_->Close());
  RETURN_IF_ERROR(late_log_->Close());
  // Never seen in part.
  const std::string doomed = options_.dir + std::string(kDeletionSuffix);
  RETURN_IF_ERROR(fs_.Rename(options_.dir, doomed));
  return fs_.RemoveAll(doomed);
}

}  // namespace tributary::tsdb

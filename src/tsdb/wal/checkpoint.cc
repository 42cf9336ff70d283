#include "tsdb/wal/checkpoint.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/log.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/wal_reader.h"
#include "tsdb/wal/wal_writer.h"

namespace tributary::tsdb {
namespace {

constexpr std::string_view kTemporarySuffix = ".tmp";
// Records are handed to the writer in batches of about this size.
constexpr size_t kBatchBytes = 1 << 20;
// More than what is left of one segment takes.
constexpr uint64_t kOneSegmentBytes = uint64_t{1} << 40;

class Rewriter {
 public:
  Rewriter(const CheckpointOptions& options, WalWriter* writer)
      : options_(options), writer_(writer) {}

  base::Status ReadAll(WalReader reader) {
    while (true) {
      switch (reader.Next()) {
        case SegmentReader::State::kEnd:
          return {};
        case SegmentReader::State::kIoError:
          return reader.error();
        case SegmentReader::State::kCorrupt:
          Damaged(reader.error());
          reader.SkipDamage();
          break;
        case SegmentReader::State::kRecord:
          if (base::Status status = Rewrite(reader.record()); !status) {
            if (status.error().code() != base::ErrorCode::kCorruption) return status;
            Damaged(status.error().Context("wal: segment " +
                                           SegmentName(reader.position().segment) + " at " +
                                           std::to_string(reader.position().offset)));
          }
          break;
      }
    }
  }

  base::Status Finish() {
    std::vector<RefMetadata> metadata;
    for (auto& [ref, m] : metadata_) metadata.push_back({ref, std::move(m)});
    batch_.AddMetadata(metadata);
    return Flush();
  }

  const CheckpointStats& stats() const { return stats_; }

 private:
  void Damaged(const base::Error& error) {
    LOG_WARN("wal: checkpoint skips a damaged place", kv("err", error));
    ++stats_.damaged_places;
  }

  base::Status Flush() {
    RETURN_IF_ERROR(writer_->Log(batch_));
    batch_.Clear();
    return {};
  }

  base::Status Rewrite(base::Bytes record) {
    switch (TypeOfRecord(record)) {
      case RecordType::kSeries:
        RETURN_IF_ERROR(RewriteSeries(record));
        break;
      case RecordType::kSamples:
      case RecordType::kSamplesV2:
        samples_.clear();
        RETURN_IF_ERROR(DecodeSamples(record, &samples_));
        Drop(&samples_);
        batch_.AddSamples(samples_);
        break;
      case RecordType::kHistograms:
      case RecordType::kFloatHistograms:
      case RecordType::kCustomHistograms:
      case RecordType::kCustomFloatHistograms:
      case RecordType::kHistogramsV2:
      case RecordType::kFloatHistogramsV2:
        histograms_.clear();
        RETURN_IF_ERROR(DecodeHistograms(record, &histograms_));
        Drop(&histograms_);
        batch_.AddHistograms(histograms_);
        break;
      case RecordType::kExemplars: {
        std::vector<storage::RefExemplar> exemplars;
        RETURN_IF_ERROR(DecodeExemplars(record, &exemplars));
        std::erase_if(exemplars, [&](const storage::RefExemplar& e) {
          return e.exemplar.t < options_.min_time;
        });
        batch_.AddExemplars(exemplars);
        break;
      }
      case RecordType::kTombstones: {
        std::vector<RefTombstone> tombstones;
        RETURN_IF_ERROR(DecodeTombstones(record, &tombstones));
        std::erase_if(tombstones, [&](const RefTombstone& t) {
          return t.max_time < options_.min_time || !options_.keep(t.ref);
        });
        batch_.AddTombstones(tombstones);
        break;
      }
      case RecordType::kMetadata: {
        std::vector<RefMetadata> metadata;
        RETURN_IF_ERROR(DecodeMetadata(record, &metadata));
        for (RefMetadata& m : metadata) {
          if (options_.keep(m.ref)) metadata_[m.ref] = std::move(m.metadata);
        }
        break;
      }
      case RecordType::kMmapMarkers:
      case RecordType::kUnknown:
        break;
    }
    return batch_.buffer()->size() >= kBatchBytes ? Flush() : base::OkStatus();
  }

  base::Status RewriteSeries(base::Bytes record) {
    std::string* out = batch_.buffer();
    const size_t begin = out->size();
    BeginSeriesRecord(out);
    uint64_t kept = 0;
    const base::Status status =
        DecodeSeries(record, [&](model::SeriesRef ref, model::LabelSpan labels) {
          if (!options_.keep(ref)) {
            ++stats_.series_dropped;
            return;
          }
          ++kept;
          AppendSeriesEntry(ref, labels, out);
        });
    stats_.series_kept += kept;
    if (kept == 0) out->resize(begin);
    batch_.EndRecord();
    return status;
  }

  template <class Sample>
  void Drop(std::vector<Sample>* samples) {
    stats_.samples_dropped +=
        std::erase_if(*samples, [&](const Sample& s) { return s.t < options_.min_time; });
    stats_.samples_kept += samples->size();
  }

  const CheckpointOptions& options_;
  WalWriter* const writer_;
  CheckpointStats stats_;
  RecordBatch batch_;
  std::vector<storage::RefSample> samples_;
  std::vector<storage::RefHistogram> histograms_;
  absl::flat_hash_map<model::SeriesRef, model::Metadata, std::hash<model::SeriesRef>> metadata_;
};

// What `target` is made of.
struct Sources {
  std::optional<CheckpointInfo> previous;
  uint32_t first = 0;  // the segments up to `through`
};

base::Result<CheckpointStats> WriteInto(base::FileSystem& fs, const std::string& dir,
                                        const CheckpointOptions& options, const Sources& sources,
                                        uint64_t segment_bytes, const std::string& target) {
  WalWriterOptions writer_options;
  writer_options.dir = target;
  writer_options.segment_bytes = segment_bytes;
  writer_options.compression = options.compression;
  writer_options.first_segment = 0;
  ASSIGN_OR_RETURN(std::unique_ptr<WalWriter> writer, WalWriter::Open(fs, writer_options, nullptr));
  Rewriter rewriter(options, writer.get());
  if (sources.previous) {
    ASSIGN_OR_RETURN(WalReader reader, WalReader::Open(fs, sources.previous->path));
    RETURN_IF_ERROR(rewriter.ReadAll(std::move(reader)));
  }
  ASSIGN_OR_RETURN(WalReader reader, WalReader::Open(fs, dir, sources.first, options.through));
  RETURN_IF_ERROR(rewriter.ReadAll(std::move(reader)));
  RETURN_IF_ERROR(rewriter.Finish());
  RETURN_IF_ERROR(writer->Close());
  return rewriter.stats();
}

std::string TemporaryPath(const std::string& dir, const CheckpointOptions& options) {
  return CheckpointPath(dir, options.through) + std::string(kTemporarySuffix);
}

void RemoveUnfinished(base::FileSystem& fs, const std::string& temporary) {
  if (const base::Status removed = fs.RemoveAll(temporary); !removed) {
    LOG_WARN("wal: could not remove an unfinished checkpoint", kv("err", removed.error()));
  }
}

}  // namespace

base::Result<CheckpointStats> WriteCheckpoint(base::FileSystem& fs, const std::string& dir,
                                              const CheckpointOptions& options) {
  RETURN_IF_ERROR(RemoveTemporaryCheckpoints(fs, dir));
  ASSIGN_OR_RETURN(const auto previous, LastCheckpoint(fs, dir));
  if (previous && previous->index >= options.through) {
    return base::InvalidArgument("wal: there is a checkpoint of segment " +
                                 std::to_string(previous->index) + " already");
  }
  const std::string temporary = TemporaryPath(dir, options);
  const Sources sources{previous, previous ? previous->index + 1 : 0};
  auto stats = WriteInto(fs, dir, options, sources, WalWriterOptions().segment_bytes, temporary);
  base::Status status;
  if (stats) {
    status = fs.Rename(temporary, CheckpointPath(dir, options.through));
    if (status) status = fs.SyncDir(dir);
  }
  if (!stats || !status) {
    RemoveUnfinished(fs, temporary);
    return stats ? status.error() : stats.error();
  }
  return stats;
}

base::Status ReduceSegment(base::FileSystem& fs, const std::string& dir,
                           const CheckpointOptions& options) {
  RETURN_IF_ERROR(RemoveTemporaryCheckpoints(fs, dir));
  const std::string temporary = TemporaryPath(dir, options);
  const auto stats = WriteInto(fs, dir, options, Sources{std::nullopt, options.through},
                               kOneSegmentBytes, temporary);
  base::Status status = stats ? base::OkStatus() : stats.error();
  if (status) status = fs.Rename(SegmentPath(temporary, 0), SegmentPath(dir, options.through));
  if (status) status = fs.SyncDir(dir);
  RemoveUnfinished(fs, temporary);
  return status;
}

base::Status RemoveCheckpointed(base::FileSystem& fs, const std::string& dir, uint32_t through) {
  ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(fs, dir));
  for (const SegmentInfo& segment : segments) {
    if (segment.index <= through) RETURN_IF_ERROR(fs.Remove(SegmentPath(dir, segment.index)));
  }
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  for (const base::DirEntry& entry : entries) {
    const std::string path = base::JoinPath(dir, entry.name);
    // The numbers have eight digits: text order is their order.
    if (entry.is_directory && entry.name.starts_with("checkpoint.") &&
        !entry.name.ends_with(kTemporarySuffix) && path < CheckpointPath(dir, through)) {
      RETURN_IF_ERROR(fs.RemoveAll(path));
    }
  }
  return {};
}

base::Status RemoveTemporaryCheckpoints(base::FileSystem& fs, const std::string& dir) {
  ASSIGN_OR_RETURN(const bool exists, fs.Exists(dir));
  if (!exists) return {};
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  for (const base::DirEntry& entry : entries) {
    if (entry.is_directory && entry.name.starts_with("checkpoint.") &&
        entry.name.ends_with(kTemporarySuffix)) {
      RETURN_IF_ERROR(fs.RemoveAll(base::JoinPath(dir, entry.name)));
    }
  }
  return {};
}

}  // namespace tributary::tsdb

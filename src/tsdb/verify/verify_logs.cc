#include <vector>

#include <fmt/format.h>

#include "tsdb/block/stored_sample.h"
#include "tsdb/head/chunk_file.h"
#include "tsdb/head/snapshot_file.h"
#include "tsdb/verify/verify.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/wal_reader.h"

namespace tributary::tsdb {
namespace {

base::Status Decode(base::Bytes record) {
  std::vector<storage::RefSample> samples;
  std::vector<RefTombstone> tombstones;
  std::vector<storage::RefExemplar> exemplars;
  std::vector<RefMmapMarker> markers;
  std::vector<RefMetadata> metadata;
  std::vector<storage::RefHistogram> histograms;
  switch (TypeOfRecord(record)) {
    case RecordType::kSeries:
      return DecodeSeries(record, [](model::SeriesRef, model::LabelSpan) {});
    case RecordType::kSamples:
    case RecordType::kSamplesV2:
      return DecodeSamples(record, &samples);
    case RecordType::kTombstones:
      return DecodeTombstones(record, &tombstones);
    case RecordType::kExemplars:
      return DecodeExemplars(record, &exemplars);
    case RecordType::kMmapMarkers:
      return DecodeMmapMarkers(record, &markers);
    case RecordType::kMetadata:
      return DecodeMetadata(record, &metadata);
    case RecordType::kHistograms:
    case RecordType::kFloatHistograms:
    case RecordType::kCustomHistograms:
    case RecordType::kCustomFloatHistograms:
    case RecordType::kHistogramsV2:
    case RecordType::kFloatHistogramsV2:
      return DecodeHistograms(record, &histograms);
    case RecordType::kUnknown:
      break;
  }
  return base::Corruption("record of an unknown type");
}

void VerifyRecords(base::FileSystem& fs, const std::string& dir, const ProblemReport& report,
                   VerifySummary* summary) {
  auto reader = WalReader::Open(fs, dir);
  if (!reader) return report(reader.error().message());
  const auto tell = [&](const base::Error& error) {
    const storage::WalPosition at = reader->position();
    report(fmt::format("{}:{}: {}", SegmentPath(dir, at.segment), at.offset, error.message()));
  };
  for (;;) {
    switch (reader->Next()) {
      case SegmentReader::State::kEnd:
        return;
      case SegmentReader::State::kIoError:
        report(reader->error().message());
        reader->SkipSegment();
        break;
      case SegmentReader::State::kCorrupt:
        tell(reader->error());
        reader->SkipDamage();
        break;
      case SegmentReader::State::kRecord:
        ++summary->records;
        if (const auto decoded = Decode(reader->record()); !decoded) tell(decoded.error());
        break;
    }
  }
}

void VerifyHeadChunks(base::FileSystem& fs, const std::string& dir, const ProblemReport& report,
                      VerifySummary* summary) {
  const auto entries = fs.List(dir);
  if (!entries) return report(entries.error().message());
  for (const base::DirEntry& entry : *entries) {
    const std::string path = base::JoinPath(dir, entry.name);
    if (entry.is_directory || !ParseSegmentName("00" + entry.name)) continue;
    const auto file = fs.Map(path);
    if (!file) {
      report(file.error().message());
      continue;
    }
    const ParsedChunkFile parsed = ParseChunkFile((*file)->data());
    if (parsed.damage) report(path + ": " + parsed.damage->message());
    for (const FileChunk& chunk : parsed.chunks) {
      ++summary->head_chunks;
      std::vector<StoredSample> samples;
      const auto decoded = DecodeSamples(chunk.chunk, {model::kMinTime, model::kMaxTime}, &samples);
      if (decoded) continue;
      report(fmt::format("{}:{}: {}", path, chunk.chunk.data.data() - (*file)->data().data(),
                         decoded.error().message()));
    }
  }
}

void VerifyHeadSnapshots(base::FileSystem& fs, const std::string& dir,
                         const ProblemReport& report) {
  const auto entries = fs.List(dir);
  if (!entries) return report(entries.error().message());
  for (const base::DirEntry& entry : *entries) {
    const std::string path = base::JoinPath(dir, entry.name);
    if (entry.is_directory || !ParseSegmentName(entry.name)) continue;
    const auto read = [&]() -> base::Status {
      ASSIGN_OR_RETURN(const SnapshotReader reader, SnapshotReader::Open(fs, path));
      std::string bytes;
      for (const SnapshotReader::Part& part : reader.parts()) {
        RETURN_IF_ERROR(reader.Read(part, &bytes));
      }
      return {};
    }();
    if (!read) report(path + ": " + read.error().message());
  }
}

}  // namespace

void VerifyLogs(base::FileSystem& fs, const std::string& dir, const ProblemReport& report,
                VerifySummary* summary) {
  const auto exists = [&](const std::string& path) {
    const auto there = fs.Exists(path);
    return there && *there;
  };
  for (const char* name : {"wal", "wbl", "intake/wal", "intake/wbl"}) {
    const std::string log = base::JoinPath(dir, name);
    if (!exists(log)) continue;
    const auto checkpoint = LastCheckpoint(fs, log);
    if (!checkpoint) {
      report(checkpoint.error().message());
    } else if (checkpoint->has_value()) {
      VerifyRecords(fs, (*checkpoint)->path, report, summary);
    }
    VerifyRecords(fs, log, report, summary);
  }
  const std::string chunks = base::JoinPath(dir, "chunks_head");
  if (exists(chunks)) VerifyHeadChunks(fs, chunks, report, summary);
  const std::string snapshots = base::JoinPath(dir, "head_snapshots");
  if (exists(snapshots)) VerifyHeadSnapshots(fs, snapshots, report);
}

}  // namespace tributary::tsdb

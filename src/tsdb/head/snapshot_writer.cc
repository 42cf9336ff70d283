#include "tsdb/head/snapshot_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "tsdb/head/let_others_in.h"
#include "tsdb/head/snapshot_file.h"
#include "tsdb/wal/segment.h"

namespace tributary::tsdb {
namespace {

// A shard's lock is held for this many slots at a time.
constexpr uint32_t kSlotsPerLock = 256;
// A part is closed once it is this large.
constexpr size_t kPartBytes = 512 << 10;
// Entries of a record.
constexpr size_t kPerRecord = 4096;

class SnapshotTaker {
 public:
  SnapshotTaker(HeadState& head, SnapshotWriter& out) : head_(head), out_(out) {}

  base::Status Run(const SnapshotOrigin& origin) {
    // The texts of labels are written last and must still be there then.
    const Gate::Pin pin(head_.readers);
    EncodeOrigin(origin, out_.part());
    RETURN_IF_ERROR(out_.EndPart(SnapshotPart::kOrigin));
    for (uint32_t s = 0; s < kSeriesShards; ++s) RETURN_IF_ERROR(TakeShard(s));
    RETURN_IF_ERROR(TakeLabels());
    RETURN_IF_ERROR(TakeForeignRefs());
    RETURN_IF_ERROR(TakeTombstones());
    RETURN_IF_ERROR(TakeMetadata());
    return TakeExemplars();
  }

 private:
  base::Status EndPartIfLarge(SnapshotPart type) {
    return out_.part()->size() < kPartBytes ? base::Status() : out_.EndPart(type);
  }

  base::Status TakeShard(uint32_t shard_index) {
    HeadState::Shard& shard = head_.series.shard(shard_index);
    for (uint32_t from = 1;; from += kSlotsPerLock) {
      LetOthersIn();
      {
        base::MutexLock lock(shard.mutex);
        if (from >= shard.next_slot) break;
        for (uint32_t slot = from; slot < std::min(from + kSlotsPerLock, shard.next_slot); ++slot) {
          const MemSeries& series = shard.slots[slot];
          // One that is not in the log yet will be, in a segment that is read after the snapshot.
          const bool counts =
              series.labels != 0 && series.Has(MemSeries::kLogged) && !series.Has(MemSeries::kDead);
          // Of the next series there; that of one that does not count has been given away.
          const uint16_t next_generation =
              series.labels == 0 ? series.generation
                                 : std::min<uint16_t>(series.generation + 1, kMaxGeneration);
          if (!counts && next_generation == 0) continue;
          if (out_.part()->empty()) out_.part()->push_back(static_cast<char>(shard_index));
          if (counts) {
            Take(shard_index, slot, series);
          } else {
            EncodeSnapshotSeries({.slot = slot, .generation = next_generation}, out_.part());
          }
        }
      }
      RETURN_IF_ERROR(EndPartIfLarge(SnapshotPart::kSeries));
    }
    return out_.EndPart(SnapshotPart::kSeries);
  }

  // REQUIRES: the lock of the shard.
  void Take(uint32_t shard_index, uint32_t slot, const MemSeries& series) {
    HeadShard& chunks = head_.chunks[shard_index];
    SnapshotSeries& taken = taken_;
    taken.slot = slot;
    taken.generation = series.generation;
    taken.labels.clear();
    for (const LabelId id : head_.labels.LabelsOf(LabelRun(series.labels))) {
      taken.labels.push_back(id.value());
      if (id.value() >= wanted_.size()) wanted_.resize(id.value() + size_t{1024});
      wanted_[id.value()] = true;
    }
    taken.chunks.clear();
    for (uint32_t c = series.closed; c != 0; c = chunks.closed.header(c).previous) {
      if (chunks.closed.is_mapped(c)) continue;
      const ClosedChunks::Header& header = chunks.closed.header(c);
      taken.chunks.push_back({.view = {.encoding = header.encoding,
                                       .min_time = header.min_time,
                                       .max_time = header.max_time,
                                       .data = chunks.closed.Data(c)}});
    }
    std::ranges::reverse(taken.chunks);
    if (const chunk::ChunkView open = OpenChunkOf(&chunks, series); !open.data.empty()) {
      taken.chunks.push_back({.view = open,
                              .open = series.buffer != 0,
                              .state = series.state,
                              .next_at = series.next_at});
    }
    EncodeSnapshotSeries(taken, out_.part());
  }

  base::Status TakeLabels() {
    ByteWriter w(out_.part());
    for (uint32_t id = 1; id < wanted_.size(); ++id) {
      if (!wanted_[id]) continue;
      w.Uvarint(id);
      w.String(head_.labels.Name(head_.labels.NameOf(LabelId(id))));
      w.String(head_.labels.Value(LabelId(id)));
      RETURN_IF_ERROR(EndPartIfLarge(SnapshotPart::kLabels));
    }
    return out_.EndPart(SnapshotPart::kLabels);
  }

  // The ref that is logged for a series comes behind its other ones: the last one counts.
  base::Status TakeForeignRefs() {
    std::vector<std::pair<uint64_t, uint64_t>> refs;
    {
      base::MutexLock lock(head_.foreign_mutex);
      refs.assign(head_.foreign_refs.begin(), head_.foreign_refs.end());
      std::ranges::partition(refs, [this](const auto& ref) TB_NO_THREAD_SAFETY_ANALYSIS {
        const auto it = head_.logged_refs.find(ref.second);
        return it == head_.logged_refs.end() || it->second != ref.first;
      });
    }
    ByteWriter w(out_.part());
    for (const auto& [logged, own] : refs) {
      w.Uvarint(logged);
      w.Uvarint(own);
      RETURN_IF_ERROR(EndPartIfLarge(SnapshotPart::kForeign));
    }
    return out_.EndPart(SnapshotPart::kForeign);
  }

  // Writes the entries as records of the log, under the refs that it knows.
  template <class T, class Encode>
  base::Status TakeRecords(const std::vector<T>& entries, Encode&& encode) {
    std::vector<T> copy;
    std::span<const T> rest = head_.UnderLoggedRefs(entries, &copy);
    while (!rest.empty()) {
      const auto some = rest.first(std::min(rest.size(), kPerRecord));
      rest = rest.subspan(some.size());
      encode(some, out_.part());
      RETURN_IF_ERROR(out_.EndPart(SnapshotPart::kRecord));
    }
    return {};
  }

  base::Status TakeTombstones() { return TakeRecords(head_.tombstones.All(), EncodeTombstones); }

  base::Status TakeMetadata() {
    std::vector<RefMetadata> metadata;
    {
      base::MutexLock lock(head_.metadata_mutex);
      for (const auto& [ref, m] : head_.metadata) metadata.push_back({model::SeriesRef(ref), m});
    }
    return TakeRecords(metadata, EncodeMetadata);
  }

  base::Status TakeExemplars() {
    std::vector<storage::RefExemplar> exemplars;
    std::vector<model::Labels> series;
    head_.exemplars.EachByArrival([&](const model::Labels& labels, const model::Exemplar& e) {
      series.push_back(labels);
      exemplars.push_back({.ref = {}, .exemplar = e});
    });
    for (size_t i = 0; i < series.size(); ++i) {
      series[i].ToSpan(&labels_);
      exemplars[i].ref = head_.Find(labels_);
    }
    std::erase_if(exemplars, [](const auto& e) { return e.ref.value() == 0; });
    return TakeRecords(exemplars, EncodeExemplars);
  }

  HeadState& head_;
  SnapshotWriter& out_;
  std::vector<bool> wanted_;  // labels, by id
  SnapshotSeries taken_;
  std::vector<model::Label> labels_;
};

}  // namespace

base::Result<uint64_t> WriteHeadSnapshot(HeadState& head, base::FileSystem& fs,
                                         const std::string& dir) {
  RETURN_IF_ERROR(fs.CreateDirs(dir));
  ASSIGN_OR_RETURN(const std::vector<uint32_t> older, ListSnapshots(fs, dir));
  SnapshotOrigin origin;
  ASSIGN_OR_RETURN(origin.segment, head.wal->CutSegment());
  ASSIGN_OR_RETURN(const SegmentEnd before, EndOfSegment(fs, head.wal->dir(), origin.segment - 1));
  origin.before_bytes = before.bytes;
  origin.before_crc = before.crc;
  origin.min_generation = head.min_generation.load();
  origin.chunk_files = head.chunk_files.Files();
  // Who logged into an earlier segment may not have applied it yet.
  head.appenders.WaitForEarlier();
  const std::string path = SnapshotPath(dir, origin.segment);
  const std::string unfinished = path + std::string(kUnfinishedSnapshot);
  const auto write = [&]() -> base::Result<uint64_t> {
    ASSIGN_OR_RETURN(SnapshotWriter out, SnapshotWriter::Create(fs, unfinished));
    RETURN_IF_ERROR(SnapshotTaker(head, out).Run(origin));
    RETURN_IF_ERROR(out.Finish());
    // A series that is in the snapshot must be in the log, too.
    RETURN_IF_ERROR(head.wal->Sync());
    RETURN_IF_ERROR(fs.Rename(unfinished, path));
    return out.bytes();
  };
  auto written = write();
  if (!written) {
    (void)fs.Remove(unfinished);
    return written.error();
  }
  RETURN_IF_ERROR(fs.SyncDir(dir));
  for (const uint32_t segment : older) {
    if (segment != origin.segment) RETURN_IF_ERROR(fs.Remove(SnapshotPath(dir, segment)));
  }
  return written;
}

}  // namespace tributary::tsdb

#include "tsdb/head/snapshot_loader.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "tsdb/head/snapshot_file.h"
#include "tsdb/wal/segment.h"

namespace tributary::tsdb {
namespace {

// Of label numbers: bounds what a few bad bytes can ask for.
constexpr uint64_t kMostLabels = 1u << 30;

base::Error Nonsense(std::string_view what) {
  return base::Corruption(fmt::format("{} that make no sense", what));
}

base::Error Changed() { return base::Internal("the head snapshot changed while it was read"); }

}  // namespace

template <class F, class G>
base::Status SnapshotLoader::EachShard(F&& body, G&& beside) {
  std::array<base::Status, kSeriesShards> status;
  pool_.ParallelFor(kSeriesShards + 1, [&](size_t i) {
    if (i == 0) {
      beside();
    } else {
      status[i - 1] = body(static_cast<uint32_t>(i - 1));
    }
  });
  for (const base::Status& s : status) {
    if (!s) return s.error();
  }
  return {};
}

template <class F>
base::Status SnapshotLoader::EachSeries(uint32_t shard, F&& visit) const {
  std::string bytes;
  SnapshotSeries series;
  for (const SnapshotReader::Part& part : series_[shard]) {
    RETURN_IF_ERROR(reader_->Read(part, &bytes));
    ByteReader in(base::AsBytes(bytes));
    in.Byte();
    while (!in.done()) {
      if (!DecodeSnapshotSeries(&in, &series)) return Nonsense("series");
      RETURN_IF_ERROR(visit(series));
    }
  }
  return {};
}

base::Result<std::optional<LoadedSnapshot>> SnapshotLoader::Load(const std::string& dir,
                                                                 const std::string& wal_dir) {
  const auto found = ListSnapshots(fs_, dir);
  if (!found) {
    LOG_WARN("head snapshots cannot be listed: all of the log is read", kv("dir", dir),
             kv("err", found.error()));
    return std::nullopt;
  }
  for (const uint32_t segment : *found) {
    const std::string path = SnapshotPath(dir, segment);
    if (const base::Status usable = Check(path, wal_dir); !usable) {
      LOG_WARN("a head snapshot is of no use: more of the log is read", kv("file", path),
               kv("err", usable.error()));
      continue;
    }
    loaded_.segment = segment;
    loaded_.bytes = reader_->bytes();
    head_.min_generation.store(origin_.min_generation);
    ids_.reserve(labels_.size());
    for (const auto& [name, value] : labels_) {
      ids_.push_back(name.empty() ? LabelId(0) : head_.labels.InternLabel({name, value}));
    }
    labels_ = {};
    std::array<std::vector<IndexedSeries>, kSeriesShards> made;
    RETURN_IF_ERROR(EachShard([&](uint32_t shard) { return MakeSeries(shard, &made[shard]); }));
    for (const auto& of_shard : made) {
      loaded_.made.insert(loaded_.made.end(), of_shard.begin(), of_shard.end());
    }
    head_.num_series.fetch_add(loaded_.made.size());
    return std::optional(std::move(loaded_));
  }
  return std::nullopt;
}

base::Status SnapshotLoader::Check(const std::string& path, const std::string& wal_dir) {
  for (PartList& parts : series_) parts.clear();
  labels_.clear();
  loaded_ = {};
  ASSIGN_OR_RETURN(reader_, SnapshotReader::Open(fs_, path));
  for (const SnapshotReader::Part& part : reader_->parts()) {
    if (part.type != SnapshotPart::kSeries) continue;
    // Only the number of the shard is looked at here.
    ASSIGN_OR_RETURN(const uint8_t shard, reader_->FirstByte(part));
    if (shard >= kSeriesShards) return Nonsense("shards");
    series_[shard].push_back(part);
  }
  RETURN_IF_ERROR(CheckOrigin(wal_dir));
  RETURN_IF_ERROR(ReadLabels());
  RETURN_IF_ERROR(ReadForeign());
  RETURN_IF_ERROR(ReadRecords());
  return EachShard([this](uint32_t shard) { return CheckShard(shard); });
}

base::Status SnapshotLoader::CheckOrigin(const std::string& wal_dir) {
  if (reader_->parts().front().type != SnapshotPart::kOrigin) return Nonsense("parts");
  std::string bytes;
  RETURN_IF_ERROR(reader_->Read(reader_->parts().front(), &bytes));
  ASSIGN_OR_RETURN(origin_, DecodeOrigin(base::AsBytes(bytes)));
  ASSIGN_OR_RETURN(const bool goes_on, fs_.Exists(SegmentPath(wal_dir, origin_.segment)));
  if (!goes_on) return base::NotFound("the log does not go on where the snapshot ends");
  ASSIGN_OR_RETURN(const SegmentEnd before, EndOfSegment(fs_, wal_dir, origin_.segment - 1));
  if (before != SegmentEnd{.bytes = origin_.before_bytes, .crc = origin_.before_crc}) {
    return base::NotFound("the log before it is not the one that it was taken beside");
  }
  for (const SnapshotOrigin::File& file : origin_.chunk_files) {
    if (file.max_time >= min_time_ && !head_.chunk_files.IsWhole(file.number, file.bytes)) {
      return base::NotFound(fmt::format(
          "head chunk file {} is missing or damaged, and it has samples of the snapshot",
          file.number));
    }
  }
  return {};
}

template <class F>
base::Status SnapshotLoader::EachPart(SnapshotPart type, F&& visit) const {
  std::string bytes;
  for (const SnapshotReader::Part& part : reader_->parts()) {
    if (part.type != type) continue;
    RETURN_IF_ERROR(reader_->Read(part, &bytes));
    RETURN_IF_ERROR(visit(base::AsBytes(bytes)));
  }
  return {};
}

base::Status SnapshotLoader::ReadLabels() {
  return EachPart(SnapshotPart::kLabels, [this](base::Bytes part) -> base::Status {
    ByteReader in(part);
    while (!in.done()) {
      const uint64_t number = in.Uvarint();
      const std::string_view name = in.String();
      const std::string_view value = in.String();
      if (!in.ok() || name.empty() || value.empty() || number > kMostLabels) {
        return Nonsense("labels");
      }
      if (number >= labels_.size()) labels_.resize(number + 1);
      labels_[number] = {std::string(name), std::string(value)};
    }
    return {};
  });
}

base::Status SnapshotLoader::ReadForeign() {
  return EachPart(SnapshotPart::kForeign, [this](base::Bytes part) -> base::Status {
    ByteReader in(part);
    while (!in.done()) {
      const uint64_t logged = in.Uvarint();
      loaded_.foreign.emplace_back(logged, in.Uvarint());
    }
    return in.ok() ? base::Status() : Nonsense("refs");
  });
}

base::Status SnapshotLoader::ReadRecords() {
  return EachPart(SnapshotPart::kRecord, [this](base::Bytes part) -> base::Status {
    PackedRecords& records = loaded_.records;
    records.records.push_back(
        {.begin = records.bytes.size(), .size = static_cast<uint32_t>(part.size()), .packing = 0});
    records.bytes.insert(records.bytes.end(), part.begin(), part.end());
    return {};
  });
}

base::Status SnapshotLoader::CheckShard(uint32_t shard) {
  std::vector<bool> taken;
  std::vector<model::Label> labels;
  hashes_[shard].clear();
  return EachSeries(shard, [&](const SnapshotSeries& series) -> base::Status {
    if (series.slot >= taken.size()) taken.resize(series.slot + size_t{1});
    if (taken[series.slot]) return Nonsense("slots");
    taken[series.slot] = true;
    if (series.labels.empty()) return {};
    labels.clear();
    for (const uint32_t number : series.labels) {
      if (number >= labels_.size()) return Nonsense("labels");
      const auto& [name, value] = labels_[number];
      if (name <= (labels.empty() ? std::string_view() : labels.back().name)) {
        return Nonsense("labels");
      }
      labels.push_back({name, value});
    }
    hashes_[shard].push_back(model::HashLabels(labels));
    return ShardOfHash(hashes_[shard].back()) == shard ? base::Status() : Nonsense("shards");
  });
}

base::Status SnapshotLoader::MakeSeries(uint32_t shard_index, std::vector<IndexedSeries>* made) {
  HeadState::Shard& shard = head_.series.shard(shard_index);
  std::vector<LabelId> labels;
  size_t next_hash = 0;
  return EachSeries(shard_index, [&](const SnapshotSeries& taken) -> base::Status {
    if (taken.labels.empty()) {
      base::MutexLock lock(shard.mutex);
      head_.series.SetGeneration(shard, taken.slot, taken.generation);
      return {};
    }
    labels.clear();
    for (const uint32_t number : taken.labels) {
      if (number >= ids_.size()) return Changed();
      labels.push_back(ids_[number]);
    }
    if (next_hash == hashes_[shard_index].size()) return Changed();
    const uint64_t hash = hashes_[shard_index][next_hash++];
    const LabelRun run = head_.labels.Intern(labels);
    const model::SeriesRef ref = MakeSeriesRef(shard_index, taken.slot, taken.generation);
    {
      base::MutexLock lock(shard.mutex);
      const auto at = head_.series.InsertAt(shard, shard_index, ref, run, hash);
      if (at.series == nullptr) return Changed();
      at.series->flags |= MemSeries::kLogged;
    }
    made->push_back({static_cast<uint32_t>(ref.value()) & ((1u << 28) - 1), run});
    return {};
  });
}

base::Status SnapshotLoader::LoadChunks(std::span<const IndexedSeries> made) {
  return EachShard(
      [&](uint32_t shard) {
        return EachSeries(shard, [&](const SnapshotSeries& series) -> base::Status {
          // The ref of a slot without a series is that of the one which the log puts there later.
          if (series.labels.empty()) return {};
          const model::SeriesRef ref = MakeSeriesRef(shard, series.slot, series.generation);
          // The log may call another series by this ref: that one has claimed what is under it.
          shards_.Claim(ref, ref);
          return shards_.Restore(shard, series, min_time_);
        });
      },
      [&] {
        for (const IndexedSeries& series : made) head_.index.Add(series);
      });
}

}  // namespace tributary::tsdb

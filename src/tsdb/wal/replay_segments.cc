#include "tsdb/wal/replay_segments.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/segment_reader.h"

namespace tributary::tsdb {
namespace {

// Cuts the segment where its torn record begins.
base::Status CutTail(base::FileSystem& fs, const std::string& dir, const std::string& name,
                     uint32_t index, uint64_t offset, const base::Error& why) {
  ASSIGN_OR_RETURN(const std::unique_ptr<base::WritableFile> file,
                   fs.OpenForAppend(SegmentPath(dir, index)));
  const uint64_t lost = file->size() - offset;
  RETURN_IF_ERROR(file->Truncate(offset));
  RETURN_IF_ERROR(file->Sync());
  RETURN_IF_ERROR(file->Close());
  LOG_WARN("cut off a torn tail", kv("log", name), kv("segment", SegmentName(index)),
           kv("at", offset), kv("bytes", lost), kv("err", why));
  return {};
}

}  // namespace

base::Result<ReplayedSegments> ReplaySegments(base::FileSystem& fs, const std::string& dir,
                                              const std::string& name, uint32_t first,
                                              const SegmentVisitor& visitor) {
  ReplayedSegments result;
  const auto damaged = [&](const base::Error& error) {
    ++result.damaged_places;
    visitor.on_damage(error);
  };
  ASSIGN_OR_RETURN(const std::vector<SegmentInfo> segments, ListSegments(fs, dir));
  for (const SegmentInfo& segment : segments) {
    if (segment.index < first) continue;
    ++result.segments;
    if (visitor.on_segment) visitor.on_segment(segment.index);
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader,
                     SegmentReader::Open(fs, dir, segment.index));
    if (visitor.on_packed_record) reader->LeavePacked();
    // Damage with nothing readable behind it.
    std::optional<std::pair<uint64_t, base::Error>> torn;
    for (bool more = true; more;) {
      switch (reader->Next()) {
        case SegmentReader::State::kEnd:
          more = false;
          break;
        case SegmentReader::State::kIoError:
          return reader->error();
        case SegmentReader::State::kRecord:
          torn.reset();
          if (visitor.on_packed_record) {
            visitor.on_packed_record(reader->packing(), reader->record());
          } else if (const base::Status status = visitor.on_record(reader->record()); !status) {
            damaged(status.error().Context(name + ": segment " + SegmentName(segment.index)));
          }
          break;
        case SegmentReader::State::kCorrupt:
          damaged(reader->error());
          if (!torn) torn.emplace(reader->record_offset(), reader->error());
          reader->SkipDamage();
          break;
      }
    }
    if (torn && &segment == &segments.back()) {
      RETURN_IF_ERROR(CutTail(fs, dir, name, segment.index, torn->first, torn->second));
    }
  }
  return result;
}

}  // namespace tributary::tsdb

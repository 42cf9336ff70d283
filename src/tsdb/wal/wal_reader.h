// WalReader: the records of a run of segments in order (of a log or of a checkpoint, which is a
// directory of the same form). For readers of what is finished; OpenWalCursor follows a live log.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "storage/wal_source.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/segment_reader.h"

namespace tributary::tsdb {

class WalReader {
 public:
  // Segments first..last of `dir`, both inclusive, as far as they exist.
  static base::Result<WalReader> Open(base::FileSystem& fs, std::string dir, uint32_t first = 0,
                                      uint32_t last = UINT32_MAX);

  // As SegmentReader::Next(): kCorrupt leaves the choice of what to do to the caller.
  SegmentReader::State Next();
  base::Bytes record() const { return segment_->record(); }
  const base::Error& error() const;
  // Of the record that Next() gave or failed on.
  storage::WalPosition position() const;

  // After kCorrupt: goes on at the next page, or at the next segment.
  void SkipDamage() { segment_->SkipDamage(); }
  void SkipSegment();

  const std::vector<SegmentInfo>& segments() const { return segments_; }

 private:
  WalReader(base::FileSystem& fs, std::string dir, std::vector<SegmentInfo> segments)
      : fs_(&fs), dir_(std::move(dir)), segments_(std::move(segments)) {}

  base::FileSystem* fs_;
  std::string dir_;
  std::vector<SegmentInfo> segments_;
  size_t next_segment_ = 0;
  std::unique_ptr<SegmentReader> segment_;
  std::vector<base::Error> open_error_;
};

}  // namespace tributary::tsdb

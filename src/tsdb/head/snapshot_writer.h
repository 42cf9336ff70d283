// Takes a snapshot of the head (snapshot_file.h, docs/format/head_snapshot.md).
#pragma once

#include <cstdint>
#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "tsdb/head/head_state.h"

namespace tributary::tsdb {

// Writes what the head holds now into a file of `dir` (made when absent), and removes older ones.
// Appends and queries go on meanwhile. Not beside a truncation or the writing of chunk files.
// REQUIRES: the head logs.
struct WrittenSnapshot {
  uint32_t segment = 0;  // the log goes on here
  uint64_t bytes = 0;
};
base::Result<WrittenSnapshot> WriteHeadSnapshot(HeadState& head, base::FileSystem& fs,
                                                const std::string& dir);

// What identifies the end of a segment: its size, and the checksum of its last page at most.
struct SegmentEnd {
  uint64_t bytes = 0;
  uint32_t crc = 0;
  friend bool operator==(const SegmentEnd&, const SegmentEnd&) = default;
};
base::Result<SegmentEnd> EndOfSegment(base::FileSystem& fs, const std::string& wal_dir,
                                      uint32_t segment);

// "00000042" for the snapshot from which the log is read on at segment 42.
std::string SnapshotPath(const std::string& dir, uint32_t segment);
// Those that are there, newest first; removes what was left unfinished.
base::Result<std::vector<uint32_t>> ListSnapshots(base::FileSystem& fs, const std::string& dir);

}  // namespace tributary::tsdb

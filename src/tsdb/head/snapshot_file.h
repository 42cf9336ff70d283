// A head snapshot file (docs/format/head_snapshot.md): what the head held when a segment of the log
// began, so that a start reads this and the log from there on. Ours alone; Prometheus passes over
// the directory. The log has everything that is in it, so a snapshot may be missing or damaged.
//
// The file is a row of parts, each with its own checksum and small enough to be handled in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "chunk/encoding.h"
#include "chunk/xor_chunk.h"
#include "tsdb/wal/bytes.h"

namespace tributary::tsdb {

enum class SnapshotPart : uint8_t {
  kOrigin = 1,   // the first part
  kSeries = 2,   // of one shard
  kLabels = 3,   // the texts behind the numbers in kSeries
  kForeign = 4,  // refs of the log that are not the head's own
  kRecord = 5,   // as in the log: exemplars, metadata, tombstones
  kEnd = 6,      // the last part, empty
};

// What must still be as it was for the snapshot to be of use.
struct SnapshotOrigin {
  struct File {
    uint32_t number = 0;
    uint64_t bytes = 0;
    int64_t max_time = 0;
  };
  uint32_t segment = 0;  // the log is read from here on
  // The segment before that one: its size, and the checksum of its last page at most.
  uint64_t before_bytes = 0;
  uint32_t before_crc = 0;
  uint16_t min_generation = 0;
  std::vector<File> chunk_files;  // they hold what the series' own chunks do not
};

struct SnapshotChunk {
  chunk::ChunkView view;
  bool open = false;           // an XOR chunk that goes on:
  chunk::XorState state = {};  // its state
  int64_t next_at = 0;         // see MemSeries
};

struct SnapshotSeries {
  uint32_t slot = 0;
  uint16_t generation = 0;
  std::vector<uint32_t> labels = {};       // numbers, in the order of their names
  std::vector<SnapshotChunk> chunks = {};  // oldest first; those in chunk files are not among them
};

// "00000042" for the snapshot from which the log is read on at segment 42.
std::string SnapshotPath(const std::string& dir, uint32_t segment);
// Added to the name while a file is being written.
inline constexpr std::string_view kUnfinishedSnapshot = ".tmp";
// Those that are there, newest first; removes what was left unfinished.
base::Result<std::vector<uint32_t>> ListSnapshots(base::FileSystem& fs, const std::string& dir);

void EncodeOrigin(const SnapshotOrigin& origin, std::string* out);
base::Result<SnapshotOrigin> DecodeOrigin(base::Bytes part);

// A kSeries part is the number of its shard and series one behind the other. One without labels is
// a slot without a series: only its generation counts.
void EncodeSnapshotSeries(const SnapshotSeries& series, std::string* out);
// The next series; chunks point into what is read. False when it makes no sense.
bool DecodeSnapshotSeries(ByteReader* in, SnapshotSeries* series);

// Writes a file under a temporary name. Filled part by part: append to part(), then EndPart().
class SnapshotWriter {
 public:
  static base::Result<SnapshotWriter> Create(base::FileSystem& fs, const std::string& path);

  std::string* part() { return &part_; }
  // Nothing appended: no part.
  base::Status EndPart(SnapshotPart type);
  base::Status Finish();
  uint64_t bytes() const { return file_->size(); }

 private:
  explicit SnapshotWriter(std::unique_ptr<base::WritableFile> file) : file_(std::move(file)) {}
  base::Status Write(SnapshotPart type);

  std::unique_ptr<base::WritableFile> file_;
  std::string part_;
  std::string framed_;
};

// Reads parts, by position and by several threads.
class SnapshotReader {
 public:
  struct Part {
    SnapshotPart type = SnapshotPart::kEnd;
    uint64_t offset = 0;  // of the content
    uint32_t size = 0;
  };
  // Fails when the parts do not fill the file or the last is not kEnd. Checksums are not looked at.
  static base::Result<SnapshotReader> Open(base::FileSystem& fs, const std::string& path);

  std::span<const Part> parts() const { return parts_; }
  uint64_t bytes() const { return bytes_; }
  // Without a look at the checksum; 0 when the part is empty.
  base::Result<uint8_t> FirstByte(const Part& part) const;
  // The content of a part into `*out`; fails when the checksum does.
  base::Status Read(const Part& part, std::string* out) const;

 private:
  SnapshotReader() = default;
  std::unique_ptr<base::ReadableFile> file_;
  std::vector<Part> parts_;
  uint64_t bytes_ = 0;
};

}  // namespace tributary::tsdb

// Names and numbers of a log directory: segments "00000017", checkpoints "checkpoint.00000016"
// (which stands for all segments up to and including 16), and the page layout inside a segment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace tributary::tsdb {

// A segment is a run of pages; a record is cut into fragments that do not cross pages. A fragment
// is type byte, u16 length, u32 CRC-32C of its data, data. The rest of a page that holds no further
// fragment is zero.
inline constexpr size_t kWalPageBytes = 32 * 1024;
inline constexpr size_t kWalHeaderBytes = 7;

enum class FragmentType : uint8_t { kPageEnd = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
inline constexpr uint8_t kFragmentTypeMask = 7;
// How the whole record, not the fragment, is compressed.
inline constexpr uint8_t kSnappyFlag = 8;
inline constexpr uint8_t kZstdFlag = 16;

std::string SegmentName(uint32_t index);
std::string SegmentPath(const std::string& dir, uint32_t index);
// The number of a file called like a segment.
std::optional<uint32_t> ParseSegmentName(const std::string& name);

struct SegmentInfo {
  uint32_t index = 0;
  uint64_t size = 0;
};
// Ascending. An absent directory has none.
base::Result<std::vector<SegmentInfo>> ListSegments(base::FileSystem& fs, const std::string& dir);

// What identifies the end of a segment: its size, and the checksum of its last page at most.
struct SegmentEnd {
  uint64_t bytes = 0;
  uint32_t crc = 0;
  friend bool operator==(const SegmentEnd&, const SegmentEnd&) = default;
};
base::Result<SegmentEnd> EndOfSegment(base::FileSystem& fs, const std::string& dir, uint32_t index);

struct CheckpointInfo {
  std::string path;
  uint32_t index = 0;  // the last segment it stands for
};
// The newest complete checkpoint, if any.
base::Result<std::optional<CheckpointInfo>> LastCheckpoint(base::FileSystem& fs,
                                                           const std::string& dir);
std::string CheckpointPath(const std::string& dir, uint32_t index);

}  // namespace tributary::tsdb

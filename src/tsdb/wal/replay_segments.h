// ReplaySegments: all records of a log's segments, in order, for those who bring a store back. A
// torn tail is cut off, other damage is passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/fs.h"
#include "base/result.h"

namespace tributary::tsdb {

struct SegmentVisitor {
  std::function<void(uint32_t)> on_segment;  // begun; may be empty
  // An error says that the record makes no sense, and counts as damage.
  std::function<base::Status(base::Bytes)> on_record;
  // Instead of on_record, when it is not empty: the record as it is in the file, for
  // UnpackRecord().
  std::function<void(uint8_t packing, base::Bytes)> on_packed_record = {};
  std::function<void(const base::Error&)> on_damage;
};

struct ReplayedSegments {
  uint64_t segments = 0;
  uint64_t damaged_places = 0;
};

// Segments from number `first` on. `name` is what errors and log lines call the log. Damage at the
// end of the last segment, with nothing readable behind it, is cut off, so that what is appended
// later can be read. Fails when a file cannot be read.
base::Result<ReplayedSegments> ReplaySegments(base::FileSystem& fs, const std::string& dir,
                                              const std::string& name, uint32_t first,
                                              const SegmentVisitor& visitor);

}  // namespace tributary::tsdb

// Tombstones of a block: times of series that were deleted and wait for a compaction.
// Format (Prometheus tsdb/tombstones/tombstones.go): magic u32, version u8, entries (series ref
// uvarint, min varint, max varint), CRC-32C u32 of the entries.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/fs.h"
#include "base/result.h"
#include "tsdb/block/time_interval.h"

namespace tributary::tsdb {

inline constexpr std::string_view kTombstonesFile = "tombstones";

// By series ref; intervals ascend and do not touch.
using Tombstones = absl::flat_hash_map<uint64_t, std::vector<TimeInterval>>;

base::Result<Tombstones> ParseTombstones(base::Bytes file);
std::string FormatTombstones(const Tombstones& tombstones);

uint64_t CountIntervals(const Tombstones& tombstones);

// Of the block in `dir`; none when there is no such file. Errors name the file.
base::Result<Tombstones> ReadTombstones(base::FileSystem& fs, const std::string& dir);

}  // namespace tributary::tsdb

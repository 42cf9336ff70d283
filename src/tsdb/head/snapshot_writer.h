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
// Returns its bytes. REQUIRES: the head logs.
base::Result<uint64_t> WriteHeadSnapshot(HeadState& head, base::FileSystem& fs,
                                         const std::string& dir);

}  // namespace tributary::tsdb

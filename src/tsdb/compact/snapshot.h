// A snapshot of a block: its files, linked into another directory of the same file system.
#pragma once

#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "tsdb/block/block.h"

namespace tributary::tsdb {

// Makes `parent`/<ULID>.
base::Status LinkBlock(base::FileSystem& fs, const Block& block, const std::string& parent);

}  // namespace tributary::tsdb

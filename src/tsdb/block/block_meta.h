// BlockMeta: what meta.json of a block says. Source: Prometheus tsdb/block.go (BlockMeta).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace tributary::tsdb {

inline constexpr std::string_view kMetaFile = "meta.json";

struct BlockStats {
  uint64_t num_samples = 0;
  uint64_t num_float_samples = 0;
  uint64_t num_histogram_samples = 0;
  uint64_t num_series = 0;
  uint64_t num_chunks = 0;
  uint64_t num_tombstones = 0;
};

struct BlockParent {
  std::string ulid;
  int64_t min_time = 0;
  int64_t max_time = 0;
};

struct BlockMeta {
  std::string ulid;
  int64_t min_time = 0;  // ms, inclusive
  int64_t max_time = 0;  // ms, exclusive
  BlockStats stats = {};
  int level = 1;                          // of compaction; blocks cut from the head have 1
  std::vector<std::string> sources = {};  // the level 1 blocks that went into it, ascending
  std::vector<BlockParent> parents = {};  // the blocks it was made of; they are to be deleted
  std::vector<std::string> hints = {};
  bool failed = false;     // its compaction failed: leave it out of further ones
  bool deletable = false;  // empty
  int version = 1;

  bool HasHint(std::string_view hint) const;
};

inline constexpr std::string_view kHintOutOfOrder = "from-out-of-order";
inline constexpr std::string_view kHintStaleSeries = "from-stale-series";
inline constexpr std::string_view kHintSelectedSeries = "from-selected-series";

// Fails on anything that is not such a document; unknown members are passed over.
base::Result<BlockMeta> ParseBlockMeta(std::string_view json);
std::string FormatBlockMeta(const BlockMeta& meta);

// Of the block in `dir`. Errors name the file.
base::Result<BlockMeta> ReadBlockMeta(base::FileSystem& fs, const std::string& dir);

}  // namespace tributary::tsdb

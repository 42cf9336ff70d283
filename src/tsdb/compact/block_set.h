// BlockSet: the blocks of a store's directory that can be read. A block that cannot is set aside:
// logged, counted, left on the disk and tried again when its files may have changed.
// Thread-safe, except that Load(), Reopen() and Remove() are called by one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "base/fs.h"
#include "base/mutex.h"
#include "base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/compact/compact_metrics.h"

namespace tributary::tsdb {

using BlockList = std::vector<std::shared_ptr<Block>>;

class BlockSet {
 public:
  BlockSet(base::FileSystem& fs, std::string dir, CompactMetrics& metrics);

  // Removes what interrupted work left. Call before anything else, once.
  base::Status RemoveTemporary();
  // Takes in blocks that are new on disk, forgets those that are gone, and removes those that are
  // parents of a readable block.
  base::Status Load();
  // Opens a block again, whose files were changed; readers may go on with the old one.
  base::Status Reopen(const std::shared_ptr<Block>& block);
  // Takes the blocks out and removes their directories; readers may go on.
  base::Status Remove(const BlockList& blocks);

  // By min_time.
  BlockList blocks() const;
  // The end of what blocks hold for sure: the greatest max_time, blocks made of out-of-order or
  // partial data left out. kMinTime when there is none.
  model::Timestamp max_time() const;
  uint64_t bytes() const;

 private:
  base::Status RemoveDir(const std::string& ulid);
  void Publish(BlockList blocks);

  base::FileSystem& fs_;
  const std::string dir_;
  CompactMetrics& metrics_;
  absl::flat_hash_set<std::string> set_aside_;  // the loader's own
  mutable base::Mutex mutex_;
  BlockList blocks_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::tsdb

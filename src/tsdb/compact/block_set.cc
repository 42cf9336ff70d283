#include "tsdb/compact/block_set.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/block/ulid.h"

namespace tributary::tsdb {

BlockSet::BlockSet(base::FileSystem& fs, std::string dir, CompactMetrics& metrics)
    : fs_(fs), dir_(std::move(dir)), metrics_(metrics) {}

base::Status BlockSet::RemoveTemporary() {
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs_.List(dir_));
  for (const base::DirEntry& entry : entries) {
    const std::string_view name = entry.name;
    if (!entry.is_directory ||
        (!name.ends_with(kCreationSuffix) && !name.ends_with(kDeletionSuffix)) ||
        !IsUlid(name.substr(0, name.find('.')))) {
      continue;
    }
    LOG_INFO("an unfinished block is removed", kv("name", name));
    RETURN_IF_ERROR(fs_.RemoveAll(base::JoinPath(dir_, name)));
  }
  return {};
}

base::Status BlockSet::RemoveDir(const std::string& ulid) {
  const std::string dir = base::JoinPath(dir_, ulid);
  const std::string doomed = dir + std::string(kDeletionSuffix);
  RETURN_IF_ERROR(fs_.Rename(dir, doomed));
  return fs_.RemoveAll(doomed);
}

base::Status BlockSet::Load() {
  metrics_.reloads.Add();
  const auto listed = fs_.List(dir_);
  if (!listed) {
    metrics_.reloads_failed.Add();
    return listed.error();
  }
  absl::flat_hash_map<std::string, std::shared_ptr<Block>> known;
  for (const std::shared_ptr<Block>& block : blocks()) known.emplace(block->meta().ulid, block);
  BlockList loaded;
  absl::flat_hash_set<std::string> parents;
  absl::flat_hash_set<std::string> unreadable;
  for (const base::DirEntry& entry : *listed) {
    if (!entry.is_directory || !IsUlid(entry.name)) continue;
    std::shared_ptr<Block> block;
    if (const auto it = known.find(entry.name); it != known.end()) {
      block = it->second;
    } else {
      auto opened = Block::Open(fs_, base::JoinPath(dir_, entry.name));
      if (opened && (*opened)->meta().ulid != entry.name) {
        opened = base::Corruption(entry.name + ": meta.json is of block " + (*opened)->meta().ulid);
      }
      if (!opened) {
        unreadable.insert(entry.name);
        if (!set_aside_.contains(entry.name)) {
          metrics_.reloads_failed.Add();
          LOG_ERROR("a block cannot be read and is set aside", kv("ulid", entry.name),
                    kv("err", opened.error()));
        }
        continue;
      }
      block = std::move(*opened);
    }
    for (const BlockParent& parent : block->meta().parents) parents.insert(parent.ulid);
    loaded.push_back(std::move(block));
  }
  std::erase_if(loaded, [&](const auto& b) { return parents.contains(b->meta().ulid); });
  Publish(std::move(loaded));
  // Interrupted between the new block and the removal of those it was made of.
  for (const base::DirEntry& entry : *listed) {
    if (!entry.is_directory || !parents.contains(entry.name)) continue;
    LOG_INFO("a block that went into another is removed", kv("ulid", entry.name));
    RETURN_IF_ERROR(RemoveDir(entry.name));
    unreadable.erase(entry.name);
  }
  set_aside_ = std::move(unreadable);
  metrics_.blocks_set_aside.Set(static_cast<double>(set_aside_.size()));
  return {};
}

base::Status BlockSet::Reopen(const std::shared_ptr<Block>& block) {
  ASSIGN_OR_RETURN(std::shared_ptr<Block> again, Block::Open(fs_, block->dir()));
  BlockList all = blocks();
  std::ranges::replace(all, block, std::move(again));
  Publish(std::move(all));
  return {};
}

base::Status BlockSet::Remove(const BlockList& doomed) {
  BlockList left = blocks();
  std::erase_if(left, [&](const auto& b) { return std::ranges::find(doomed, b) != doomed.end(); });
  Publish(std::move(left));
  for (const std::shared_ptr<Block>& block : doomed) {
    RETURN_IF_ERROR(RemoveDir(block->meta().ulid));
    LOG_INFO("block removed", kv("ulid", block->meta().ulid),
             kv("min_time", block->meta().min_time), kv("max_time", block->meta().max_time));
  }
  return fs_.SyncDir(dir_);
}

void BlockSet::Publish(BlockList blocks) {
  std::ranges::stable_sort(blocks, {}, [](const auto& b) { return b->meta().min_time; });
  uint64_t bytes = 0;
  for (const auto& block : blocks) bytes += block->size_bytes();
  metrics_.blocks_loaded.Set(static_cast<double>(blocks.size()));
  metrics_.blocks_bytes.Set(static_cast<double>(bytes));
  base::MutexLock lock(mutex_);
  blocks_.swap(blocks);  // the old ones are let go after the lock
}

BlockList BlockSet::blocks() const {
  base::MutexLock lock(mutex_);
  return blocks_;
}

model::Timestamp BlockSet::max_time() const {
  model::Timestamp max = model::kMinTime;
  for (const auto& block : blocks()) {
    const BlockMeta& meta = block->meta();
    if (meta.HasHint(kHintOutOfOrder) || meta.HasHint(kHintStaleSeries) ||
        meta.HasHint(kHintSelectedSeries)) {
      continue;
    }
    max = std::max(max, meta.max_time);
  }
  return max;
}

uint64_t BlockSet::bytes() const {
  uint64_t sum = 0;
  for (const auto& block : blocks()) sum += block->size_bytes();
  return sum;
}

}  // namespace tributary::tsdb

#include "script_store.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/metrics.h"
#include "storage/memory_store.h"
#include "tsdb/block/block.h"
#include "tsdb/block/ulid.h"
#include "tsdb/compact/write_block.h"
#include "tsdb/db_querier.h"
#include "tsdb/head/head.h"

namespace tributary::promqltest {
namespace {

using storage::Querier;

class InMemory final : public ScriptStore {
 public:
  explicit InMemory(size_t samples_per_chunk) : store_(samples_per_chunk) {}

  std::unique_ptr<storage::Appender> NewAppender() override { return store_.NewAppender(); }
  void AddChunk(const model::Labels& labels, const chunk::ChunkView& chunk) override {
    store_.AddChunk(labels, chunk);
  }
  base::Result<std::unique_ptr<Querier>> NewQuerier(model::Timestamp mint,
                                                    model::Timestamp maxt) override {
    return store_.NewQuerier(mint, maxt);
  }
  base::Status Settle() override { return {}; }

 private:
  storage::MemoryStore store_;
};

// A head that scripts may write anywhere into, and blocks made of it.
class OnDisk final : public ScriptStore {
 public:
  OnDisk(StoreKind kind, size_t samples_per_chunk)
      : kind_(kind),
        head_({.chunks = {.samples_per_chunk = static_cast<uint32_t>(samples_per_chunk),
                          .chunk_range_ms = int64_t{1} << 50}},
              metrics_, nullptr) {}

  std::unique_ptr<storage::Appender> NewAppender() override { return head_.NewAppender(); }
  void AddChunk(const model::Labels& labels, const chunk::ChunkView& chunk) override {
    chunks_.AddChunk(labels, chunk);
  }

  base::Result<std::unique_ptr<Querier>> NewQuerier(model::Timestamp mint,
                                                    model::Timestamp maxt) override {
    std::vector<std::unique_ptr<Querier>> parts;
    if (block_ && block_->Overlaps(mint, maxt)) {
      ASSIGN_OR_RETURN(parts.emplace_back(), block_->NewQuerier(mint, maxt));
    }
    if (head_from_ <= maxt) {
      ASSIGN_OR_RETURN(parts.emplace_back(), head_.NewQuerier(std::max(mint, head_from_), maxt));
    }
    ASSIGN_OR_RETURN(parts.emplace_back(), chunks_.NewQuerier(mint, maxt));
    return tsdb::MergeQueriers(std::move(parts));
  }

  base::Status Settle() override {
    block_.reset();
    head_from_ = model::kMinTime;
    if (kind_ == StoreKind::kHead || head_.min_time() > head_.max_time()) return {};
    const model::Timestamp begin = head_.min_time(), end = head_.max_time() + 1;
    const model::Timestamp middle = begin + (end - begin) / 2;
    const auto older = head_.SelectForBlock(begin, middle - 1);
    ASSIGN_OR_RETURN(block_, Write(begin, middle, {older.get()}));
    head_from_ = middle;
    if (kind_ == StoreKind::kBlocksAndHead) return {};
    const auto newer = head_.SelectForBlock(middle, end - 1);
    ASSIGN_OR_RETURN(const auto second, Write(middle, end, {newer.get()}));
    std::vector<std::unique_ptr<storage::SeriesSelection>> selections;
    std::vector<const storage::SeriesSelection*> inputs;
    for (const auto& block : {block_, second}) {
      if (!block) continue;
      ASSIGN_OR_RETURN(selections.emplace_back(), block->SelectAll());
      inputs.push_back(selections.back().get());
    }
    ASSIGN_OR_RETURN(block_, Write(begin, end, inputs));
    head_from_ = model::kMaxTime;
    return {};
  }

 private:
  // Null when there is no sample.
  base::Result<std::shared_ptr<tsdb::Block>> Write(
      model::Timestamp min_time, model::Timestamp max_time,
      const std::vector<const storage::SeriesSelection*>& inputs) {
    ASSIGN_OR_RETURN(const auto meta,
                     tsdb::WriteBlock(*fs_,
                                      {.parent = "data",
                                       .meta = {.ulid = tsdb::MakeUlid(++blocks_written_),
                                                .min_time = min_time,
                                                .max_time = max_time}},
                                      inputs));
    if (!meta) return std::shared_ptr<tsdb::Block>();
    return tsdb::Block::Open(*fs_, "data/" + meta->ulid);
  }

  const StoreKind kind_;
  const std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  base::MetricsRegistry metrics_;
  tsdb::Head head_;
  storage::MemoryStore chunks_;
  std::shared_ptr<tsdb::Block> block_;
  model::Timestamp head_from_ = model::kMinTime;  // older samples are not looked for in the head
  int64_t blocks_written_ = 0;
};

}  // namespace

std::unique_ptr<ScriptStore> ScriptStore::Create(StoreKind kind, size_t samples_per_chunk) {
  if (kind == StoreKind::kMemory) return std::make_unique<InMemory>(samples_per_chunk);
  return std::make_unique<OnDisk>(kind, samples_per_chunk);
}

}  // namespace tributary::promqltest

#include "tsdb/block/block_querier.h"

#include <algorithm>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "tsdb/index/select_postings.h"

namespace tributary::tsdb {
namespace {

class BlockSelection final : public storage::SeriesSelection {
 public:
  BlockSelection(std::shared_ptr<const Block> block, std::vector<uint32_t> refs,
                 model::Timestamp min_time, model::Timestamp max_time)
      : block_(std::move(block)),
        refs_(std::move(refs)),
        min_time_(min_time),
        max_time_(max_time) {}

  size_t size() const override { return refs_.size(); }
  bool sorted() const override { return true; }

  model::Labels LabelsOf(size_t i) const override {
    const IndexReader& index = block_->index();
    std::vector<IndexReader::LabelPair> pairs;
    index.LabelsOf(refs_[i], &pairs);
    std::vector<model::Label> labels;
    labels.reserve(pairs.size());
    for (const auto& [name, value] : pairs) {
      labels.push_back({index.Symbol(name), index.Symbol(value)});
    }
    return model::Labels::FromSpan(labels);
  }

  storage::LabelColumn Column(std::string_view label_name) const override {
    const IndexReader& index = block_->index();
    storage::LabelColumn column;
    const auto name = index.FindSymbol(label_name);
    if (!name) {
      column.ids.assign(refs_.size(), 0);
      column.values.emplace_back();
      return column;
    }
    column.ids.reserve(refs_.size());
    absl::flat_hash_map<uint32_t, uint32_t> dictionary;
    uint32_t last_value = UINT32_MAX;
    uint32_t last_id = 0;
    for (const uint32_t ref : refs_) {
      const uint32_t value = index.ValueOf(ref, *name);
      if (value != last_value || column.values.empty()) {
        const auto [it, added] =
            dictionary.try_emplace(value, static_cast<uint32_t>(column.values.size()));
        if (added) {
          column.values.push_back(value < index.num_symbols() ? index.Symbol(value)
                                                              : std::string_view());
        }
        last_value = value;
        last_id = it->second;
      }
      column.ids.push_back(last_id);
    }
    return column;
  }

  std::vector<storage::Fingerprint> Fingerprints() const override {
    const IndexReader& index = block_->index();
    std::vector<storage::Fingerprint> out;
    out.reserve(refs_.size());
    storage::FingerprintBuilder builder;
    std::vector<IndexReader::LabelPair> pairs;
    for (const uint32_t ref : refs_) {
      index.LabelsOf(ref, &pairs);
      builder.Begin();
      for (const auto& [name, value] : pairs) {
        builder.Add(uint64_t{name} << 32 | value, [&index, n = name, v = value] {
          return model::Label{index.Symbol(n), index.Symbol(v)};
        });
      }
      out.push_back(builder.sum());
    }
    return out;
  }

  base::Status Chunks(size_t i, storage::ChunkBuffer* buffer,
                      std::vector<chunk::ChunkView>* out) const override {
    return block_->Chunks(refs_[i], min_time_, max_time_, buffer, out);
  }

 private:
  const std::shared_ptr<const Block> block_;
  const std::vector<uint32_t> refs_;
  const model::Timestamp min_time_;
  const model::Timestamp max_time_;
};

class BlockQuerier final : public storage::Querier {
 public:
  BlockQuerier(std::shared_ptr<const Block> block, model::Timestamp min_time,
               model::Timestamp max_time)
      : block_(std::move(block)), min_time_(min_time), max_time_(max_time) {}

  base::Result<std::unique_ptr<storage::SeriesSelection>> Select(
      storage::Matchers matchers, const storage::SelectHints& hints) override {
    ASSIGN_OR_RETURN(std::vector<uint32_t> refs, Matching(matchers));
    if (hints.limit != 0 && refs.size() > hints.limit) refs.resize(hints.limit);
    return std::make_unique<BlockSelection>(block_, std::move(refs), min_time_, max_time_);
  }

  base::Result<std::vector<std::string>> LabelNames(storage::Matchers matchers) override {
    const IndexReader& index = block_->index();
    std::vector<std::string> out;
    if (matchers.empty()) {
      for (const IndexReader::Name& name : index.names()) out.emplace_back(name.name);
      return out;
    }
    ASSIGN_OR_RETURN(const std::vector<uint32_t> refs, Matching(matchers));
    absl::flat_hash_set<uint32_t> names;
    std::vector<IndexReader::LabelPair> labels;
    for (const uint32_t ref : refs) {
      index.LabelsOf(ref, &labels);
      for (const auto& label : labels) names.insert(label.name);
    }
    for (const uint32_t name : names) out.emplace_back(index.Symbol(name));
    std::ranges::sort(out);
    return out;
  }

  base::Result<std::vector<std::string>> LabelValues(std::string_view name,
                                                     storage::Matchers matchers) override {
    const IndexReader& index = block_->index();
    std::vector<std::string> out;
    const IndexReader::Name* found = index.FindName(name);
    const auto symbol = index.FindSymbol(name);
    if (found == nullptr || !symbol) return out;
    if (matchers.empty()) {
      for (uint32_t i = 0; i < found->count; ++i) out.emplace_back(index.ValueAt(found->first + i));
      return out;
    }
    ASSIGN_OR_RETURN(const std::vector<uint32_t> refs, Matching(matchers));
    absl::flat_hash_set<uint32_t> values;
    for (const uint32_t ref : refs) {
      const uint32_t value = index.ValueOf(ref, *symbol);
      if (value < index.num_symbols()) values.insert(value);
    }
    for (const uint32_t value : values) out.emplace_back(index.Symbol(value));
    std::ranges::sort(out);
    return out;
  }

 private:
  // Selected by labels and with chunks in the querier's time.
  base::Result<std::vector<uint32_t>> Matching(storage::Matchers matchers) {
    ASSIGN_OR_RETURN(std::vector<uint32_t> refs, SelectPostings(block_->index(), matchers));
    if (!block_->tombstones().empty()) RETURN_IF_ERROR(DropDeleted(&refs));
    if (min_time_ <= block_->meta().min_time && max_time_ >= block_->meta().max_time - 1) {
      return refs;
    }
    std::vector<ChunkMeta> chunks;
    size_t kept = 0;
    for (size_t i = 0; i < refs.size(); ++i) {
      chunks.clear();
      RETURN_IF_ERROR(block_->index().ChunksOf(refs[i], min_time_, max_time_, &chunks));
      if (!chunks.empty()) refs[kept++] = refs[i];
    }
    refs.resize(kept);
    return refs;
  }

  base::Status DropDeleted(std::vector<uint32_t>* refs) {
    size_t kept = 0;
    for (const uint32_t ref : *refs) {
      ASSIGN_OR_RETURN(const bool gone, block_->AllDeleted(ref, min_time_, max_time_));
      if (!gone) (*refs)[kept++] = ref;
    }
    refs->resize(kept);
    return {};
  }

  const std::shared_ptr<const Block> block_;
  const model::Timestamp min_time_;
  const model::Timestamp max_time_;
};

}  // namespace

std::unique_ptr<storage::Querier> MakeBlockQuerier(std::shared_ptr<const Block> block,
                                                   model::Timestamp min_time,
                                                   model::Timestamp max_time) {
  return std::make_unique<BlockQuerier>(std::move(block), min_time, max_time);
}

}  // namespace tributary::tsdb

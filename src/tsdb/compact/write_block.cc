#include "tsdb/compact/write_block.h"

#include <algorithm>
#include <utility>

#include <absl/container/flat_hash_set.h>

#include "base/hash.h"
#include "tsdb/block/normalize_chunks.h"

namespace tributary::tsdb {
namespace {

using storage::SeriesSelection;

// All inputs at once, by labels.
class SeriesMerge {
 public:
  explicit SeriesMerge(const std::vector<const SeriesSelection*>& inputs) {
    for (const SeriesSelection* input : inputs) {
      if (input->size() != 0) cursors_.push_back({input, 0, input->LabelsOf(0)});
    }
  }

  // The next series and who has it, in the order of inputs. False at the end.
  bool Next(model::Labels* labels,
            std::vector<std::pair<const SeriesSelection*, size_t>>* sources) {
    const Cursor* least = nullptr;
    for (const Cursor& c : cursors_) {
      if (c.at < c.input->size() && (least == nullptr || c.labels < least->labels)) least = &c;
    }
    if (least == nullptr) return false;
    *labels = least->labels;
    sources->clear();
    for (Cursor& c : cursors_) {
      if (c.at == c.input->size() || c.labels != *labels) continue;
      sources->emplace_back(c.input, c.at);
      if (++c.at < c.input->size()) c.labels = c.input->LabelsOf(c.at);
    }
    return true;
  }

 private:
  struct Cursor {
    const SeriesSelection* input;
    size_t at;
    model::Labels labels;
  };
  std::vector<Cursor> cursors_;
};

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return base::Hash64(s); }
};

std::vector<std::string> SymbolsOf(const std::vector<const SeriesSelection*>& inputs) {
  absl::flat_hash_set<std::string, TextHash, std::equal_to<>> symbols;
  for (const SeriesSelection* input : inputs) {
    for (size_t i = 0; i < input->size(); ++i) {
      const model::Labels labels = input->LabelsOf(i);
      for (const model::Label& label : labels) {
        if (!symbols.contains(label.name)) symbols.emplace(label.name);
        if (!symbols.contains(label.value)) symbols.emplace(label.value);
      }
    }
  }
  std::vector<std::string> out;
  out.reserve(symbols.size());
  while (!symbols.empty()) out.push_back(std::move(symbols.extract(symbols.begin()).value()));
  std::ranges::sort(out);
  return out;
}

}  // namespace

base::Result<std::optional<BlockMeta>> WriteBlock(
    base::FileSystem& fs, WriteBlockOptions options,
    const std::vector<const SeriesSelection*>& inputs) {
  const TimeInterval range{options.meta.min_time, options.meta.max_time - 1};
  ASSIGN_OR_RETURN(const std::unique_ptr<BlockWriter> writer,
                   BlockWriter::Create(fs, options.parent, std::move(options.meta),
                                       SymbolsOf(inputs), options.max_chunk_file_bytes));
  SeriesMerge merge(inputs);
  model::Labels labels;
  std::vector<model::Label> span;
  std::vector<std::pair<const SeriesSelection*, size_t>> sources;
  std::vector<chunk::ChunkView> chunks;
  storage::ChunkBuffer buffer;
  bool any = false;
  while (merge.Next(&labels, &sources)) {
    if (options.stop != nullptr && options.stop->load(std::memory_order_relaxed)) {
      return base::Error(base::ErrorCode::kCancelled, "compaction was told to stop");
    }
    chunks.clear();
    buffer.Clear();
    for (const auto& [input, i] : sources) RETURN_IF_ERROR(input->Chunks(i, &buffer, &chunks));
    RETURN_IF_ERROR(NormalizeChunks(range, {}, &buffer, &chunks, options.xor2));
    if (chunks.empty()) continue;
    labels.ToSpan(&span);
    RETURN_IF_ERROR(writer->Add(span, chunks));
    any = true;
    if (options.on_chunk) {
      for (const chunk::ChunkView& chunk : chunks) options.on_chunk(chunk);
    }
  }
  if (!any) return std::optional<BlockMeta>();
  ASSIGN_OR_RETURN(BlockMeta written, writer->Finish());
  return std::optional<BlockMeta>(std::move(written));
}

}  // namespace tributary::tsdb

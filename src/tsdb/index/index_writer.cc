#include "tsdb/index/index_writer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "tsdb/wal/bytes.h"
#include "tsdb/wal/crc32c.h"

namespace tributary::tsdb {
namespace {

constexpr uint8_t kStringsInTableEntry = 2;

}  // namespace

IndexWriter::IndexWriter(base::FileSystem& fs, const std::string& path,
                         std::vector<std::string> symbols)
    : path_(path), symbols_(std::move(symbols)), file_(fs, path) {
  std::string header;
  ByteWriter writer(&header);
  writer.Be32(kIndexMagic);
  writer.Byte(kIndexVersion);
  file_.Append(header);
  symbol_numbers_.reserve(symbols_.size());
  for (uint32_t i = 0; i < symbols_.size(); ++i) symbol_numbers_.emplace(symbols_[i], i);
  symbols_at_ = file_.position();
  WriteSymbols();
  series_at_ = file_.position();
}

void IndexWriter::WriteSymbols() {
  std::string content;
  ByteWriter writer(&content);
  writer.Be32(static_cast<uint32_t>(symbols_.size()));
  for (const std::string& symbol : symbols_) writer.String(symbol);
  // A failure stays in file_ for AddSeries() and Finish().
  (void)WriteSection(content);
}

base::Status IndexWriter::WriteSection(std::string_view content) {
  if (content.size() > UINT32_MAX) {
    return base::ResourceExhausted(path_ + ": a section of the index would exceed 4 GiB");
  }
  std::string frame;
  ByteWriter writer(&frame);
  writer.Be32(static_cast<uint32_t>(content.size()));
  file_.Append(frame);
  file_.Append(content);
  frame.clear();
  writer.Be32(Crc32c(base::AsBytes(content)));
  file_.Append(frame);
  return file_.status();
}

base::Status IndexWriter::AddSeries(model::LabelSpan labels, std::span<const ChunkMeta> chunks) {
  file_.PadTo(kSeriesAlignment);
  const uint64_t ref = file_.position() / kSeriesAlignment;
  if (ref > UINT32_MAX) {
    return base::ResourceExhausted(path_ + ": the index would exceed 64 GiB");
  }
  scratch_.clear();
  current_.clear();
  ByteWriter writer(&scratch_);
  writer.Uvarint(labels.size());
  for (const model::Label& label : labels) {
    const auto name = symbol_numbers_.find(label.name);
    const auto value = symbol_numbers_.find(label.value);
    if (name == symbol_numbers_.end() || value == symbol_numbers_.end()) {
      return base::Internal(path_ + ": a label is missing from the symbols");
    }
    writer.Uvarint(name->second);
    writer.Uvarint(value->second);
    current_.push_back(name->second);
    current_.push_back(value->second);
    const auto [pair, added] = pair_numbers_.try_emplace(
        uint64_t{name->second} << 32 | value->second, static_cast<uint32_t>(pairs_.size()));
    if (added) pairs_.push_back({name->second, value->second});
    pairs_of_series_.push_back(pair->second);
  }
  // Symbols are in order, so their numbers compare as the labels do.
  if (!refs_.empty() && current_ <= previous_) {
    return base::Internal(path_ + ": series out of order");
  }
  std::swap(previous_, current_);
  writer.Uvarint(chunks.size());
  for (size_t i = 0; i < chunks.size(); ++i) {
    const ChunkMeta& chunk = chunks[i];
    const bool follows = i == 0 || chunk.min_time > chunks[i - 1].max_time;
    if (!follows || chunk.max_time < chunk.min_time) {
      return base::Internal(path_ + ": chunks out of order");
    }
    if (i == 0) {
      writer.Varint(chunk.min_time);
    } else {
      writer.Uvarint(static_cast<uint64_t>(chunk.min_time) -
                     static_cast<uint64_t>(chunks[i - 1].max_time));
    }
    writer.Uvarint(static_cast<uint64_t>(chunk.max_time) - static_cast<uint64_t>(chunk.min_time));
    if (i == 0) {
      writer.Uvarint(chunk.ref);
    } else {
      writer.Varint(static_cast<int64_t>(chunk.ref - chunks[i - 1].ref));
    }
  }
  std::string frame;
  ByteWriter frame_writer(&frame);
  frame_writer.Uvarint(scratch_.size());
  file_.Append(frame);
  writer.Be32(Crc32c(base::AsBytes(scratch_)));
  file_.Append(scratch_);
  refs_.push_back(static_cast<uint32_t>(ref));
  label_counts_.push_back(static_cast<uint32_t>(labels.size()));
  return file_.status();
}

std::vector<uint32_t> IndexWriter::PostingsByPair(std::vector<uint64_t>* first) const {
  first->assign(pairs_.size() + 1, 0);
  for (const uint32_t pair : pairs_of_series_) ++(*first)[pair + 1];
  std::partial_sum(first->begin(), first->end(), first->begin());
  std::vector<uint64_t> next(first->begin(), first->end() - 1);
  std::vector<uint32_t> postings(pairs_of_series_.size());
  size_t at = 0;
  for (size_t series = 0; series < refs_.size(); ++series) {
    for (uint32_t i = 0; i < label_counts_[series]; ++i) {
      postings[next[pairs_of_series_[at++]]++] = refs_[series];
    }
  }
  return postings;
}

base::Status IndexWriter::WritePostings(std::span<const uint32_t> refs, uint64_t* offset) {
  file_.PadTo(4);
  *offset = file_.position();
  scratch_.clear();
  ByteWriter writer(&scratch_);
  writer.Be32(static_cast<uint32_t>(refs.size()));
  for (const uint32_t ref : refs) writer.Be32(ref);
  return WriteSection(scratch_);
}

base::Status IndexWriter::Finish() {
  std::vector<uint64_t> first;
  const std::vector<uint32_t> postings = PostingsByPair(&first);
  std::vector<uint32_t> order(pairs_.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
    return pairs_[a].name != pairs_[b].name ? pairs_[a].name < pairs_[b].name
                                            : pairs_[a].value < pairs_[b].value;
  });

  const uint64_t postings_at = file_.position();
  std::string table;
  ByteWriter entries(&table);
  entries.Be32(static_cast<uint32_t>(pairs_.size() + 1));
  const auto add = [&](std::string_view name, std::string_view value,
                       std::span<const uint32_t> refs) -> base::Status {
    uint64_t offset = 0;
    RETURN_IF_ERROR(WritePostings(refs, &offset));
    entries.Byte(kStringsInTableEntry);
    entries.String(name);
    entries.String(value);
    entries.Uvarint(offset);
    return {};
  };
  RETURN_IF_ERROR(add("", "", refs_));
  for (const uint32_t pair : order) {
    const auto refs = std::span(postings).subspan(first[pair], first[pair + 1] - first[pair]);
    RETURN_IF_ERROR(add(symbols_[pairs_[pair].name], symbols_[pairs_[pair].value], refs));
  }
  const uint64_t table_at = file_.position();
  RETURN_IF_ERROR(WriteSection(table));

  std::string contents;
  ByteWriter writer(&contents);
  for (const uint64_t offset :
       {symbols_at_, series_at_, uint64_t{0}, uint64_t{0}, postings_at, table_at}) {
    writer.Be64(offset);
  }
  writer.Be32(Crc32c(base::AsBytes(contents)));
  file_.Append(contents);
  return file_.Finish();
}

}  // namespace tributary::tsdb

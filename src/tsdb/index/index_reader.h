// IndexReader: the index of a block, mapped. Symbols and the table of postings are walked once, at
// opening; 4 bytes are kept for each of their entries. Everything else is read where it stands.
//
// Damage is an Error of kCorruption that names file and offset, never a crash. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/index/index_format.h"
#include "tsdb/wal/bytes.h"

namespace tributary::tsdb {

// Refs of series, ascending, as they stand in the file.
class PostingList {
 public:
  PostingList() = default;
  explicit PostingList(base::Bytes refs) : refs_(refs) {}
  size_t size() const { return refs_.size() / 4; }
  uint32_t operator[](size_t i) const {
    uint32_t v;
    std::memcpy(&v, refs_.data() + i * 4, 4);
    return __builtin_bswap32(v);
  }

 private:
  base::Bytes refs_;
};

class IndexReader {
 public:
  // A label name and the places of its values in the table.
  struct Name {
    std::string_view name;
    uint32_t first = 0;
    uint32_t count = 0;
  };
  // Numbers of symbols.
  struct LabelPair {
    uint32_t name = 0;
    uint32_t value = 0;
  };

  // `path` is for error messages.
  static base::Result<std::unique_ptr<IndexReader>> Open(std::unique_ptr<base::MappedFile> file,
                                                         std::string path);

  // Views live as long as the reader.
  uint32_t num_symbols() const { return static_cast<uint32_t>(symbols_.size()); }
  std::string_view Symbol(uint32_t number) const;  // REQUIRES: number < num_symbols()
  std::optional<uint32_t> FindSymbol(std::string_view symbol) const;

  const std::vector<Name>& names() const { return names_; }  // ascending
  const Name* FindName(std::string_view name) const;         // null: no series has it
  // `place` is one of a name's [first, first + count); values ascend with it.
  std::string_view ValueAt(uint32_t place) const;
  std::optional<uint32_t> FindValue(const Name& name, std::string_view value) const;
  base::Result<PostingList> PostingsAt(uint32_t place) const;
  base::Result<PostingList> AllPostings() const;

  // The labels of a series, in order; checksum, order and symbols are verified. `body` is what the
  // two below read.
  base::Result<base::Bytes> ReadSeries(uint32_t ref, std::vector<LabelPair>* labels) const;
  // As ReadSeries(), of a series that it accepted before.
  void LabelsOf(uint32_t ref, std::vector<LabelPair>* labels) const;
  // Its value for the name, or num_symbols() when it has none; of a series that was accepted.
  uint32_t ValueOf(uint32_t ref, uint32_t name) const;
  // Appends the chunks that overlap [min_time, max_time].
  base::Status ChunksOf(uint32_t ref, int64_t min_time, int64_t max_time,
                        std::vector<ChunkMeta>* out) const;

  // As base::MappedFile.
  void ReleasePages() const { file_->ReleasePages(); }
  size_t size_bytes() const { return data_.size(); }
  // What is kept in memory beside the mapping.
  size_t memory_bytes() const { return (symbols_.capacity() + table_.capacity()) * 4; }

 private:
  struct TableEntry {
    std::string_view name;
    std::string_view value;
    uint64_t offset = 0;
  };

  IndexReader(std::unique_ptr<base::MappedFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)), data_(file_->data()) {}
  base::Status Load();
  base::Status LoadSymbols(uint64_t offset);
  base::Status LoadTable(uint64_t offset);
  // What a u32 length at `offset` counts, its checksum verified.
  base::Result<base::Bytes> Section(uint64_t offset, std::string_view what) const;
  // The body of a series, bounds-checked; empty when it cannot be one.
  base::Bytes SeriesBody(uint32_t ref, uint32_t* checksum) const;
  TableEntry EntryAt(uint32_t place) const;
  base::Result<PostingList> PostingsFrom(uint64_t offset) const;
  base::Error Damaged(std::string_view what, uint64_t offset) const;

  const std::unique_ptr<base::MappedFile> file_;
  const std::string path_;
  const base::Bytes data_;
  base::Bytes symbol_bytes_;
  base::Bytes table_bytes_;
  std::vector<uint32_t> symbols_;  // offsets into symbol_bytes_
  std::vector<uint32_t> table_;    // offsets into table_bytes_
  std::vector<Name> names_;
  std::optional<uint32_t> all_;  // place of the list of all series
};

}  // namespace tributary::tsdb

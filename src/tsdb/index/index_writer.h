// IndexWriter: writes the index of a block in one pass. Postings are kept in memory until Finish(),
// 8 bytes for each label of each series. Format: index_format.h. Thread-compatible.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/result.h"
#include "model/labels.h"
#include "tsdb/index/buffered_file.h"
#include "tsdb/index/index_format.h"

namespace tributary::tsdb {

class IndexWriter {
 public:
  // `symbols`: all label names and values that will come, ascending, each once.
  IndexWriter(base::FileSystem& fs, const std::string& path, std::vector<std::string> symbols);

  // Series come in the order of their labels; `chunks` by time, not overlapping.
  base::Status AddSeries(model::LabelSpan labels, std::span<const ChunkMeta> chunks);
  // Writes the rest and syncs.
  base::Status Finish();

 private:
  struct ViewHash {
    size_t operator()(std::string_view s) const { return base::Hash64(s); }
  };
  // A label pair, as two symbols.
  struct Pair {
    uint32_t name;
    uint32_t value;
  };

  void WriteSymbols();
  // The refs of the series that have each pair, pair by pair; pair i has those from (*first)[i] on.
  std::vector<uint32_t> PostingsByPair(std::vector<uint64_t>* first) const;
  base::Status WritePostings(std::span<const uint32_t> refs, uint64_t* offset);
  // A length, `content` and its checksum.
  base::Status WriteSection(std::string_view content);

  const std::string path_;
  const std::vector<std::string> symbols_;
  absl::flat_hash_map<std::string_view, uint32_t, ViewHash> symbol_numbers_;
  BufferedFile file_;
  std::string scratch_;
  std::vector<uint32_t> previous_;  // labels of the last series, as symbols
  std::vector<uint32_t> current_;
  std::vector<uint32_t> refs_;             // of all series, ascending
  std::vector<uint32_t> label_counts_;     // of each series
  std::vector<uint32_t> pairs_of_series_;  // numbers of pairs, series by series
  absl::flat_hash_map<uint64_t, uint32_t> pair_numbers_;
  std::vector<Pair> pairs_;
  uint64_t symbols_at_ = 0;
  uint64_t series_at_ = 0;
};

}  // namespace tributary::tsdb

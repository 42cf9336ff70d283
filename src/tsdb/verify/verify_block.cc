#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "model/sample.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/block/chunk_files.h"
#include "tsdb/block/stored_sample.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/index/index_reader.h"
#include "tsdb/verify/verify.h"

namespace tributary::tsdb {
namespace {

class BlockVerifier {
 public:
  BlockVerifier(base::FileSystem& fs, const std::string& dir, const ProblemReport& report,
                VerifySummary* summary)
      : fs_(fs),
        dir_(dir),
        index_path_(base::JoinPath(dir, "index")),
        report_(report),
        summary_(*summary) {}

  void Run() {
    ++summary_.blocks;
    auto meta = ReadBlockMeta(fs_, dir_);
    if (!meta) return Tell(meta.error());
    meta_ = *meta;
    if (base::BaseName(dir_) != meta_.ulid) {
      Tell(base::JoinPath(dir_, kMetaFile) + ": is of a block " + meta_.ulid);
    }
    auto file = fs_.Map(index_path_);
    if (!file) return Tell(file.error());
    auto index = IndexReader::Open(*std::move(file), index_path_);
    if (!index) return Tell(index.error());
    index_ = *std::move(index);
    auto chunks = ChunkFileReader::Open(fs_, base::JoinPath(dir_, kChunksDir));
    if (!chunks) return Tell(chunks.error());
    chunks_ = *std::move(chunks);
    SeriesOfIndex();
    Postings();
    Tombs();
    Stats();
  }

 private:
  void Tell(const std::string& problem) { report_(problem); }
  void Tell(const base::Error& error) { report_(error.message()); }
  void TellSeries(uint32_t ref, std::string_view what) {
    Tell(fmt::format("{}:{}: {}", index_path_, uint64_t{ref} * kSeriesAlignment, what));
  }

  void SeriesOfIndex() {
    const auto all = index_->AllPostings();
    if (!all) return Tell(all.error());
    std::vector<IndexReader::LabelPair> labels, before;
    std::vector<ChunkMeta> chunks;
    for (size_t i = 0; i < all->size(); ++i) {
      const uint32_t ref = (*all)[i];
      if (!refs_.empty() && ref <= refs_.back()) {
        TellSeries(ref, "the list of all series does not ascend here");
        continue;
      }
      if (const auto read = index_->ReadSeries(ref, &labels); !read) {
        Tell(read.error());
        continue;
      }
      refs_.push_back(ref);
      ++summary_.series;
      label_pairs_ += labels.size();
      // Symbols are sorted: their numbers compare as the texts do.
      const auto key = [](const IndexReader::LabelPair& l) { return std::pair(l.name, l.value); };
      if (i > 0 && !std::ranges::lexicographical_compare(before, labels, {}, key, key)) {
        TellSeries(ref, "series out of order, or twice");
      }
      before = labels;
      chunks.clear();
      if (const auto read = index_->ChunksOf(ref, model::kMinTime, model::kMaxTime, &chunks);
          !read) {
        Tell(read.error());
        continue;
      }
      if (chunks.empty()) TellSeries(ref, "series without chunks");
      for (size_t c = 0; c < chunks.size(); ++c) {
        if (c > 0 && chunks[c].min_time <= chunks[c - 1].max_time) {
          TellSeries(ref, fmt::format("chunk {} begins before the one before it ends", c));
        }
        Chunk(ref, chunks[c]);
      }
    }
  }

  void Chunk(uint32_t ref, const ChunkMeta& meta) {
    ++summary_.chunks;
    ++num_chunks_;
    const auto view = chunks_->Get(meta);
    if (!view) return Tell(view.error());
    const std::string where = fmt::format("{}:{}", PathOfChunk(meta.ref), meta.ref & UINT32_MAX);
    std::vector<StoredSample> samples;
    if (const auto read = DecodeSamples(*view, {model::kMinTime, model::kMaxTime}, &samples);
        !read) {
      return Tell(where + ": " + read.error().message());
    }
    summary_.samples += samples.size();
    num_samples_ += samples.size();
    if (samples.empty()) return Tell(where + ": chunk without samples");
    for (size_t i = 1; i < samples.size(); ++i) {
      if (samples[i].t <= samples[i - 1].t) {
        return Tell(fmt::format("{}: sample {} is not later than the one before", where, i));
      }
    }
    if (samples.front().t != meta.min_time || samples.back().t != meta.max_time) {
      TellSeries(ref,
                 fmt::format("says [{}, {}] of the chunk at {}, which has [{}, {}]", meta.min_time,
                             meta.max_time, where, samples.front().t, samples.back().t));
    }
    if (meta.min_time < meta_.min_time || meta.max_time >= meta_.max_time) {
      Tell(where + ": chunk outside of the block's times");
    }
  }

  std::string PathOfChunk(uint64_t ref) const {
    return base::JoinPath(base::JoinPath(dir_, kChunksDir), fmt::format("{:06}", (ref >> 32) + 1));
  }

  // Every entry stands for a label of a series, and there are as many entries as labels: then every
  // label has its entry.
  void Postings() {
    uint64_t entries = 0;
    for (const IndexReader::Name& name : index_->names()) {
      if (name.name.empty()) continue;
      const auto name_symbol = index_->FindSymbol(name.name);
      for (uint32_t i = 0; i < name.count; ++i) {
        const std::string_view value = index_->ValueAt(name.first + i);
        const std::string pair = fmt::format("{}=\"{}\"", name.name, value);
        const auto list = index_->PostingsAt(name.first + i);
        if (!list) {
          Tell(list.error());
          continue;
        }
        entries += list->size();
        const auto symbol = index_->FindSymbol(value);
        if (!name_symbol || !symbol) {
          Tell(index_path_ + ": postings of " + pair + ", which is no symbol");
          continue;
        }
        for (size_t k = 0; k < list->size(); ++k) {
          const uint32_t ref = (*list)[k];
          if (k > 0 && ref <= (*list)[k - 1]) {
            TellSeries(ref, "the postings of " + pair + " do not ascend here");
          } else if (!std::ranges::binary_search(refs_, ref)) {
            TellSeries(ref, "postings of " + pair + " name a series that is not there");
          } else if (index_->ValueOf(ref, *name_symbol) != *symbol) {
            TellSeries(ref, "postings of " + pair + " name a series that has not this label");
          }
        }
      }
    }
    summary_.postings += entries;
    if (entries != label_pairs_) {
      Tell(fmt::format("{}: {} postings for {} labels of series", index_path_, entries,
                       label_pairs_));
    }
  }

  void Tombs() {
    const auto tombstones = ReadTombstones(fs_, dir_);
    if (!tombstones) return Tell(tombstones.error());
    for (const auto& [ref, intervals] : *tombstones) {
      if (ref > UINT32_MAX || !std::ranges::binary_search(refs_, static_cast<uint32_t>(ref))) {
        Tell(fmt::format("{}: deletes from series {}, which is not there",
                         base::JoinPath(dir_, kTombstonesFile), ref));
      }
    }
  }

  void Stats() {
    const auto check = [&](std::string_view what, uint64_t said, uint64_t found) {
      if (said == found) return;
      Tell(fmt::format("{}: says {} {}, there are {}", base::JoinPath(dir_, kMetaFile), said, what,
                       found));
    };
    check("series", meta_.stats.num_series, refs_.size());
    check("chunks", meta_.stats.num_chunks, num_chunks_);
    check("samples", meta_.stats.num_samples, num_samples_);
  }

  base::FileSystem& fs_;
  const std::string& dir_;
  const std::string index_path_;
  const ProblemReport& report_;
  VerifySummary& summary_;
  BlockMeta meta_;
  std::unique_ptr<IndexReader> index_;
  std::unique_ptr<ChunkFileReader> chunks_;
  std::vector<uint32_t> refs_;  // that can be read, ascending
  uint64_t label_pairs_ = 0;
  uint64_t num_chunks_ = 0;
  uint64_t num_samples_ = 0;
};

}  // namespace

void VerifyBlock(base::FileSystem& fs, const std::string& dir, const ProblemReport& report,
                 VerifySummary* summary) {
  BlockVerifier(fs, dir, report, summary).Run();
}

}  // namespace tributary::tsdb

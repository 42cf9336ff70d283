// tsdb analyze. Of equal numbers promtool prints any first; here names decide.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "app/tool/tsdb_tool.h"
#include "chunk/histogram_reader.h"
#include "chunk/xor_chunk.h"
#include "promql/parse/parser.h"
#include "tsdb/block/stored_sample.h"
#include "tsdb/index/select_postings.h"

namespace tributary::app {
namespace {

using Counts = std::map<std::string, uint64_t>;

std::string Largest(const Counts& counts, size_t limit) {
  std::vector<std::pair<uint64_t, std::string_view>> rows;
  for (const auto& [key, count] : counts) rows.emplace_back(count, key);
  std::ranges::stable_sort(rows, std::ranges::greater(),
                           &std::pair<uint64_t, std::string_view>::first);
  if (rows.size() > limit) rows.resize(limit);
  std::string out;
  for (const auto& [count, key] : rows) out += fmt::format("{} {}\n", count, key);
  return out;
}

// A histogram in characters, with buckets of ten, a hundred, … as wide as the data asks for.
std::string Picture(std::string_view what, std::vector<int64_t> values, int64_t total) {
  if (values.empty()) return fmt::format("{}: N/A\n\n", what);
  std::ranges::sort(values);
  const int64_t least = values.front();
  const int64_t most = values.back();
  int64_t step = 10;
  while (step < (most - least) / 10 && step <= 10'000) step *= 10;
  const int64_t start = least - least % step;
  const int64_t end = most - most % step + step;
  std::vector<int64_t> buckets(static_cast<size_t>((end - start) / step + 1));
  int64_t sum = 0;
  for (const int64_t value : values) {
    sum += value;
    ++buckets[static_cast<size_t>((value - start) / step)];
  }
  const auto digits = [](int64_t n) { return std::to_string(n).size(); };
  std::string out = fmt::format("{} (min/avg/max): {}/{}/{}\n", what, least,
                                sum / static_cast<int64_t>(values.size()), most);
  for (size_t i = 0; i < buckets.size(); ++i) {
    const int64_t left = static_cast<int64_t>(i) * step + start;
    out += fmt::format("[{:{}}, {:{}}]: {:{}} {}\n", left + 1, digits(end), left + step,
                       digits(end + step), buckets[i], digits(*std::ranges::max_element(buckets)),
                       std::string(static_cast<size_t>(100 * buckets[i] / total), '#'));
  }
  return out + "\n";
}

class Analysis {
 public:
  Analysis(const tsdb::Block& block, size_t limit) : block_(block), limit_(limit) {}

  base::Status Run(const std::string& match, bool extended, const Print& print) {
    const tsdb::BlockMeta& meta = block_.meta();
    const int64_t span = meta.max_time - meta.min_time;
    print(fmt::format("Block ID: {}\nDuration: {}\nTotal Series: {}\n", meta.ulid, GoDuration(span),
                      meta.stats.num_series));
    std::vector<model::Matcher> matchers;
    if (!match.empty()) {
      ASSIGN_OR_RETURN(matchers, promql::ParseMetricSelector(match));
      print(fmt::format("Matcher: {}\n", match));
    }
    ASSIGN_OR_RETURN(refs_, tsdb::SelectPostings(block_.index(), matchers));
    RETURN_IF_ERROR(Read());
    print(fmt::format("Label names: {}\n", values_.size()));
    if (!match.empty()) print(fmt::format("Matched series: {}\n", refs_.size()));
    print(fmt::format("Postings (unique label pairs): {}\n", pairs_.size()));
    print(fmt::format("Postings entries (total label pairs): {}\n", entries_));

    const auto of_span = [&](uint64_t uncovered) {
      return static_cast<uint64_t>(static_cast<double>(uncovered) / static_cast<double>(span));
    };
    Counts churning_pairs, churning_names, common, lengths, cardinality, metrics;
    for (const auto& [pair, series] : pairs_) {
      churning_pairs[pair] = of_span(series.uncovered);
      common[pair] = series.count;
    }
    for (const auto& [name, uncovered] : uncovered_by_name_)
      churning_names[name] = of_span(uncovered);
    for (const auto& [name, values] : values_) {
      for (const std::string_view value : values) lengths[name] += value.size();
      cardinality[name] = values.size();
    }
    for (const auto& [pair, series] : pairs_) {
      constexpr std::string_view kName = "__name__=";
      if (pair.starts_with(kName)) metrics[pair.substr(kName.size())] = series.count;
    }
    print("\nLabel pairs most involved in churning:\n" + Largest(churning_pairs, limit_));
    print("\nLabel names most involved in churning:\n" + Largest(churning_names, limit_));
    print("\nMost common label pairs:\n" + Largest(common, limit_));
    print("\nLabel names with highest cumulative label value length:\n" + Largest(lengths, limit_));
    print("\nHighest cardinality labels:\n" + Largest(cardinality, limit_));
    print("\nHighest cardinality metric names:\n" + Largest(metrics, limit_));
    return extended ? Chunks(print) : base::Status();
  }

 private:
  struct Pair {
    uint64_t count = 0;
    uint64_t uncovered = 0;  // ms of the block in which its series have no samples, added up
  };

  base::Status Read() {
    const tsdb::IndexReader& index = block_.index();
    const auto span = static_cast<uint64_t>(block_.meta().max_time - block_.meta().min_time);
    std::vector<tsdb::IndexReader::LabelPair> labels;
    std::vector<tsdb::ChunkMeta> chunks;
    for (const uint32_t ref : refs_) {
      index.LabelsOf(ref, &labels);
      chunks.clear();
      RETURN_IF_ERROR(index.ChunksOf(ref, model::kMinTime, model::kMaxTime, &chunks));
      const uint64_t uncovered =
          chunks.empty()
              ? span
              : span - static_cast<uint64_t>(chunks.back().max_time - chunks.front().min_time);
      for (const auto& [name, value] : labels) {
        const std::string name_text(index.Symbol(name));
        Pair& pair = pairs_[fmt::format("{}={}", name_text, index.Symbol(value))];
        ++pair.count;
        pair.uncovered += uncovered;
        uncovered_by_name_[name_text] += uncovered;
        values_[name_text].insert(index.Symbol(value));
        ++entries_;
      }
    }
    return {};
  }

  base::Status Chunks(const Print& print) {
    std::vector<int64_t> float_samples, float_bytes, histogram_samples, histogram_bytes, buckets;
    int64_t total = 0;
    storage::ChunkBuffer buffer;
    std::vector<chunk::ChunkView> chunks;
    for (const uint32_t ref : refs_) {
      chunks.clear();
      buffer.Clear();
      RETURN_IF_ERROR(block_.Chunks(ref, model::kMinTime, model::kMaxTime, &buffer, &chunks));
      for (const chunk::ChunkView& view : chunks) {
        ++total;
        const auto samples = static_cast<int64_t>(chunk::ChunkNumSamples(view.data));
        const auto bytes = static_cast<int64_t>(view.data.size());
        if (view.encoding == chunk::Encoding::kXor || view.encoding == chunk::Encoding::kXor2) {
          float_samples.push_back(samples);
          float_bytes.push_back(bytes);
          continue;
        }
        histogram_samples.push_back(samples);
        histogram_bytes.push_back(bytes);
        ASSIGN_OR_RETURN(const int64_t count, BucketsIn(view));
        buckets.push_back(count);
      }
    }
    print("\nCompaction analysis:\n\n");
    print(Picture("samples per float chunk", std::move(float_samples), total));
    print(Picture("bytes per float chunk", std::move(float_bytes), total));
    print(Picture("samples per histogram chunk", std::move(histogram_samples), total));
    print(Picture("bytes per histogram chunk", std::move(histogram_bytes), total));
    print(Picture("buckets per histogram chunk", std::move(buckets), total));
    return {};
  }

  static base::Result<int64_t> BucketsIn(const chunk::ChunkView& view) {
    std::vector<tsdb::StoredSample> samples;
    RETURN_IF_ERROR(tsdb::DecodeSamples(view, {model::kMinTime, model::kMaxTime}, &samples));
    size_t count = 0;
    const auto add = [&](const auto& h) {
      count += h.positive_buckets.size() + h.negative_buckets.size();
    };
    for (const tsdb::StoredSample& sample : samples) {
      if (const auto* h = std::get_if<std::unique_ptr<model::Histogram>>(&sample.value)) add(**h);
      if (const auto* h = std::get_if<std::unique_ptr<model::FloatHistogram>>(&sample.value)) {
        add(**h);
      }
    }
    return static_cast<int64_t>(count);
  }

  const tsdb::Block& block_;
  const size_t limit_;
  std::vector<uint32_t> refs_;
  std::map<std::string, Pair> pairs_;  // by "name=value"
  std::map<std::string, uint64_t> uncovered_by_name_;
  std::map<std::string, std::set<std::string_view>> values_;
  uint64_t entries_ = 0;
};

}  // namespace

base::Status AnalyzeBlock(Arguments arguments, base::FileSystem& fs, const Print& print) {
  const bool extended = arguments.Flag("extended");
  ASSIGN_OR_RETURN(const int64_t limit, arguments.Int("limit", 20));
  ASSIGN_OR_RETURN(const std::string match, arguments.Text("match", ""));
  ASSIGN_OR_RETURN(const std::vector<std::string> rest, arguments.Rest(2));
  const std::string dir = rest.empty() ? "data/" : rest[0];
  ASSIGN_OR_RETURN(const auto blocks, OpenBlocks(fs, dir));
  if (blocks.empty()) return base::NotFound(dir + " has no blocks");
  auto block = std::ranges::max_element(
      blocks, {}, [](const auto& b) -> const std::string& { return b->meta().ulid; });
  if (rest.size() == 2) {
    block = std::ranges::find_if(blocks, [&](const auto& b) { return b->meta().ulid == rest[1]; });
    if (block == blocks.end()) return base::NotFound(dir + " has no block " + rest[1]);
  }
  return Analysis(**block, static_cast<size_t>(std::max<int64_t>(0, limit)))
      .Run(match, extended, print);
}

}  // namespace tributary::app

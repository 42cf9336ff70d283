// tsdb dump and dump-openmetrics, sorted by labels.
#include <set>

#include <fmt/format.h>

#include "app/tool/tsdb_tool.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/strings.h"
#include "base/threads.h"
#include "model/float_histogram.h"
#include "promql/parse/parser.h"
#include "storage/merge_selection.h"
#include "tsdb/block/normalize_chunks.h"
#include "tsdb/block/stored_sample.h"
#include "tsdb/block/ulid.h"
#include "tsdb/tsdb.h"
#include "wire/json_writer.h"

namespace tributary::app {
namespace {

using Querier = std::unique_ptr<storage::Querier>;

// What the logs of a store hold, opened in a copy: replay repairs and writes, which is not to
// happen to the store itself, whose server may be running.
class Sandbox {
 public:
  Sandbox(base::FileSystem& fs, const std::string& root)
      : fs_(fs), dir_(base::JoinPath(root, "tmp_dump_" + tsdb::MakeUlid(clock_.NowMs()))) {}
  ~Sandbox() {
    db_.reset();
    (void)fs_.RemoveAll(dir_);
  }

  base::Status Open(const std::string& store) {
    for (const char* part : {"wal", "wbl", "chunks_head", "intake"}) {
      RETURN_IF_ERROR(Copy(base::JoinPath(store, part), base::JoinPath(dir_, part)));
    }
    tsdb::DbOptions options;
    options.path = dir_;
    options.retention_time_ms = 0;
    options.out_of_order_window_ms = 1;  // so that wbl/ is read
    options.compaction_poll_ms = INT32_MAX;
    RETURN_IF_ERROR(fs_.CreateDirs(dir_));
    ASSIGN_OR_RETURN(db_, tsdb::Db::Open(options, fs_, clock_, pool_, metrics_));
    return db_->Replay();
  }
  base::Result<Querier> NewQuerier(int64_t min_time, int64_t max_time) {
    return db_->NewQuerier(min_time, max_time);
  }

 private:
  base::Status Copy(const std::string& from, const std::string& to) {
    ASSIGN_OR_RETURN(const bool exists, fs_.Exists(from));
    if (!exists) return {};
    RETURN_IF_ERROR(fs_.CreateDirs(to));
    ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs_.List(from));
    for (const base::DirEntry& entry : entries) {
      const std::string source = base::JoinPath(from, entry.name);
      const std::string target = base::JoinPath(to, entry.name);
      if (entry.is_directory) {
        RETURN_IF_ERROR(Copy(source, target));
        continue;
      }
      ASSIGN_OR_RETURN(const auto mapped, fs_.Map(source));
      ASSIGN_OR_RETURN(const auto file, fs_.Create(target));
      RETURN_IF_ERROR(file->Append(mapped->data()));
    }
    return {};
  }

  base::FileSystem& fs_;
  const base::Clock& clock_ = base::SystemClock();
  base::ThreadPool pool_{"replay", 0};
  base::MetricsRegistry metrics_;
  const std::string dir_;
  std::unique_ptr<tsdb::Db> db_;
};

// Go's fmt of the two kinds of histograms.
std::string TextOf(const model::FloatHistogram& h) { return model::ToString(h); }
std::string TextOf(const model::Histogram& h) {
  const std::string text = model::ToString(model::ToFloat(h));
  return fmt::format("{{count:{}{}", h.count, text.substr(text.find(',')));
}

class Dump {
 public:
  Dump(std::string format, const Print& print) : format_(std::move(format)), print_(print) {}

  base::Status Write(const storage::SeriesSelection& series, tsdb::TimeInterval time) {
    storage::ChunkBuffer buffer;
    std::vector<chunk::ChunkView> chunks;
    std::vector<tsdb::StoredSample> samples;
    for (size_t i = 0; i < series.size(); ++i) {
      chunks.clear();
      buffer.Clear();
      samples.clear();
      RETURN_IF_ERROR(series.Chunks(i, &buffer, &chunks));
      RETURN_IF_ERROR(tsdb::NormalizeChunks(time, {}, &buffer, &chunks));
      for (const chunk::ChunkView& view : chunks) {
        RETURN_IF_ERROR(tsdb::DecodeSamples(view, time, &samples));
      }
      const model::Labels labels = series.LabelsOf(i);
      if (format_ == "seriesjson") {
        WriteJson(labels);
      } else if (format_ == "openmetrics") {
        WriteOpenMetrics(labels, samples);
      } else {
        WriteSamples(labels, samples);
      }
      if (text_.size() > kFlushBytes) Flush();
    }
    return {};
  }
  void End() {
    if (format_ == "openmetrics") text_ += "# EOF\n";
    Flush();
  }

 private:
  static constexpr size_t kFlushBytes = 64 * 1024;

  void WriteSamples(const model::Labels& labels, const std::vector<tsdb::StoredSample>& samples) {
    const std::string name = labels.ToString();
    for (const tsdb::StoredSample& sample : samples) {
      text_ +=
          fmt::format("{} {} {}\n", name,
                      std::visit([](const auto& v) { return Value(v); }, sample.value), sample.t);
    }
  }
  static std::string Value(double v) { return base::FormatFloatG(v); }
  template <class H>
  static std::string Value(const std::unique_ptr<H>& h) {
    return TextOf(*h);
  }

  // Ends at the first sample that is no float, as promtool does.
  void WriteOpenMetrics(const model::Labels& labels,
                        const std::vector<tsdb::StoredSample>& samples) {
    std::string name(labels.Get(model::kMetricName));
    name += '{';
    for (const model::Label& label : labels) {
      if (label.name == model::kMetricName) continue;
      if (!name.ends_with('{')) name += ',';
      name += fmt::format("{}={}", label.name, base::Quote(label.value));
    }
    name += '}';
    for (const tsdb::StoredSample& sample : samples) {
      const double* v = std::get_if<double>(&sample.value);
      if (v == nullptr) return;
      text_ += fmt::format("{} {} {:.3f}\n", name, base::FormatFloatG(*v),
                           static_cast<double>(sample.t) / 1000);
    }
  }

  void WriteJson(const model::Labels& labels) {
    std::string line;
    wire::JsonWriter json(&line);
    json.BeginObject();
    for (const model::Label& label : labels) {
      json.Key(label.name);
      json.String(label.value);
    }
    json.EndObject();
    text_ += line + "\n";
  }

  void Flush() {
    print_(text_);
    text_.clear();
  }

  const std::string format_;
  const Print& print_;
  std::string text_;
};

}  // namespace

base::Status DumpStore(Arguments arguments, base::FileSystem& fs, const Print& print,
                       bool open_metrics) {
  ASSIGN_OR_RETURN(const int64_t min_time, arguments.Int("min-time", model::kMinTime));
  ASSIGN_OR_RETURN(const int64_t max_time, arguments.Int("max-time", model::kMaxTime));
  ASSIGN_OR_RETURN(std::string root, arguments.Text("sandbox-dir-root", ""));
  ASSIGN_OR_RETURN(std::string format, arguments.Text("format", "prom"));
  ASSIGN_OR_RETURN(std::vector<std::string> matches, arguments.All("match"));
  ASSIGN_OR_RETURN(const std::vector<std::string> rest, arguments.Rest(1));
  const std::string dir = rest.empty() ? "data/" : rest[0];
  if (root.empty()) root = dir;
  if (open_metrics) format = "openmetrics";
  if (matches.empty()) matches.emplace_back("{__name__=~'(?s:.*)'}");
  if (format != "prom" && format != "seriesjson" && format != "openmetrics") {
    return base::InvalidArgument("--format: " + base::Quote(format) +
                                 " is neither prom nor seriesjson");
  }
  ASSIGN_OR_RETURN(const auto blocks, OpenBlocks(fs, dir));
  std::vector<Querier> parts;
  for (const auto& block : blocks) {
    ASSIGN_OR_RETURN(Querier querier, block->NewQuerier(min_time, max_time));
    parts.push_back(std::move(querier));
  }
  Sandbox sandbox(fs, root);
  RETURN_IF_ERROR(sandbox.Open(dir));
  ASSIGN_OR_RETURN(Querier head, sandbox.NewQuerier(min_time, max_time));
  parts.push_back(std::move(head));
  std::vector<std::unique_ptr<storage::SeriesSelection>> selections;
  for (const Querier& part : parts) {
    for (const std::string& match : matches) {
      ASSIGN_OR_RETURN(const std::vector<model::Matcher> matchers,
                       promql::ParseMetricSelector(match));
      ASSIGN_OR_RETURN(auto selection, part->Select(matchers, {}));
      selections.push_back(std::move(selection));
    }
  }
  const auto all = storage::MergeSelections(std::move(selections));
  Dump dump(format, print);
  RETURN_IF_ERROR(dump.Write(*all, {min_time, max_time}));
  dump.End();
  return {};
}

}  // namespace tributary::app

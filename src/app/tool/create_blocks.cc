// tsdb create-blocks-from openmetrics.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "app/tool/tsdb_tool.h"
#include "base/clock.h"
#include "base/strings.h"
#include "storage/memory_store.h"
#include "tsdb/block/ulid.h"
#include "tsdb/compact/compact_plan.h"
#include "tsdb/compact/write_block.h"
#include "wire/text_parser.h"

namespace tributary::app {
namespace {

constexpr int64_t kBlockMs = 2ll * 3600 * 1000;

// The greatest of Prometheus's first block ranges that `wanted` allows.
int64_t BlockDuration(int64_t wanted) {
  int64_t duration = kBlockMs;
  for (int i = 1; i < 10 && duration * 3 <= wanted; ++i) duration *= 3;
  return duration;
}

using Samples = std::map<model::Labels, std::vector<model::Sample>>;

class Importer {
 public:
  Importer(base::FileSystem& fs, std::string dir, std::string_view text,
           std::vector<model::Label> extra)
      : fs_(fs), dir_(std::move(dir)), text_(text), extra_(std::move(extra)) {}

  // The times of the first and the last sample; min > max when there is none.
  base::Result<tsdb::TimeInterval> Span() const {
    tsdb::TimeInterval span{INT64_MAX, INT64_MIN};
    const auto note = [&](wire::ExpositionParser&, int64_t t) -> base::Status {
      span = {std::min(span.min, t), std::max(span.max, t)};
      return {};
    };
    RETURN_IF_ERROR(Each(note));
    return span;
  }

  // The block of samples in [begin, end); nothing when there is none. `next` becomes the time of
  // the earliest sample after it.
  base::Result<std::optional<tsdb::BlockMeta>> Write(int64_t begin, int64_t end, int64_t* next) {
    *next = INT64_MAX;
    Samples samples;
    std::vector<model::Label> span;
    model::LabelsBuilder builder;
    const auto take = [&](wire::ExpositionParser& parser, int64_t t) -> base::Status {
      if (t >= end) *next = std::min(*next, t);
      if (t < begin || t >= end) return {};
      RETURN_IF_ERROR(parser.Labels(&span));
      builder.Reset(span);
      for (const model::Label& label : extra_) builder.Set(label.name, label.value);
      model::Labels labels = builder.Build();
      std::vector<model::Sample>& list = samples[labels];
      if (!list.empty() && t <= list.back().t) {
        return base::InvalidArgument(
            fmt::format("add sample: {} at {} is out of order", labels.ToString(), t));
      }
      list.push_back({t, parser.value()});
      return {};
    };
    RETURN_IF_ERROR(Each(take));
    storage::MemoryStore store;
    tsdb::BlockMeta meta{.ulid = tsdb::MakeUlid(base::SystemClock().NowMs()),
                         .min_time = INT64_MAX,
                         .max_time = INT64_MIN};
    meta.sources = {meta.ulid};
    for (const auto& [labels, list] : samples) {
      RETURN_IF_ERROR(store.Add(labels, list));
      meta.min_time = std::min(meta.min_time, list.front().t);
      meta.max_time = std::max(meta.max_time, list.back().t + 1);
    }
    if (samples.empty()) return std::optional<tsdb::BlockMeta>();
    ASSIGN_OR_RETURN(const auto querier, store.NewQuerier(begin, end));
    ASSIGN_OR_RETURN(const auto selection, querier->Select({}, {}));
    return tsdb::WriteBlock(fs_, {.parent = dir_, .meta = std::move(meta)}, {selection.get()});
  }

 private:
  template <class Fn>
  base::Status Each(const Fn& visit) const {
    const auto parser = wire::NewOpenMetricsParser(text_);
    for (;;) {
      auto kind = parser->Next();
      if (!kind) return kind.error().Context("parse");
      if (*kind == wire::EntryKind::kEnd) return {};
      if (*kind != wire::EntryKind::kSample) continue;
      const auto t = parser->timestamp();
      if (!t) {
        return base::InvalidArgument(
            fmt::format("expected timestamp for series {}, got none", parser->series_text()));
      }
      RETURN_IF_ERROR(visit(*parser, *t));
    }
  }

  base::FileSystem& fs_;
  const std::string dir_;
  const std::string_view text_;
  const std::vector<model::Label> extra_;
};

}  // namespace

base::Status CreateBlocks(Arguments arguments, base::FileSystem& fs, const Print& print) {
  const bool human = arguments.Flag("human-readable", "r");
  const bool quiet = arguments.Flag("quiet", "q");
  ASSIGN_OR_RETURN(const int64_t wanted, arguments.DurationMs("max-block-duration", kBlockMs));
  ASSIGN_OR_RETURN(const std::vector<std::string> labels, arguments.All("label"));
  ASSIGN_OR_RETURN(const std::vector<std::string> rest, arguments.Rest(3));
  if (rest.size() < 2 || rest[0] != "openmetrics") {
    return base::InvalidArgument("create-blocks-from needs: openmetrics FILE [DIR]");
  }
  const std::string dir = rest.size() > 2 ? rest[2] : "data/";
  std::vector<model::Label> extra;
  for (const std::string& label : labels) {
    const size_t equal = label.find('=');
    if (equal == std::string::npos || equal == 0) {
      return base::InvalidArgument("--label: expected NAME=VALUE, got " + base::Quote(label));
    }
    extra.push_back(
        {std::string_view(label).substr(0, equal), std::string_view(label).substr(equal + 1)});
  }
  ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(rest[1]));
  RETURN_IF_ERROR(fs.CreateDirs(dir));
  Importer importer(fs, dir, text, std::move(extra));
  ASSIGN_OR_RETURN(const tsdb::TimeInterval span, importer.Span());
  const int64_t duration = BlockDuration(wanted);
  bool header = true;
  int64_t next = 0;
  for (int64_t begin = span.min; begin <= span.max && begin != INT64_MAX; begin = next) {
    const int64_t end = tsdb::AlignedEnd(begin, duration);
    ASSIGN_OR_RETURN(const auto written, importer.Write(end - duration, end, &next));
    if (!written || quiet) continue;
    ASSIGN_OR_RETURN(auto block, tsdb::Block::Open(fs, base::JoinPath(dir, written->ulid)));
    print(BlockTable({std::move(block)}, header, human));
    header = false;
  }
  return {};
}

}  // namespace tributary::app

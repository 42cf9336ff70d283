#include "tsdb/block/block_meta.h"

#include <algorithm>

#include "base/strings.h"
#include "tsdb/block/json_scanner.h"
#include "tsdb/block/ulid.h"

namespace tributary::tsdb {
namespace {

uint64_t Unsigned(JsonScanner* json) { return static_cast<uint64_t>(json->Int()); }

void ParseStats(JsonScanner* json, BlockStats* stats) {
  json->Object([&](std::string_view key) {
    if (key == "numSamples") {
      stats->num_samples = Unsigned(json);
    } else if (key == "numFloatSamples") {
      stats->num_float_samples = Unsigned(json);
    } else if (key == "numHistogramSamples") {
      stats->num_histogram_samples = Unsigned(json);
    } else if (key == "numSeries") {
      stats->num_series = Unsigned(json);
    } else if (key == "numChunks") {
      stats->num_chunks = Unsigned(json);
    } else if (key == "numTombstones") {
      stats->num_tombstones = Unsigned(json);
    } else {
      json->Skip();
    }
  });
}

BlockParent ParseParent(JsonScanner* json) {
  BlockParent parent;
  json->Object([&](std::string_view key) {
    if (key == "ulid") {
      parent.ulid = json->String();
    } else if (key == "minTime") {
      parent.min_time = json->Int();
    } else if (key == "maxTime") {
      parent.max_time = json->Int();
    } else {
      json->Skip();
    }
  });
  return parent;
}

void ParseCompaction(JsonScanner* json, BlockMeta* meta) {
  json->Object([&](std::string_view key) {
    if (key == "level") {
      meta->level = static_cast<int>(json->Int());
    } else if (key == "sources") {
      json->Array([&] { meta->sources.push_back(json->String()); });
    } else if (key == "parents") {
      json->Array([&] { meta->parents.push_back(ParseParent(json)); });
    } else if (key == "hints") {
      json->Array([&] { meta->hints.push_back(json->String()); });
    } else if (key == "failed") {
      meta->failed = json->Bool();
    } else if (key == "deletable") {
      meta->deletable = json->Bool();
    } else {
      json->Skip();
    }
  });
}

template <class T, class F>
std::string Listed(const std::vector<T>& items, F&& render) {
  std::string out = "[";
  for (const T& item : items) {
    if (out.size() > 1) out += ',';
    out += "\n\t\t\t" + render(item);
  }
  return out + "\n\t\t]";
}

}  // namespace

bool BlockMeta::HasHint(std::string_view hint) const {
  return std::ranges::find(hints, hint) != hints.end();
}

base::Result<BlockMeta> ParseBlockMeta(std::string_view text) {
  BlockMeta meta;
  meta.version = 0;
  JsonScanner json(text);
  json.Object([&](std::string_view key) {
    if (key == "ulid") {
      meta.ulid = json.String();
    } else if (key == "minTime") {
      meta.min_time = json.Int();
    } else if (key == "maxTime") {
      meta.max_time = json.Int();
    } else if (key == "stats") {
      ParseStats(&json, &meta.stats);
    } else if (key == "compaction") {
      ParseCompaction(&json, &meta);
    } else if (key == "version") {
      meta.version = static_cast<int>(json.Int());
    } else {
      json.Skip();
    }
  });
  if (!json.ok() || !json.AtEnd()) return base::Corruption("not a JSON object of a block");
  if (meta.version != 1) {
    return base::Corruption("unexpected meta version " + std::to_string(meta.version));
  }
  if (!IsUlid(meta.ulid)) return base::Corruption("no valid ulid");
  if (meta.max_time < meta.min_time) return base::Corruption("maxTime is before minTime");
  return meta;
}

std::string FormatBlockMeta(const BlockMeta& meta) {
  const auto number = [](auto n) { return std::to_string(n); };
  std::string out = "{\n\t\"ulid\": " + base::Quote(meta.ulid);
  out += ",\n\t\"minTime\": " + number(meta.min_time);
  out += ",\n\t\"maxTime\": " + number(meta.max_time);
  const std::pair<std::string_view, uint64_t> stats[] = {
      {"numSamples", meta.stats.num_samples},
      {"numFloatSamples", meta.stats.num_float_samples},
      {"numHistogramSamples", meta.stats.num_histogram_samples},
      {"numSeries", meta.stats.num_series},
      {"numChunks", meta.stats.num_chunks},
      {"numTombstones", meta.stats.num_tombstones},
  };
  out += ",\n\t\"stats\": {";
  bool first = true;
  for (const auto& [name, value] : stats) {
    if (value == 0) continue;
    out += first ? "\n\t\t\"" : ",\n\t\t\"";
    out += std::string(name) + "\": " + number(value);
    first = false;
  }
  out += first ? "}" : "\n\t}";
  out += ",\n\t\"compaction\": {\n\t\t\"level\": " + number(meta.level);
  const auto quoted = [](const std::string& s) { return base::Quote(s); };
  if (!meta.sources.empty()) out += ",\n\t\t\"sources\": " + Listed(meta.sources, quoted);
  if (meta.deletable) out += ",\n\t\t\"deletable\": true";
  if (!meta.parents.empty()) {
    out += ",\n\t\t\"parents\": " + Listed(meta.parents, [&](const BlockParent& p) {
             return "{\"ulid\": " + base::Quote(p.ulid) + ", \"minTime\": " + number(p.min_time) +
                    ", \"maxTime\": " + number(p.max_time) + "}";
           });
  }
  if (meta.failed) out += ",\n\t\t\"failed\": true";
  if (!meta.hints.empty()) out += ",\n\t\t\"hints\": " + Listed(meta.hints, quoted);
  out += "\n\t},\n\t\"version\": " + number(meta.version) + "\n}";
  return out;
}

base::Result<BlockMeta> ReadBlockMeta(base::FileSystem& fs, const std::string& dir) {
  const std::string path = base::JoinPath(dir, kMetaFile);
  ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  auto meta = ParseBlockMeta(text);
  if (!meta) return meta.error().Context(path);
  return meta;
}

}  // namespace tributary::tsdb

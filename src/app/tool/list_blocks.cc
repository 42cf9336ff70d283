// tsdb list.
#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "app/tool/tsdb_tool.h"
#include "tsdb/block/ulid.h"

namespace tributary::app {
namespace {

std::string TimeText(int64_t ms, bool human) {
  if (!human) return std::to_string(ms);
  return fmt::format("{:%Y-%m-%d %H:%M:%S} +0000 UTC", fmt::gmtime(ms / 1000));
}

// 1MiB200KiB3B.
std::string SizeText(uint64_t bytes, bool human) {
  if (!human) return std::to_string(bytes);
  constexpr const char* kUnits[] = {"EiB", "PiB", "TiB", "GiB", "MiB", "KiB", "B"};
  std::string out;
  for (int i = 0; i < 7; ++i) {
    const uint64_t part = bytes >> (10 * (6 - i)) & (i == 0 ? UINT64_MAX : 1023);
    if (part != 0) out += fmt::format("{}{}", part, kUnits[i]);
  }
  return out.empty() ? "0B" : out;
}

}  // namespace

std::string GoDuration(int64_t ms) {
  if (ms == 0) return "0s";
  if (ms < 1000) return fmt::format("{}ms", ms);
  const int64_t hours = ms / 3'600'000;
  const int64_t minutes = ms / 60'000 % 60;
  std::string seconds = fmt::format("{}", ms / 1000 % 60);
  if (ms % 1000 != 0) {
    seconds += fmt::format(".{:03}", ms % 1000);
    while (seconds.ends_with('0')) seconds.pop_back();
  }
  if (hours > 0) return fmt::format("{}h{}m{}s", hours, minutes, seconds);
  return minutes > 0 ? fmt::format("{}m{}s", minutes, seconds) : seconds + "s";
}

base::Result<std::vector<std::shared_ptr<tsdb::Block>>> OpenBlocks(base::FileSystem& fs,
                                                                   const std::string& dir) {
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  std::vector<std::shared_ptr<tsdb::Block>> blocks;
  for (const base::DirEntry& entry : entries) {
    if (!entry.is_directory || !tsdb::IsUlid(entry.name)) continue;
    ASSIGN_OR_RETURN(auto block, tsdb::Block::Open(fs, base::JoinPath(dir, entry.name)));
    blocks.push_back(std::move(block));
  }
  std::ranges::stable_sort(blocks, {}, [](const auto& block) { return block->meta().min_time; });
  return blocks;
}

std::string BlockTable(const std::vector<std::shared_ptr<tsdb::Block>>& blocks, bool header,
                       bool human) {
  constexpr size_t kLeastWidth = 13;
  constexpr size_t kPadding = 2;
  using Row = std::array<std::string, 8>;
  std::vector<Row> rows;
  if (header) {
    rows.push_back({"BLOCK ULID", "MIN TIME", "MAX TIME", "DURATION", "NUM SAMPLES", "NUM CHUNKS",
                    "NUM SERIES", "SIZE"});
  }
  for (const auto& block : blocks) {
    const tsdb::BlockMeta& meta = block->meta();
    rows.push_back({meta.ulid, TimeText(meta.min_time, human), TimeText(meta.max_time, human),
                    GoDuration(meta.max_time - meta.min_time),
                    std::to_string(meta.stats.num_samples), std::to_string(meta.stats.num_chunks),
                    std::to_string(meta.stats.num_series), SizeText(block->size_bytes(), human)});
  }
  std::array<size_t, 8> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      widths[i] = std::max({widths[i], kLeastWidth, row[i].size() + kPadding});
    }
  }
  std::string out;
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) out += fmt::format("{:{}}", row[i], widths[i]);
    out += '\n';
  }
  return out;
}

base::Status ListBlocks(Arguments arguments, base::FileSystem& fs, const Print& print) {
  const bool human = arguments.Flag("human-readable", "r");
  ASSIGN_OR_RETURN(std::vector<std::string> rest, arguments.Rest(1));
  ASSIGN_OR_RETURN(const auto blocks, OpenBlocks(fs, rest.empty() ? "data/" : rest[0]));
  print(BlockTable(blocks, true, human));
  return {};
}

}  // namespace tributary::app

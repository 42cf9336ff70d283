#include "tsdb/wal/segment.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "tsdb/wal/crc32c.h"

namespace tributary::tsdb {
namespace {

constexpr std::string_view kCheckpointPrefix = "checkpoint.";

std::optional<uint32_t> ParseNumber(std::string_view digits) {
  uint32_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return n;
}

}  // namespace

std::string SegmentName(uint32_t index) { return fmt::format("{:08}", index); }

std::string SegmentPath(const std::string& dir, uint32_t index) {
  return base::JoinPath(dir, SegmentName(index));
}

std::optional<uint32_t> ParseSegmentName(const std::string& name) {
  // Eight digits, or six in logs of very old Prometheus versions.
  if (name.size() < 6) return std::nullopt;
  return ParseNumber(name);
}

base::Result<std::vector<SegmentInfo>> ListSegments(base::FileSystem& fs, const std::string& dir) {
  ASSIGN_OR_RETURN(const bool exists, fs.Exists(dir));
  std::vector<SegmentInfo> segments;
  if (!exists) return segments;
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  for (const base::DirEntry& entry : entries) {
    if (entry.is_directory) continue;
    if (const auto index = ParseSegmentName(entry.name)) segments.push_back({*index, entry.size});
  }
  std::ranges::sort(segments, {}, &SegmentInfo::index);
  return segments;
}

std::string CheckpointPath(const std::string& dir, uint32_t index) {
  return base::JoinPath(dir, fmt::format("{}{:08}", kCheckpointPrefix, index));
}

base::Result<SegmentEnd> EndOfSegment(base::FileSystem& fs, const std::string& dir,
                                      uint32_t index) {
  ASSIGN_OR_RETURN(const auto file, fs.OpenForRead(SegmentPath(dir, index)));
  SegmentEnd end;
  ASSIGN_OR_RETURN(end.bytes, file->Size());
  std::vector<uint8_t> page(std::min<uint64_t>(end.bytes, kWalPageBytes));
  ASSIGN_OR_RETURN(const size_t got, file->ReadAt(end.bytes - page.size(), page));
  end.crc = Crc32c(base::Bytes(page).first(got));
  return end;
}

base::Result<std::optional<CheckpointInfo>> LastCheckpoint(base::FileSystem& fs,
                                                           const std::string& dir) {
  std::optional<CheckpointInfo> last;
  ASSIGN_OR_RETURN(const bool exists, fs.Exists(dir));
  if (!exists) return last;
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  for (const base::DirEntry& entry : entries) {
    if (!entry.is_directory || !entry.name.starts_with(kCheckpointPrefix)) continue;
    const auto index = ParseNumber(std::string_view(entry.name).substr(kCheckpointPrefix.size()));
    if (index && (!last || *index > last->index)) {
      last = CheckpointInfo{base::JoinPath(dir, entry.name), *index};
    }
  }
  return last;
}

}  // namespace tributary::tsdb

#include "remote/send/position_file.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/strings.h"

namespace tributary::remote {
namespace {

constexpr uint64_t kRewriteBytes = 64 << 10;

std::string Text(storage::WalPosition position) {
  return fmt::format("{} {}", position.segment, position.offset);
}

std::string Line(const Delivered& delivered) {
  std::string text = Text(delivered.fresh);
  for (const storage::WalRange& range : delivered.aside) {
    text += " " + Text(range.begin) + " " + Text(range.end);
  }
  return fmt::format("{} {:016x}\n", text, base::Hash64(text));
}

std::optional<storage::WalPosition> ParsePosition(std::string_view segment_text,
                                                  std::string_view offset_text) {
  const auto segment = base::ParseUint(segment_text);
  const auto offset = base::ParseUint(offset_text);
  if (!segment || !offset || *segment > UINT32_MAX) {
    return std::nullopt;
  }
  return storage::WalPosition{static_cast<uint32_t>(*segment), *offset};
}

std::optional<Delivered> ParseLine(std::string_view line) {
  const std::vector<std::string_view> parts = base::Split(line, ' ');
  if (parts.size() % 4 != 3) {
    return std::nullopt;
  }
  std::vector<storage::WalPosition> positions;
  for (size_t i = 0; i + 1 < parts.size(); i += 2) {
    const auto position = ParsePosition(parts[i], parts[i + 1]);
    if (!position) {
      return std::nullopt;
    }
    positions.push_back(*position);
  }
  Delivered delivered{positions.front(), {}};
  for (size_t i = 1; i < positions.size(); i += 2) {
    delivered.aside.push_back({positions[i], positions[i + 1]});
  }
  std::string whole(line);
  whole.push_back('\n');
  return whole == Line(delivered) ? std::optional(delivered) : std::nullopt;
}

}  // namespace

base::Result<std::unique_ptr<PositionFile>> PositionFile::Open(base::FileSystem& fs,
                                                               std::string path) {
  RETURN_IF_ERROR(fs.CreateDirs(base::DirName(path)));
  std::unique_ptr<PositionFile> file(new PositionFile(fs, std::move(path)));
  ASSIGN_OR_RETURN(const bool exists, fs.Exists(file->path_));
  if (exists) {
    ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(file->path_));
    for (const std::string_view line : base::Split(text, '\n')) {
      if (const auto delivered = ParseLine(line)) {
        file->last_ = delivered;  // a torn last line does not parse
      }
    }
  }
  return file;
}

base::Status PositionFile::Note(const Delivered& delivered) {
  if (last_ == delivered) {
    return {};
  }
  const std::string line = Line(delivered);
  if (!file_ || file_->size() > kRewriteBytes) {
    // Also the first time, so that a torn line of an earlier life does not swallow ours.
    file_.reset();
    RETURN_IF_ERROR(base::WriteFileAtomically(fs_, path_, line));
    ASSIGN_OR_RETURN(file_, fs_.OpenForAppend(path_));
  } else {
    RETURN_IF_ERROR(file_->Append(base::AsBytes(line)));
  }
  last_ = delivered;
  return {};
}

}  // namespace tributary::remote

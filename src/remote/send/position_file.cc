#include "remote/send/position_file.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/strings.h"

namespace tributary::remote {
namespace {

constexpr uint64_t kRewriteBytes = 64 << 10;

std::string Line(storage::WalPosition position) {
  const std::string text = fmt::format("{} {}", position.segment, position.offset);
  return fmt::format("{} {:016x}\n", text, base::Hash64(text));
}

std::optional<storage::WalPosition> ParseLine(std::string_view line) {
  const std::vector<std::string_view> parts = base::Split(line, ' ');
  if (parts.size() != 3) {
    return std::nullopt;
  }
  const auto segment = base::ParseUint(parts[0]);
  const auto offset = base::ParseUint(parts[1]);
  if (!segment || !offset || *segment > UINT32_MAX) {
    return std::nullopt;
  }
  const storage::WalPosition position{static_cast<uint32_t>(*segment), *offset};
  std::string whole(line);
  whole.push_back('\n');
  return whole == Line(position) ? std::optional(position) : std::nullopt;
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
      if (const auto position = ParseLine(line)) {
        file->last_ = position;  // a torn last line does not parse
      }
    }
  }
  return file;
}

base::Status PositionFile::Note(storage::WalPosition position) {
  if (last_ == position) {
    return {};
  }
  const std::string line = Line(position);
  if (!file_ || file_->size() > kRewriteBytes) {
    // Also the first time, so that a torn line of an earlier life does not swallow ours.
    file_.reset();
    RETURN_IF_ERROR(base::WriteFileAtomically(fs_, path_, line));
    ASSIGN_OR_RETURN(file_, fs_.OpenForAppend(path_));
  } else {
    RETURN_IF_ERROR(file_->Append(base::AsBytes(line)));
  }
  last_ = position;
  return {};
}

}  // namespace tributary::remote

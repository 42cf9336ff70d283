#include "base/fs.h"

namespace tributary::base {
namespace {

Status WriteAndSync(FileSystem& fs, const std::string& path, std::string_view data,
                    FileAccess access) {
  auto created = access == FileAccess::kOwnerOnly ? fs.CreatePrivate(path) : fs.Create(path);
  if (!created) return created.error();
  WritableFile& file = **created;
  RETURN_IF_ERROR(file.Append(AsBytes(data)));
  RETURN_IF_ERROR(file.Sync());
  return file.Close();
}

}  // namespace

Status WriteFileAtomically(FileSystem& fs, const std::string& path, std::string_view data,
                           FileAccess access) {
  const std::string temporary = path + ".tmp";
  Status status = WriteAndSync(fs, temporary, data, access);
  if (status) status = fs.Rename(temporary, path);
  if (!status) {
    // The first error is the one worth telling; a left-over .tmp is overwritten by the next try.
    static_cast<void>(fs.Remove(temporary));
    return status;
  }
  return fs.SyncDir(DirName(path));
}

std::string JoinPath(std::string_view dir, std::string_view name) {
  if (dir.empty() || name.starts_with('/')) return std::string(name);
  if (name.empty()) return std::string(dir);
  std::string out(dir);
  if (!out.ends_with('/')) out.push_back('/');
  out.append(name);
  return out;
}

std::string DirName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string BaseName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || path.size() == 1) return std::string(path);
  return std::string(path.substr(slash + 1));
}

}  // namespace tributary::base

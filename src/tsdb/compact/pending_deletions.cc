#include "tsdb/compact/pending_deletions.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/strings.h"
#include "tsdb/block/ulid.h"

namespace tributary::tsdb {

base::Status PendingDeletions::Load() {
  ASSIGN_OR_RETURN(const bool exists, fs_.Exists(dir_));
  if (!exists) return {};
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs_.List(dir_));
  base::MutexLock lock(mutex_);
  all_.clear();
  for (const base::DirEntry& entry : entries) {
    if (!IsUlid(entry.name)) continue;
    ASSIGN_OR_RETURN(const std::string text, fs_.ReadFile(base::JoinPath(dir_, entry.name)));
    const size_t space = text.find(' ');
    const size_t line = text.find('\n');
    const auto until = base::ParseInt(std::string_view(text).substr(0, space));
    if (!until || line == std::string::npos || space > line) {
      LOG_ERROR("a pending deletion cannot be read, it is left alone",
                kv("file", base::JoinPath(dir_, entry.name)));
      continue;
    }
    all_.push_back({.id = entry.name,
                    .label = text.substr(space + 1, line - space - 1),
                    .value = text.substr(line + 1),
                    .until = *until});
  }
  return {};
}

base::Status PendingDeletions::Add(std::string label, std::string value) {
  const int64_t now = clock_.NowMs();
  PendingDeletion deletion{
      .id = MakeUlid(now), .label = std::move(label), .value = std::move(value), .until = now};
  RETURN_IF_ERROR(fs_.CreateDirs(dir_));
  RETURN_IF_ERROR(base::WriteFileAtomically(
      fs_, base::JoinPath(dir_, deletion.id),
      fmt::format("{} {}\n{}", deletion.until, deletion.label, deletion.value)));
  base::MutexLock lock(mutex_);
  all_.push_back(std::move(deletion));
  return {};
}

base::Status PendingDeletions::Complete(const PendingDeletion& deletion) {
  RETURN_IF_ERROR(fs_.Remove(base::JoinPath(dir_, deletion.id)));
  RETURN_IF_ERROR(fs_.SyncDir(dir_));
  base::MutexLock lock(mutex_);
  std::erase_if(all_, [&](const PendingDeletion& other) { return other.id == deletion.id; });
  return {};
}

std::vector<PendingDeletion> PendingDeletions::All() const {
  base::MutexLock lock(mutex_);
  return all_;
}

bool PendingDeletions::empty() const {
  base::MutexLock lock(mutex_);
  return all_.empty();
}

}  // namespace tributary::tsdb

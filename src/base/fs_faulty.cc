#include "base/fs_faulty.h"

#include <algorithm>
#include <utility>

namespace tributary::base {
namespace {

std::string WithoutSlash(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

bool IsWithin(std::string_view path, std::string_view dir) {
  return path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/');
}

// `path` after `from` was renamed to `to`.
std::string Moved(const std::string& path, const std::string& from, const std::string& to) {
  return IsWithin(path, from) ? to + path.substr(from.size()) : path;
}

Error DeadHandle(const std::string& path) {
  return IoError("use " + path + ": the power was cut since it was opened");
}

}  // namespace

class FaultyFileSystem::File final : public WritableFile {
 public:
  File(FaultyFileSystem* fs, std::string path, uint64_t life, std::unique_ptr<WritableFile> inner,
       std::shared_ptr<FileState> state)
      : fs_(fs),
        path_(std::move(path)),
        life_(life),
        inner_(std::move(inner)),
        state_(std::move(state)) {}

  Status Append(Bytes data) override {
    MutexLock lock(fs_->mutex_);
    if (life_ != fs_->power_cuts_) return DeadHandle(path_);
    size_t torn = 0;
    if (Status status = fs_->Begin("write", path_, &torn); !status) {
      RETURN_IF_ERROR(inner_->Append(data.first(std::min(torn, data.size()))));
      return status;
    }
    return inner_->Append(data);
  }
  Status Sync() override {
    MutexLock lock(fs_->mutex_);
    if (life_ != fs_->power_cuts_) return DeadHandle(path_);
    RETURN_IF_ERROR(fs_->Begin("sync", path_));
    RETURN_IF_ERROR(inner_->Sync());
    state_->synced = inner_->size();
    return OkStatus();
  }
  Status Close() override { return inner_->Close(); }
  Status Truncate(uint64_t size) override {
    MutexLock lock(fs_->mutex_);
    if (life_ != fs_->power_cuts_) return DeadHandle(path_);
    RETURN_IF_ERROR(fs_->Begin("truncate", path_));
    RETURN_IF_ERROR(inner_->Truncate(size));
    state_->synced = std::min(state_->synced, size);
    return OkStatus();
  }
  uint64_t size() const override { return inner_->size(); }

 private:
  FaultyFileSystem* const fs_;
  const std::string path_;
  const uint64_t life_;  // the power cuts before this file was opened
  const std::unique_ptr<WritableFile> inner_;
  const std::shared_ptr<FileState> state_;
};

// --- faults ---

void FaultyFileSystem::FailAt(uint64_t n, ErrorCode code, Repeat repeat) {
  TearAt(n, 0, code, repeat);
}

void FaultyFileSystem::TearAt(uint64_t n, size_t bytes, ErrorCode code, Repeat repeat) {
  MutexLock lock(mutex_);
  fail_at_ = operations_ + n;
  repeat_ = repeat;
  code_ = code;
  torn_bytes_ = bytes;
}

void FaultyFileSystem::Heal() {
  MutexLock lock(mutex_);
  fail_at_ = 0;
}

uint64_t FaultyFileSystem::operations() const {
  MutexLock lock(mutex_);
  return operations_;
}

bool FaultyFileSystem::fault_fired() const {
  MutexLock lock(mutex_);
  return fired_;
}

Status FaultyFileSystem::Begin(std::string_view operation, const std::string& path, size_t* torn) {
  ++operations_;
  if (fail_at_ == 0 || operations_ < fail_at_) return OkStatus();
  const bool is_first = operations_ == fail_at_;
  if (!is_first && repeat_ == Repeat::kOnce) return OkStatus();
  fired_ = true;
  if (is_first && torn != nullptr) *torn = torn_bytes_;
  const std::string_view why =
      code_ == ErrorCode::kNoSpace ? "no space left on device" : "input/output error";
  return Error(code_, std::string(operation).append(" ").append(path).append(": ").append(why));
}

// --- the power cut ---

// Notes what `path`, a file or a tree, would be after a power cut, before it is removed or
// replaced.
Status FaultyFileSystem::Save(const std::string& path, Change* change) {
  ASSIGN_OR_RETURN(const bool exists, inner_.Exists(path));
  if (!exists) return OkStatus();
  if (auto entries = inner_.List(path)) {
    change->lost_dirs.push_back(path);
    for (const DirEntry& entry : *entries) {
      RETURN_IF_ERROR(Save(JoinPath(path, entry.name), change));
    }
    return OkStatus();
  }
  ASSIGN_OR_RETURN(std::string data, inner_.ReadFile(path));
  const auto state = states_.find(path);
  if (state != states_.end() && state->second->synced < data.size()) {
    data.resize(state->second->synced);
  }
  change->lost.push_back({path, std::move(data)});
  return OkStatus();
}

void FaultyFileSystem::MoveStates(const std::string& from, const std::string& to) {
  std::map<std::string, std::shared_ptr<FileState>> moved;
  for (auto at = states_.begin(); at != states_.end();) {
    if (IsWithin(at->first, from)) {
      moved.insert_or_assign(Moved(at->first, from, to), at->second);
      at = states_.erase(at);
    } else if (IsWithin(at->first, to)) {
      at = states_.erase(at);  // replaced
    } else {
      ++at;
    }
  }
  states_.merge(moved);
}

void FaultyFileSystem::CommitChangesIn(const std::string& dir) {
  for (size_t i = 0; i < changes_.size();) {
    if (DirName(changes_[i].path) != dir) {
      ++i;
      continue;
    }
    const Change committed = std::move(changes_[i]);
    changes_.erase(changes_.begin() + static_cast<std::ptrdiff_t>(i));
    if (committed.kind != Change::Kind::kRenamed) continue;
    // What happened below the old name and is still open now lies below the new one.
    for (size_t k = 0; k < i; ++k) {
      changes_[k].from = Moved(changes_[k].from, committed.from, committed.path);
      changes_[k].path = Moved(changes_[k].path, committed.from, committed.path);
    }
  }
}

Status FaultyFileSystem::Undo(const Change& change) {
  ASSIGN_OR_RETURN(const bool exists, inner_.Exists(change.path));
  if (exists && change.kind == Change::Kind::kCreated) {
    RETURN_IF_ERROR(inner_.RemoveAll(change.path));
    states_.erase(change.path);
  }
  if (exists && change.kind == Change::Kind::kRenamed) {
    RETURN_IF_ERROR(inner_.Rename(change.path, change.from));
    MoveStates(change.path, change.from);
  }
  for (const std::string& dir : change.lost_dirs) RETURN_IF_ERROR(inner_.CreateDirs(dir));
  for (const Lost& lost : change.lost) {
    ASSIGN_OR_RETURN(const auto file, inner_.Create(lost.path));
    RETURN_IF_ERROR(file->Append(AsBytes(lost.data)));
    states_.erase(lost.path);
  }
  return OkStatus();
}

Status FaultyFileSystem::DropUnsynced() {
  MutexLock lock(mutex_);
  ++power_cuts_;
  for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
    RETURN_IF_ERROR(Undo(*change));
  }
  changes_.clear();
  for (const auto& [path, state] : states_) {
    ASSIGN_OR_RETURN(const bool exists, inner_.Exists(path));
    if (!exists) continue;
    ASSIGN_OR_RETURN(const auto file, inner_.OpenForAppend(path));
    if (file->size() > state->synced) RETURN_IF_ERROR(file->Truncate(state->synced));
  }
  states_.clear();
  return OkStatus();
}

// --- changing calls ---

Result<std::unique_ptr<WritableFile>> FaultyFileSystem::Open(const std::string& path,
                                                             OpenMode mode) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Begin("open", path));
  ASSIGN_OR_RETURN(const bool existed, inner_.Exists(path));
  auto opened = mode == OpenMode::kCreate          ? inner_.Create(path)
                : mode == OpenMode::kCreatePrivate ? inner_.CreatePrivate(path)
                                                   : inner_.OpenForAppend(path);
  if (!opened) return opened.error();
  const auto [entry, is_new] = states_.try_emplace(path, nullptr);
  if (is_new) {
    entry->second = std::make_shared<FileState>();
    entry->second->synced = (*opened)->size();
  }
  entry->second->synced = std::min(entry->second->synced, (*opened)->size());
  if (!existed) {
    Change created;
    created.path = WithoutSlash(path);
    changes_.push_back(std::move(created));
  }
  return std::make_unique<File>(this, path, power_cuts_, std::move(*opened), entry->second);
}

Result<std::unique_ptr<WritableFile>> FaultyFileSystem::Create(const std::string& path) {
  return Open(path, OpenMode::kCreate);
}
Result<std::unique_ptr<WritableFile>> FaultyFileSystem::CreatePrivate(const std::string& path) {
  return Open(path, OpenMode::kCreatePrivate);
}
Result<std::unique_ptr<WritableFile>> FaultyFileSystem::OpenForAppend(const std::string& path) {
  return Open(path, OpenMode::kAppend);
}

Status FaultyFileSystem::CreateDirs(const std::string& path) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Begin("mkdir", path));
  return inner_.CreateDirs(path);
}

Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Begin("rename", from + " " + to));
  Change change;
  change.kind = Change::Kind::kRenamed;
  change.from = WithoutSlash(from);
  change.path = WithoutSlash(to);
  RETURN_IF_ERROR(Save(change.path, &change));
  RETURN_IF_ERROR(inner_.Rename(from, to));
  MoveStates(change.from, change.path);
  changes_.push_back(std::move(change));
  return OkStatus();
}

Status FaultyFileSystem::Remove(const std::string& path) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Begin("remove", path));
  Change change;
  change.kind = Change::Kind::kRemoved;
  change.path = WithoutSlash(path);
  RETURN_IF_ERROR(Save(change.path, &change));
  RETURN_IF_ERROR(inner_.Remove(path));
  states_.erase(change.path);
  changes_.push_back(std::move(change));
  return OkStatus();
}

Status FaultyFileSystem::RemoveAll(const std::string& path) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Begin("remove", path));
  Change change;
  change.kind = Change::Kind::kRemoved;
  change.path = WithoutSlash(path);
  RETURN_IF_ERROR(Save(change.path, &change));
  RETURN_IF_ERROR(inner_.RemoveAll(path));
  std::erase_if(states_, [&](const auto& entry) { return IsWithin(entry.first, change.path); });
  changes_.push_back(std::move(change));
  return OkStatus();
}

Status FaultyFileSystem::HardLink(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Begin("link", from + " " + to));
  RETURN_IF_ERROR(inner_.HardLink(from, to));
  const auto state = states_.find(from);
  if (state != states_.end()) states_.insert_or_assign(to, state->second);
  Change change;
  change.path = WithoutSlash(to);
  changes_.push_back(std::move(change));
  return OkStatus();
}

Status FaultyFileSystem::SyncDir(const std::string& path) {
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(Begin("sync", path));
  RETURN_IF_ERROR(inner_.SyncDir(path));
  CommitChangesIn(WithoutSlash(path));
  return OkStatus();
}

// --- calls that change nothing ---

Result<std::unique_ptr<ReadableFile>> FaultyFileSystem::OpenForRead(const std::string& path) {
  return inner_.OpenForRead(path);
}
Result<std::unique_ptr<MappedFile>> FaultyFileSystem::Map(const std::string& path) {
  return inner_.Map(path);
}
Result<std::string> FaultyFileSystem::ReadFile(const std::string& path) {
  return inner_.ReadFile(path);
}
Result<std::vector<DirEntry>> FaultyFileSystem::List(const std::string& path) {
  return inner_.List(path);
}
Result<bool> FaultyFileSystem::Exists(const std::string& path) { return inner_.Exists(path); }
Result<uint64_t> FaultyFileSystem::FileSize(const std::string& path) {
  return inner_.FileSize(path);
}
Result<std::unique_ptr<FileLock>> FaultyFileSystem::Lock(const std::string& path) {
  return inner_.Lock(path);
}
Result<FileSystem::Space> FaultyFileSystem::SpaceAt(const std::string& path) {
  return inner_.SpaceAt(path);
}

}  // namespace tributary::base

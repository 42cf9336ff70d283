// A FileSystem in RAM with the posix one's behaviour and error texts: names are entries of a tree
// of nodes, an open handle keeps its node alive after Remove, and a mapping is a copy taken at the
// time of Map. Syncs do nothing: what a power cut takes away is FaultyFileSystem's business.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "base/fs.h"
#include "base/mutex.h"

namespace tributary::base {
namespace {

struct Node {
  mutable Mutex mutex;  // taken after MemoryFs::mutex_
  std::string data TB_GUARDED_BY(mutex);
  bool locked TB_GUARDED_BY(mutex) = false;

  uint64_t Size() const {
    MutexLock lock(mutex);
    return data.size();
  }
  std::string Copy() const {
    MutexLock lock(mutex);
    return data;
  }
};
using NodePtr = std::shared_ptr<Node>;

// "/a//b/" and "/a/b" are one file.
std::string Normalize(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || !out.ends_with('/')) out.push_back(c);
  }
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  while (out.starts_with("./")) out.erase(0, 2);
  return out;
}

Error Missing(std::string_view operation, std::string_view path) {
  return NotFound(std::string(operation).append(" ").append(path) + ": no such file or directory");
}

Error Refused(std::string_view operation, std::string_view path, std::string_view why) {
  return IoError(std::string(operation).append(" ").append(path).append(": ").append(why));
}

class MemoryWritableFile final : public WritableFile {
 public:
  MemoryWritableFile(std::string path, NodePtr node)
      : path_(std::move(path)), node_(std::move(node)) {}

  Status Append(Bytes data) override {
    if (closed_) return Refused("write", path_, "file already closed");
    MutexLock lock(node_->mutex);
    node_->data.append(AsString(data));
    return OkStatus();
  }
  Status Sync() override {
    if (closed_) return Refused("sync", path_, "file already closed");
    return OkStatus();
  }
  Status Close() override {
    closed_ = true;
    return OkStatus();
  }
  Status Truncate(uint64_t size) override {
    if (closed_) return Refused("truncate", path_, "file already closed");
    MutexLock lock(node_->mutex);
    node_->data.resize(size);
    return OkStatus();
  }
  uint64_t size() const override { return node_->Size(); }

 private:
  const std::string path_;
  const NodePtr node_;
  bool closed_ = false;
};

class MemoryReadableFile final : public ReadableFile {
 public:
  explicit MemoryReadableFile(NodePtr node) : node_(std::move(node)) {}
  Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) const override {
    MutexLock lock(node_->mutex);
    if (offset >= node_->data.size()) return size_t{0};
    const size_t count = std::min<size_t>(out.size(), node_->data.size() - offset);
    std::memcpy(out.data(), node_->data.data() + offset, count);
    return count;
  }
  Result<uint64_t> Size() const override { return node_->Size(); }

 private:
  const NodePtr node_;
};

class MemoryMappedFile final : public MappedFile {
 public:
  explicit MemoryMappedFile(std::string data) : data_(std::move(data)) {}
  Bytes data() const override { return AsBytes(data_); }

 private:
  const std::string data_;
};

class MemoryFs final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    ASSIGN_OR_RETURN(NodePtr node, FindOrMake(path));
    {
      MutexLock lock(node->mutex);
      node->data.clear();
    }
    return std::make_unique<MemoryWritableFile>(path, std::move(node));
  }
  Result<std::unique_ptr<WritableFile>> CreatePrivate(const std::string& path) override {
    return Create(path);
  }
  Result<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override {
    ASSIGN_OR_RETURN(NodePtr node, FindOrMake(path));
    return std::make_unique<MemoryWritableFile>(path, std::move(node));
  }
  Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override {
    ASSIGN_OR_RETURN(NodePtr node, Find("open", path));
    return std::make_unique<MemoryReadableFile>(std::move(node));
  }
  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override {
    ASSIGN_OR_RETURN(const NodePtr node, Find("open", path));
    return std::make_unique<MemoryMappedFile>(node->Copy());
  }
  Result<std::string> ReadFile(const std::string& path) override {
    ASSIGN_OR_RETURN(const NodePtr node, Find("open", path));
    return node->Copy();
  }

  Status CreateDirs(const std::string& path) override {
    MutexLock lock(mutex_);
    std::string dir = Normalize(path);
    std::vector<std::string> missing;
    for (; !IsDir(dir); dir = DirName(dir)) {
      if (files_.contains(dir)) return Refused("mkdir", dir, "not a directory");
      missing.push_back(dir);
    }
    dirs_.insert(missing.begin(), missing.end());
    return OkStatus();
  }

  Result<std::vector<DirEntry>> List(const std::string& path) override {
    MutexLock lock(mutex_);
    const std::string dir = Normalize(path);
    if (files_.contains(dir)) return Refused("open", path, "not a directory");
    if (!IsDir(dir)) return Missing("open", path);
    std::vector<DirEntry> entries;
    for (const auto& [name, node] : files_) {
      if (DirName(name) == dir) entries.push_back({BaseName(name), false, node->Size()});
    }
    for (const std::string& name : dirs_) {
      if (DirName(name) == dir) entries.push_back({BaseName(name), true, 0});
    }
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    return entries;
  }

  Result<bool> Exists(const std::string& path) override {
    MutexLock lock(mutex_);
    const std::string name = Normalize(path);
    return files_.contains(name) || IsDir(name);
  }
  Result<uint64_t> FileSize(const std::string& path) override {
    MutexLock lock(mutex_);
    const auto found = files_.find(Normalize(path));
    if (found != files_.end()) return found->second->Size();
    if (IsDir(Normalize(path))) return uint64_t{0};
    return Missing("stat", path);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    MutexLock lock(mutex_);
    const std::string source = Normalize(from);
    const std::string target = Normalize(to);
    const std::string both = from + " " + to;
    const bool is_dir = dirs_.contains(source);
    if ((!is_dir && !files_.contains(source)) || !IsDir(DirName(target))) {
      return Missing("rename", both);
    }
    if (source == target) return OkStatus();
    if (!is_dir) {
      if (IsDir(target)) return Refused("rename", both, "is a directory");
      files_[target] = files_[source];
      files_.erase(source);
      return OkStatus();
    }
    if (target.starts_with(source + '/')) return Refused("rename", both, "invalid argument");
    if (files_.contains(target)) return Refused("rename", both, "not a directory");
    if (HasEntries(target)) return Refused("rename", both, "directory not empty");
    MoveTree(source, target);
    return OkStatus();
  }

  Status Remove(const std::string& path) override {
    MutexLock lock(mutex_);
    const std::string name = Normalize(path);
    if (files_.erase(name) > 0) return OkStatus();
    if (!dirs_.contains(name)) return Missing("remove", path);
    if (HasEntries(name)) return Refused("remove", path, "directory not empty");
    dirs_.erase(name);
    return OkStatus();
  }
  Status RemoveAll(const std::string& path) override {
    MutexLock lock(mutex_);
    const std::string name = Normalize(path);
    std::erase_if(files_, [&](const auto& entry) { return IsWithin(entry.first, name); });
    std::erase_if(dirs_, [&](const std::string& dir) { return IsWithin(dir, name); });
    return OkStatus();
  }
  Status HardLink(const std::string& from, const std::string& to) override {
    MutexLock lock(mutex_);
    const auto found = files_.find(Normalize(from));
    const std::string target = Normalize(to);
    if (found == files_.end() || !IsDir(DirName(target))) return Missing("link", from + " " + to);
    if (files_.contains(target) || IsDir(target)) {
      return Error(ErrorCode::kAlreadyExists, "link " + from + " " + to + ": file exists");
    }
    const NodePtr node = found->second;
    files_.emplace(target, node);
    return OkStatus();
  }
  Status SyncDir(const std::string& path) override {
    MutexLock lock(mutex_);
    if (!IsDir(Normalize(path))) return Missing("open", path);
    return OkStatus();
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    ASSIGN_OR_RETURN(const bool existed, Exists(path));
    ASSIGN_OR_RETURN(NodePtr node, FindOrMake(path));
    {
      MutexLock lock(node->mutex);
      if (node->locked) return Unavailable("lock " + path + ": already held by this process");
      node->locked = true;
    }
    return std::make_unique<MemoryLock>(this, path, std::move(node), existed);
  }
  Result<Space> SpaceAt(const std::string& /*path*/) override {
    return Space{uint64_t{1} << 40, uint64_t{1} << 40};
  }

 private:
  class MemoryLock final : public FileLock {
   public:
    MemoryLock(MemoryFs* fs, std::string path, NodePtr node, bool stale)
        : fs_(fs), path_(std::move(path)), node_(std::move(node)), stale_(stale) {}
    ~MemoryLock() override {
      static_cast<void>(fs_->Remove(path_));
      MutexLock lock(node_->mutex);
      node_->locked = false;
    }
    bool replaced_stale_lock() const override { return stale_; }

   private:
    MemoryFs* const fs_;
    const std::string path_;
    const NodePtr node_;
    const bool stale_;
  };

  static bool IsWithin(std::string_view path, std::string_view dir) {
    return path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/');
  }
  bool IsDir(const std::string& dir) const TB_REQUIRES(mutex_) {
    return dir == "/" || dir == "." || dirs_.contains(dir);
  }
  bool HasEntries(const std::string& dir) const TB_REQUIRES(mutex_) {
    const auto is_below = [&](const std::string& name) { return name.starts_with(dir + '/'); };
    const auto file = files_.lower_bound(dir + '/');
    const auto child = dirs_.lower_bound(dir + '/');
    return (file != files_.end() && is_below(file->first)) ||
           (child != dirs_.end() && is_below(*child));
  }
  void MoveTree(const std::string& source, const std::string& target) TB_REQUIRES(mutex_) {
    std::map<std::string, NodePtr> files;
    for (const auto& [name, node] : files_) {
      files.emplace(IsWithin(name, source) ? target + name.substr(source.size()) : name, node);
    }
    std::set<std::string> dirs;
    for (const std::string& name : dirs_) {
      dirs.insert(IsWithin(name, source) ? target + name.substr(source.size()) : name);
    }
    files_.swap(files);
    dirs_.swap(dirs);
  }
  Result<NodePtr> Find(std::string_view operation, const std::string& path) TB_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string name = Normalize(path);
    const auto found = files_.find(name);
    if (found != files_.end()) return found->second;
    if (IsDir(name)) return Refused("read", path, "is a directory");
    return Missing(operation, path);
  }
  Result<NodePtr> FindOrMake(const std::string& path) TB_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::string name = Normalize(path);
    if (IsDir(name)) return Refused("open", path, "is a directory");
    if (!IsDir(DirName(name))) return Missing("open", path);
    NodePtr& node = files_[name];
    if (!node) node = std::make_shared<Node>();
    return node;
  }

  Mutex mutex_;
  std::map<std::string, NodePtr> files_ TB_GUARDED_BY(mutex_);
  std::set<std::string> dirs_ TB_GUARDED_BY(mutex_);  // without "/" and "."
};

}  // namespace

std::unique_ptr<FileSystem> MakeMemoryFileSystem() { return std::make_unique<MemoryFs>(); }

}  // namespace tributary::base

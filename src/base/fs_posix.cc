// The FileSystem of the machine: plain POSIX calls. EINTR is retried; errno becomes an Error that
// reads as Go's os package writes it: "open /x: no such file or directory".
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

#include "base/fs.h"

namespace tributary::base {
namespace {

ErrorCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kNoSpace;
    default:
      return ErrorCode::kIo;
  }
}

Error SystemError(std::string_view operation, std::string_view path, int error = errno) {
  char buffer[128];
  std::string reason = ::strerror_r(error, buffer, sizeof(buffer));
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z') {
    reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  }
  std::string message;
  message.append(operation).append(" ").append(path).append(": ").append(reason);
  return {CodeOf(error), std::move(message)};
}

template <class Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Owns an open descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Result<Descriptor> Open(const std::string& path, int flags, mode_t mode = 0) {
  const int fd = Retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  if (fd < 0) return SystemError("open", path);
  return Descriptor(fd);
}

Result<struct stat> StatOpen(const Descriptor& file, const std::string& path) {
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return SystemError("stat", path);
  return info;
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, Descriptor fd, uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  Status Append(Bytes data) override {
    while (!data.empty()) {
      const ssize_t count = Retry([&] { return ::write(fd_.get(), data.data(), data.size()); });
      if (count < 0) return SystemError("write", path_);
      // Counted piece by piece: after an error size() still is what the file holds.
      size_ += static_cast<uint64_t>(count);
      data = data.subspan(static_cast<size_t>(count));
    }
    return OkStatus();
  }
  Status Sync() override {
    if (Retry([&] { return ::fdatasync(fd_.get()); }) != 0) return SystemError("sync", path_);
    return OkStatus();
  }
  Status Close() override {
    // Never retried: Linux has given the descriptor away even when close reports EINTR.
    if (fd_.is_open() && ::close(fd_.Release()) != 0) return SystemError("close", path_);
    return OkStatus();
  }
  Status Truncate(uint64_t size) override {
    if (Retry([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) {
      return SystemError("truncate", path_);
    }
    size_ = size;
    return OkStatus();
  }
  uint64_t size() const override { return size_.load(std::memory_order_relaxed); }

 private:
  const std::string path_;
  Descriptor fd_;
  std::atomic<uint64_t> size_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) const override {
    size_t total = 0;
    while (total < out.size()) {
      const ssize_t count = Retry([&] {
        return ::pread(fd_.get(), out.data() + total, out.size() - total,
                       static_cast<off_t>(offset + total));
      });
      if (count < 0) return SystemError("read", path_);
      if (count == 0) break;
      total += static_cast<size_t>(count);
    }
    return total;
  }
  Result<uint64_t> Size() const override {
    ASSIGN_OR_RETURN(const struct stat info, StatOpen(fd_, path_));
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const std::string path_;
  const Descriptor fd_;
};

class PosixMappedFile final : public MappedFile {
 public:
  PosixMappedFile(void* address, size_t size) : address_(address), size_(size) {}
  ~PosixMappedFile() override {
    if (address_ != nullptr) ::munmap(address_, size_);
  }
  PosixMappedFile(const PosixMappedFile&) = delete;
  PosixMappedFile& operator=(const PosixMappedFile&) = delete;
  Bytes data() const override { return {static_cast<const uint8_t*>(address_), size_}; }
  void ReleasePages() const override {
    // Only a hint; pages of a file come back from it.
    if (address_ != nullptr) (void)::madvise(address_, size_, MADV_DONTNEED);
  }

 private:
  void* const address_;  // null for an empty file, which cannot be mapped
  const size_t size_;
};

class PosixFileLock final : public FileLock {
 public:
  PosixFileLock(std::string path, Descriptor fd, bool stale)
      : path_(std::move(path)), fd_(std::move(fd)), stale_(stale) {}
  // Removed before the descriptor closes: while the lock is held nobody else can own the file.
  ~PosixFileLock() override { ::unlink(path_.c_str()); }
  bool replaced_stale_lock() const override { return stale_; }

 private:
  const std::string path_;
  const Descriptor fd_;
  const bool stale_;
};

// Whether `path` still names the open file, and not one that took its place.
bool IsStillAt(const Descriptor& file, const std::string& path) {
  struct stat opened;
  struct stat named;
  return ::fstat(file.get(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

std::string HolderOf(const Descriptor& file) {
  char text[32];
  const ssize_t count = ::pread(file.get(), text, sizeof(text), 0);
  std::string pid(text, count > 0 ? static_cast<size_t>(count) : 0);
  while (!pid.empty() && (pid.back() < '0' || pid.back() > '9')) pid.pop_back();
  return pid;
}

class PosixFs final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    return OpenWritable(path, O_TRUNC, 0666);
  }
  Result<std::unique_ptr<WritableFile>> CreatePrivate(const std::string& path) override {
    // A file of that name may be there with wider rights: a new one takes its place.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return SystemError("remove", path);
    return OpenWritable(path, O_EXCL, 0600);
  }
  Result<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override {
    return OpenWritable(path, 0, 0666);
  }
  Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override {
    ASSIGN_OR_RETURN(Descriptor fd, Open(path, O_RDONLY));
    return std::make_unique<PosixReadableFile>(path, std::move(fd));
  }
  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override {
    ASSIGN_OR_RETURN(const Descriptor fd, Open(path, O_RDONLY));
    ASSIGN_OR_RETURN(const struct stat info, StatOpen(fd, path));
    if (!S_ISREG(info.st_mode)) return IoError("map " + path + ": not a regular file");
    const auto size = static_cast<size_t>(info.st_size);
    if (size == 0) return std::make_unique<PosixMappedFile>(nullptr, 0);
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (address == MAP_FAILED) return SystemError("map", path);
    return std::make_unique<PosixMappedFile>(address, size);
  }
  Result<std::string> ReadFile(const std::string& path) override {
    ASSIGN_OR_RETURN(const Descriptor fd, Open(path, O_RDONLY));
    ASSIGN_OR_RETURN(const struct stat info, StatOpen(fd, path));
    // Read to the end whatever stat says: files of /proc claim to be empty.
    std::string out;
    size_t room = std::max<size_t>(static_cast<size_t>(info.st_size) + 1, 4096);
    size_t filled = 0;
    for (;;) {
      out.resize(filled + room);
      const ssize_t count = Retry([&] { return ::read(fd.get(), out.data() + filled, room); });
      if (count < 0) return SystemError("read", path);
      if (count == 0) break;
      filled += static_cast<size_t>(count);
      room = std::max<size_t>(out.size() - filled, 4096);
    }
    out.resize(filled);
    return out;
  }

  Status CreateDirs(const std::string& path) override {
    if (::mkdir(path.c_str(), 0777) == 0) return OkStatus();
    if (errno == ENOENT) {
      const std::string parent = DirName(path);
      if (parent == path) return SystemError("mkdir", path, ENOENT);
      RETURN_IF_ERROR(CreateDirs(parent));
      if (::mkdir(path.c_str(), 0777) == 0) return OkStatus();
    }
    if (errno != EEXIST) return SystemError("mkdir", path);
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return SystemError("mkdir", path);
    if (!S_ISDIR(info.st_mode)) return SystemError("mkdir", path, ENOTDIR);
    return OkStatus();
  }

  Result<std::vector<DirEntry>> List(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), &::closedir);
    if (!dir) return SystemError("open", path);
    std::vector<DirEntry> entries;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(dir.get());
      if (entry == nullptr) break;
      DirEntry found;
      found.name = entry->d_name;
      if (found.name == "." || found.name == "..") continue;
      struct stat info;
      if (::fstatat(::dirfd(dir.get()), entry->d_name, &info, 0) == 0) {
        found.is_directory = S_ISDIR(info.st_mode);
        found.size = found.is_directory ? 0 : static_cast<uint64_t>(info.st_size);
      } else if (::fstatat(::dirfd(dir.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        continue;  // removed since readdir saw it; a dangling link is listed with size 0
      }
      entries.push_back(std::move(found));
    }
    if (errno != 0) return SystemError("list", path);
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    return entries;
  }

  Result<bool> Exists(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return SystemError("stat", path);
  }
  Result<uint64_t> FileSize(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return SystemError("stat", path);
    return static_cast<uint64_t>(info.st_size);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return SystemError("rename", from + " " + to);
    return OkStatus();
  }
  Status Remove(const std::string& path) override {
    if (std::remove(path.c_str()) != 0) return SystemError("remove", path);
    return OkStatus();
  }
  Status RemoveAll(const std::string& path) override {
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return OkStatus();
      return SystemError("stat", path);
    }
    if (S_ISDIR(info.st_mode)) {
      ASSIGN_OR_RETURN(const std::vector<DirEntry> entries, List(path));
      for (const DirEntry& entry : entries) {
        RETURN_IF_ERROR(RemoveAll(JoinPath(path, entry.name)));
      }
    }
    if (std::remove(path.c_str()) != 0 && errno != ENOENT) return SystemError("remove", path);
    return OkStatus();
  }
  Status HardLink(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) != 0) return SystemError("link", from + " " + to);
    return OkStatus();
  }
  Status SyncDir(const std::string& path) override {
    ASSIGN_OR_RETURN(const Descriptor fd, Open(path, O_RDONLY | O_DIRECTORY));
    // Some file systems know no sync of a directory and say EINVAL; they order it themselves.
    if (Retry([&] { return ::fsync(fd.get()); }) != 0 && errno != EINVAL) {
      return SystemError("sync", path);
    }
    return OkStatus();
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    // The holder removes the file when it lets go, so the file locked here may be one that has
    // just lost its name: then the next round opens the new one.
    for (;;) {
      ASSIGN_OR_RETURN(const bool existed, Exists(path));
      ASSIGN_OR_RETURN(Descriptor fd, Open(path, O_RDWR | O_CREAT, 0644));
      if (Retry([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
        if (errno != EWOULDBLOCK) return SystemError("lock", path);
        const std::string holder = HolderOf(fd);
        return Unavailable("lock " + path + ": already held by " +
                           (holder.empty() ? "another process" : "process " + holder));
      }
      if (!IsStillAt(fd, path)) continue;
      const std::string pid = std::to_string(::getpid()) + "\n";
      if (::ftruncate(fd.get(), 0) != 0 ||
          ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
        return SystemError("write", path);
      }
      return std::make_unique<PosixFileLock>(path, std::move(fd), existed);
    }
  }

  Result<Space> SpaceAt(const std::string& path) override {
    struct statvfs info;
    if (Retry([&] { return ::statvfs(path.c_str(), &info); }) != 0) {
      return SystemError("statvfs", path);
    }
    return Space{static_cast<uint64_t>(info.f_bavail) * info.f_frsize,
                 static_cast<uint64_t>(info.f_blocks) * info.f_frsize};
  }

 private:
  // O_APPEND: writes land at the end also after Truncate.
  static Result<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path, int flags,
                                                            mode_t mode) {
    ASSIGN_OR_RETURN(Descriptor fd, Open(path, O_WRONLY | O_CREAT | O_APPEND | flags, mode));
    ASSIGN_OR_RETURN(const struct stat info, StatOpen(fd, path));
    return std::make_unique<PosixWritableFile>(path, std::move(fd),
                                               static_cast<uint64_t>(info.st_size));
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static PosixFs fs;
  return fs;
}

}  // namespace tributary::base

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

#include "base/fs.h"

namespace tributary::base {
namespace {

Error ErrnoError(const char* operation, const std::string& path, int code) {
  std::string text = std::string(operation) + " " + path + ": ";
  std::string reason = std::strerror(code);
  if (!reason.empty()) {
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  }
  text += reason;
  switch (code) {
    case ENOENT:
      return {ErrorCode::kNotFound, std::move(text)};
    case EEXIST:
      return {ErrorCode::kAlreadyExists, std::move(text)};
    case ENOSPC:
    case EDQUOT:
      return {ErrorCode::kNoSpace, std::move(text)};
    default:
      return {ErrorCode::kIo, std::move(text)};
  }
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, int fd, uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}
  ~PosixWritableFile() override {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  Status Append(Bytes data) override {
    while (!data.empty()) {
      const ssize_t n = ::write(fd_, data.data(), data.size());
      if (n < 0) {
        if (errno == EINTR) {
          continue;
        }
        return ErrnoError("write", path_, errno);
      }
      size_ += static_cast<uint64_t>(n);
      data = data.subspan(static_cast<size_t>(n));
    }
    return {};
  }

  Status Sync() override {
    return ::fdatasync(fd_) == 0 ? Status() : ErrnoError("sync", path_, errno);
  }

  Status Close() override {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0 ? Status() : ErrnoError("close", path_, errno);
  }

  Status Truncate(uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      return ErrnoError("truncate", path_, errno);
    }
    size_ = size;  // the descriptor appends (O_APPEND): the end moved with it
    return {};
  }

  uint64_t size() const override { return size_; }

 private:
  const std::string path_;
  int fd_;
  uint64_t size_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~PosixReadableFile() override { ::close(fd_); }

  Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) const override {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t n =
          ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (n < 0) {
        if (errno == EINTR) {
          continue;
        }
        return ErrnoError("read", path_, errno);
      }
      if (n == 0) {
        break;
      }
      done += static_cast<size_t>(n);
    }
    return done;
  }

  Result<uint64_t> Size() const override {
    struct stat st = {};
    if (::fstat(fd_, &st) != 0) {
      return ErrnoError("stat", path_, errno);
    }
    return static_cast<uint64_t>(st.st_size);
  }

 private:
  const std::string path_;
  const int fd_;
};

class PosixMappedFile final : public MappedFile {
 public:
  PosixMappedFile(void* address, size_t size) : address_(address), size_(size) {}
  ~PosixMappedFile() override {
    if (size_ > 0) {
      ::munmap(address_, size_);
    }
  }
  Bytes data() const override { return {static_cast<const uint8_t*>(address_), size_}; }

 private:
  void* const address_;
  const size_t size_;
};

class PosixFileLock final : public FileLock {
 public:
  PosixFileLock(std::string path, int fd, bool stale)
      : path_(std::move(path)), fd_(fd), stale_(stale) {}
  ~PosixFileLock() override {
    ::unlink(path_.c_str());
    ::close(fd_);
  }
  bool replaced_stale_lock() const override { return stale_; }

 private:
  const std::string path_;
  const int fd_;
  const bool stale_;
};

class PosixFs final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    return OpenWritable(path, O_TRUNC);
  }
  Result<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override {
    return OpenWritable(path, 0);
  }

  Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, Open(path, O_RDONLY));
    return std::unique_ptr<ReadableFile>(std::make_unique<PosixReadableFile>(path, fd));
  }

  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, Open(path, O_RDONLY));
    struct stat st = {};
    void* address = nullptr;
    int code = 0;
    if (::fstat(fd, &st) != 0) {
      code = errno;
    } else if (st.st_size > 0) {
      address = ::mmap(nullptr, static_cast<size_t>(st.st_size), PROT_READ, MAP_SHARED, fd, 0);
      code = address == MAP_FAILED ? errno : 0;
    }
    ::close(fd);
    if (code != 0) {
      return ErrnoError("map", path, code);
    }
    return std::unique_ptr<MappedFile>(
        std::make_unique<PosixMappedFile>(address, static_cast<size_t>(st.st_size)));
  }

  Result<std::string> ReadFile(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, Open(path, O_RDONLY));
    const PosixReadableFile file(path, fd);
    std::string text;
    // Grown until a read comes back short: sizes of special files say nothing.
    size_t done = 0;
    while (true) {
      text.resize(std::max<size_t>(4096, text.size() * 2));
      ASSIGN_OR_RETURN(
          const size_t n,
          file.ReadAt(done, {reinterpret_cast<uint8_t*>(text.data()) + done, text.size() - done}));
      done += n;
      if (done < text.size()) {
        text.resize(done);
        return text;
      }
    }
  }

  Status CreateDirs(const std::string& path) override {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    return code ? ErrnoError("create directory", path, code.value()) : Status();
  }

  Result<std::vector<DirEntry>> List(const std::string& path) override {
    DIR* dir = ::opendir(path.c_str());
    if (dir == nullptr) {
      return ErrnoError("open directory", path, errno);
    }
    std::vector<DirEntry> entries;
    errno = 0;
    while (const dirent* entry = ::readdir(dir)) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") {
        continue;
      }
      struct stat st = {};
      if (::stat(JoinPath(path, name).c_str(), &st) == 0) {  // follows links, as ConfigMaps need
        entries.push_back(
            {std::string(name), S_ISDIR(st.st_mode), static_cast<uint64_t>(st.st_size)});
      }
      errno = 0;
    }
    const int code = errno;
    ::closedir(dir);
    if (code != 0) {
      return ErrnoError("read directory", path, code);
    }
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    return entries;
  }

  Result<bool> Exists(const std::string& path) override {
    struct stat st = {};
    if (::stat(path.c_str(), &st) == 0) {
      return true;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
      return false;
    }
    return ErrnoError("stat", path, errno);
  }

  Result<uint64_t> FileSize(const std::string& path) override {
    struct stat st = {};
    if (::stat(path.c_str(), &st) != 0) {
      return ErrnoError("stat", path, errno);
    }
    return static_cast<uint64_t>(st.st_size);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    return ::rename(from.c_str(), to.c_str()) == 0 ? Status() : ErrnoError("rename", from, errno);
  }

  Status Remove(const std::string& path) override {
    return ::remove(path.c_str()) == 0 ? Status() : ErrnoError("remove", path, errno);
  }

  Status RemoveAll(const std::string& path) override {
    std::error_code code;
    std::filesystem::remove_all(path, code);
    return code ? ErrnoError("remove", path, code.value()) : Status();
  }

  Status HardLink(const std::string& from, const std::string& to) override {
    return ::link(from.c_str(), to.c_str()) == 0 ? Status() : ErrnoError("link", from, errno);
  }

  Status SyncDir(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, Open(path, O_RDONLY | O_DIRECTORY));
    const int code = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    return code == 0 ? Status() : ErrnoError("sync directory", path, code);
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    ASSIGN_OR_RETURN(const bool existed, Exists(path));
    ASSIGN_OR_RETURN(const int fd, Open(path, O_RDWR | O_CREAT));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int code = errno;
      ::close(fd);
      if (code == EWOULDBLOCK) {
        return Error(ErrorCode::kUnavailable, "lock " + path + ": held by another process");
      }
      return ErrnoError("lock", path, code);
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 ||
        ::write(fd, pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
      const int code = errno;
      ::close(fd);
      return ErrnoError("write", path, code);
    }
    return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(path, fd, existed));
  }

  Result<Space> SpaceAt(const std::string& path) override {
    struct statvfs st = {};
    if (::statvfs(path.c_str(), &st) != 0) {
      return ErrnoError("statvfs", path, errno);
    }
    return Space{static_cast<uint64_t>(st.f_bavail) * st.f_frsize,
                 static_cast<uint64_t>(st.f_blocks) * st.f_frsize};
  }

 private:
  static Result<int> Open(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (fd < 0) {
      return ErrnoError("open", path, errno);
    }
    return fd;
  }

  static Result<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path, int flags) {
    ASSIGN_OR_RETURN(const int fd, Open(path, O_WRONLY | O_CREAT | O_APPEND | flags));
    struct stat st = {};
    if (::fstat(fd, &st) != 0) {
      const int code = errno;
      ::close(fd);
      return ErrnoError("stat", path, code);
    }
    return std::unique_ptr<WritableFile>(
        std::make_unique<PosixWritableFile>(path, fd, static_cast<uint64_t>(st.st_size)));
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static PosixFs fs;
  return fs;
}

}  // namespace tributary::base

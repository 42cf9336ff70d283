// FileSystem: every file operation of storage goes through here, so that tests can keep files in
// memory and break the disk on purpose. PosixFileSystem() is the real one; MakeMemoryFileSystem()
// keeps all in RAM; FaultyFileSystem (fs_faulty.h) wraps any of them.
//
// Paths are plain strings with '/' separators. All implementations are thread-safe; the handles
// they return are thread-compatible except where said. Errors name the path and the operation:
// "open /data/wal/00000003: permission denied". A full disk is ErrorCode::kNoSpace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tributary::base {

using Bytes = std::span<const uint8_t>;

inline Bytes AsBytes(std::string_view s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}
inline std::string_view AsString(Bytes b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

// An open file that grows at its end. Nothing is buffered in the process.
class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes, ignoring errors
  virtual Status Append(Bytes data) = 0;
  // What was appended before survives a power cut once this returns.
  virtual Status Sync() = 0;
  virtual Status Close() = 0;
  // Cuts the file to `size` bytes; later appends go there.
  virtual Status Truncate(uint64_t size) = 0;
  virtual uint64_t size() const = 0;
};

// Positioned reads. Thread-safe. A file that is still growing may be read.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Reads up to out.size() bytes; the count is short only at the end of the file.
  virtual Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) const = 0;
  virtual Result<uint64_t> Size() const = 0;
};

// A whole file mapped read-only (or read into memory where the system has no mapping).
// The bytes stay valid for the life of the object, also after the file is removed. Thread-safe.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  virtual Bytes data() const = 0;
  // Gives back the memory that looks at the bytes have taken; the next look takes what it needs.
  virtual void ReleasePages() const {}
};

// Held until destroyed; a second holder, in this or another process, is refused.
class FileLock {
 public:
  virtual ~FileLock() = default;
  // True when a lock file of an earlier process that did not release it was found.
  virtual bool replaced_stale_lock() const = 0;
};

struct DirEntry {
  std::string name;
  bool is_directory = false;
  uint64_t size = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Creates or truncates.
  virtual Result<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;
  // As Create, but only the file's owner may read or write it (mode 0600): for secrets.
  virtual Result<std::unique_ptr<WritableFile>> CreatePrivate(const std::string& path) = 0;
  // Opens for appending at the end; creates when absent.
  virtual Result<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) = 0;
  virtual Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) = 0;
  virtual Result<std::unique_ptr<MappedFile>> Map(const std::string& path) = 0;
  // The whole file at once.
  virtual Result<std::string> ReadFile(const std::string& path) = 0;

  // Makes the directory and its parents; fine when it is there already.
  virtual Status CreateDirs(const std::string& path) = 0;
  // Entries sorted by name, without "." and "..".
  virtual Result<std::vector<DirEntry>> List(const std::string& path) = 0;
  virtual Result<bool> Exists(const std::string& path) = 0;
  virtual Result<uint64_t> FileSize(const std::string& path) = 0;
  // Replaces `to` atomically when both are files.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;     // one file or empty directory
  virtual Status RemoveAll(const std::string& path) = 0;  // fine when absent
  virtual Status HardLink(const std::string& from, const std::string& to) = 0;
  virtual Status SyncDir(const std::string& path) = 0;
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
  // Free and total bytes of the file system that holds `path`.
  struct Space {
    uint64_t free = 0;
    uint64_t total = 0;
  };
  virtual Result<Space> SpaceAt(const std::string& path) = 0;
};

FileSystem& PosixFileSystem();
std::unique_ptr<FileSystem> MakeMemoryFileSystem();

// Writes `data` to `path`.tmp, syncs it, renames it over `path` and syncs the directory: after a
// crash the file holds either all of the old or all of the new bytes. Secrets are written
// kOwnerOnly. Not for two writers of one path at a time.
enum class FileAccess : unsigned char { kDefault, kOwnerOnly };
Status WriteFileAtomically(FileSystem& fs, const std::string& path, std::string_view data,
                           FileAccess access = FileAccess::kDefault);

// "a/b" + "c" = "a/b/c"; an absolute `name` is returned as it is.
std::string JoinPath(std::string_view dir, std::string_view name);
// "a/b/c" -> "a/b"; "c" -> ".".
std::string DirName(std::string_view path);
// "a/b/c" -> "c".
std::string BaseName(std::string_view path);

}  // namespace tributary::base

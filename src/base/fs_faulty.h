// FaultyFileSystem: breaks the disk on purpose. Wraps a FileSystem and, when told to, fails its
// n-th changing call, tears its n-th write, or takes away all that a power cut would.
//
//   for (uint64_t n = 1;; ++n) {           // fail the 1st, 2nd, 3rd... call until none is left
//     auto memory = MakeMemoryFileSystem();
//     FaultyFileSystem fs(*memory);
//     fs.FailAt(n);
//     ... do the thing, reopen, check what must hold ...
//     if (!fs.fault_fired()) break;
//   }
//
// Changing calls, counted one by one: Create, CreatePrivate, OpenForAppend, CreateDirs, Rename,
// Remove, RemoveAll, HardLink, SyncDir, and a file's Append, Sync and Truncate. Reads never fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/mutex.h"

namespace tributary::base {

// Thread-safe; `inner` outlives it, and it outlives its open files.
class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& inner) : inner_(inner) {}

  enum class Repeat : unsigned char { kOnce, kForever };

  // The n-th changing call from now (1 = the next) returns kIo or kNoSpace and changes nothing;
  // with kForever so does every later one. Replaces the fault set before.
  void FailAt(uint64_t n, ErrorCode code = ErrorCode::kIo, Repeat repeat = Repeat::kOnce);
  // As FailAt, but when the n-th call is an Append, its first `bytes` bytes reach the file.
  void TearAt(uint64_t n, size_t bytes, ErrorCode code = ErrorCode::kIo,
              Repeat repeat = Repeat::kOnce);
  // Takes back the fault; calls work again.
  void Heal();
  // Changing calls so far, failed ones included.
  uint64_t operations() const;
  // Whether any call has failed on purpose.
  bool fault_fired() const;

  // The power cut. Bytes appended since their file's last Sync are gone; so are files created,
  // renamed, linked or removed since the last SyncDir of the directory they went to (what was
  // removed or replaced is back). Directories themselves and truncations stay. Files opened before
  // answer every call with kIo from now on: the process that held them is dead.
  Status DropUnsynced();

  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> CreatePrivate(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override;
  Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override;
  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override;
  Result<std::string> ReadFile(const std::string& path) override;
  Status CreateDirs(const std::string& path) override;
  Result<std::vector<DirEntry>> List(const std::string& path) override;
  Result<bool> Exists(const std::string& path) override;
  Result<uint64_t> FileSize(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status RemoveAll(const std::string& path) override;
  Status HardLink(const std::string& from, const std::string& to) override;
  Status SyncDir(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<Space> SpaceAt(const std::string& path) override;

 private:
  class File;
  // How much of a file a power cut leaves. Shared by the file's names and its open handles.
  struct FileState {
    uint64_t synced = 0;
  };
  // A file as it was, to be put back.
  struct Lost {
    std::string path;
    std::string data;
  };
  // A change to a directory that no SyncDir has made durable.
  struct Change {
    enum class Kind : unsigned char { kCreated, kRenamed, kRemoved };
    Kind kind = Kind::kCreated;
    std::string from;  // kRenamed: the old name
    std::string path;  // the name created, renamed to or removed
    std::vector<Lost> lost;
    std::vector<std::string> lost_dirs;
  };
  enum class OpenMode : unsigned char { kCreate, kCreatePrivate, kAppend };

  Result<std::unique_ptr<WritableFile>> Open(const std::string& path, OpenMode mode);
  // Counts a changing call; an error when it is to fail. `torn` (may be null) receives the number
  // of bytes that are to land in spite of it.
  Status Begin(std::string_view operation, const std::string& path, size_t* torn = nullptr)
      TB_REQUIRES(mutex_);
  Status Save(const std::string& path, Change* change) TB_REQUIRES(mutex_);
  Status Undo(const Change& change) TB_REQUIRES(mutex_);
  void MoveStates(const std::string& from, const std::string& to) TB_REQUIRES(mutex_);
  void CommitChangesIn(const std::string& dir) TB_REQUIRES(mutex_);

  FileSystem& inner_;
  mutable Mutex mutex_;  // held across calls of inner_: this is a tool for tests
  uint64_t operations_ TB_GUARDED_BY(mutex_) = 0;
  uint64_t fail_at_ TB_GUARDED_BY(mutex_) = 0;  // 0: no fault is set
  Repeat repeat_ TB_GUARDED_BY(mutex_) = Repeat::kOnce;
  ErrorCode code_ TB_GUARDED_BY(mutex_) = ErrorCode::kIo;
  size_t torn_bytes_ TB_GUARDED_BY(mutex_) = 0;
  bool fired_ TB_GUARDED_BY(mutex_) = false;
  uint64_t power_cuts_ TB_GUARDED_BY(mutex_) = 0;
  // Files changed since the last power cut, by path; all others are as durable as they stand.
  std::map<std::string, std::shared_ptr<FileState>> states_ TB_GUARDED_BY(mutex_);
  std::vector<Change> changes_ TB_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace tributary::base

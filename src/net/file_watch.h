// FileStamp: enough of a file's identity to see that it was written anew or replaced by a rename.
#pragma once

#include <cstdint>
#include <string>

namespace tributary::net {

struct FileStamp {
  int64_t mtime_ns = -1;  // -1: the file cannot be seen
  uint64_t inode = 0;
  uint64_t size = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// Follows symbolic links, as Kubernetes mounts secrets.
FileStamp StampOf(const std::string& path);

}  // namespace tributary::net

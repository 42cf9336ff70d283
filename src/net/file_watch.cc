#include "net/file_watch.h"

#include <sys/stat.h>

namespace tributary::net {

FileStamp StampOf(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return {};
  return {static_cast<int64_t>(st.st_mtim.tv_sec) * 1'000'000'000 + st.st_mtim.tv_nsec, st.st_ino,
          static_cast<uint64_t>(st.st_size)};
}

}  // namespace tributary::net

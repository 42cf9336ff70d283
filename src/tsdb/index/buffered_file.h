// BufferedFile: a file written front to back in large pieces. The first error stays and makes all
// that follows do nothing, so that callers may check once in a while. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/fs.h"
#include "base/result.h"

namespace tributary::tsdb {

class BufferedFile {
 public:
  // Creates or truncates `path`; status() tells whether that worked.
  BufferedFile(base::FileSystem& fs, const std::string& path);

  void Append(base::Bytes data);
  void Append(std::string_view data) { Append(base::AsBytes(data)); }
  // Zero bytes up to the next multiple of `alignment`.
  void PadTo(uint64_t alignment);
  uint64_t position() const { return position_; }
  const base::Status& status() const { return status_; }

  // Writes what is left, syncs and closes. Returns the first error of all calls.
  base::Status Finish();

 private:
  void Flush();

  std::unique_ptr<base::WritableFile> file_;
  std::string buffer_;
  uint64_t position_ = 0;
  base::Status status_;
};

}  // namespace tributary::tsdb

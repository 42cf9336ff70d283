// PositionFile: remembers how far a destination has been delivered. Lines are appended, the last
// good one counts, and the file is written anew when it has grown: noting a position costs one
// small write. What kill -9 leaves is right; a power cut may take the file back some positions,
// and then a little is sent again, which is harmless.
//
// A line: "<segment> <offset> <hash of both, hex>\n".
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "storage/wal_source.h"

namespace tributary::remote {

class PositionFile {
 public:
  // Reads what is there; the directory is made when missing.
  static base::Result<std::unique_ptr<PositionFile>> Open(base::FileSystem& fs, std::string path);

  // Nothing when the file did not exist or holds no good line.
  const std::optional<storage::WalPosition>& last() const { return last_; }
  base::Status Note(storage::WalPosition position);

 private:
  PositionFile(base::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  base::FileSystem& fs_;
  const std::string path_;
  std::optional<storage::WalPosition> last_;
  std::unique_ptr<base::WritableFile> file_;
};

}  // namespace tributary::remote

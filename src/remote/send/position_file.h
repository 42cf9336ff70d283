// PositionFile: remembers how far a destination has been delivered. Lines are appended, the last
// good one counts, and the file is written anew when it has grown: noting a position costs one
// small write. What kill -9 leaves is right; a power cut may take the file back some positions,
// and then a little is sent again, which is harmless.
//
// A line: "<segment> <offset>" of `fresh`, the same of begin and end of each range that is set
// aside, and the hash of all that, hex.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "storage/wal_source.h"

namespace tributary::remote {

// Everything before `fresh` is delivered or given up, but for what is set aside.
struct Delivered {
  storage::WalPosition fresh;
  std::vector<storage::WalRange> aside;  // ascending, all before `fresh`, none of them empty

  // Everything before it is delivered.
  storage::WalPosition oldest() const { return aside.empty() ? fresh : aside.front().begin; }
  friend bool operator==(const Delivered&, const Delivered&) = default;
};

class PositionFile {
 public:
  // Reads what is there; the directory is made when missing.
  static base::Result<std::unique_ptr<PositionFile>> Open(base::FileSystem& fs, std::string path);

  // Nothing when the file did not exist or holds no good line.
  const std::optional<Delivered>& last() const { return last_; }
  base::Status Note(const Delivered& delivered);

 private:
  PositionFile(base::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  base::FileSystem& fs_;
  const std::string path_;
  std::optional<Delivered> last_;
  std::unique_ptr<base::WritableFile> file_;
};

}  // namespace tributary::remote

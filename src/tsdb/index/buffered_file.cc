#include "tsdb/index/buffered_file.h"

#include <utility>

namespace tributary::tsdb {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

BufferedFile::BufferedFile(base::FileSystem& fs, const std::string& path) {
  auto file = fs.Create(path);
  if (file) {
    file_ = std::move(*file);
  } else {
    status_ = file.error();
  }
}

void BufferedFile::Append(base::Bytes data) {
  position_ += data.size();
  if (!status_) return;
  buffer_.append(base::AsString(data));
  if (buffer_.size() >= kBufferBytes) Flush();
}

void BufferedFile::PadTo(uint64_t alignment) {
  const uint64_t over = position_ % alignment;
  if (over != 0) Append(std::string(alignment - over, '\0'));
}

base::Status BufferedFile::Finish() {
  Flush();
  if (status_) status_ = file_->Sync();
  if (file_ != nullptr) {
    base::Status closed = file_->Close();
    file_.reset();
    if (status_) status_ = std::move(closed);
  }
  return status_;
}

void BufferedFile::Flush() {
  if (status_ && !buffer_.empty()) status_ = file_->Append(base::AsBytes(buffer_));
  buffer_.clear();
}

}  // namespace tributary::tsdb

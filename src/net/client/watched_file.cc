#include "net/client/watched_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "base/strings.h"

namespace tributary::net {

base::Result<std::shared_ptr<const std::string>> WatchedFile::Get() {
  const FileStamp stamp = StampOf(path_);
  {
    base::MutexLock lock(mutex_);
    if (content_ && stamp == stamp_) return content_;
  }
  std::ifstream in(path_, std::ios::binary);
  if (!in) {
    return base::IoError(fmt::format("read {}: {}", path_, base::ToLower(std::strerror(errno))));
  }
  std::ostringstream text;
  text << in.rdbuf();
  std::string content = std::move(text).str();
  if (trim_) content = std::string(base::TrimSpace(content));
  auto fresh = std::make_shared<const std::string>(std::move(content));
  base::MutexLock lock(mutex_);
  stamp_ = stamp;
  content_ = fresh;
  return fresh;
}

TextOrFile::TextOrFile(std::string text, const std::string& file, bool trim) {
  if (!text.empty()) {
    text_ = std::make_shared<const std::string>(std::move(text));
  } else if (!file.empty()) {
    file_ = std::make_unique<WatchedFile>(file, trim);
  }
}

base::Result<std::shared_ptr<const std::string>> TextOrFile::Get() {
  if (text_) return text_;
  return file_->Get();
}

}  // namespace tributary::net

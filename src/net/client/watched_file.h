// WatchedFile: the contents of a small file (credential, certificate), read again when the file
// changes. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "net/file_watch.h"

namespace tributary::net {

class WatchedFile {
 public:
  // `trim`: without leading and trailing white space, as credentials are taken.
  WatchedFile(std::string path, bool trim) : path_(std::move(path)), trim_(trim) {}
  // The current contents. One stat() when nothing changed.
  base::Result<std::shared_ptr<const std::string>> Get();

 private:
  const std::string path_;
  const bool trim_;
  base::Mutex mutex_;
  FileStamp stamp_ TB_GUARDED_BY(mutex_);
  std::shared_ptr<const std::string> content_ TB_GUARDED_BY(mutex_);
};

// A setting that is given inline, as a file, or not at all.
class TextOrFile {
 public:
  TextOrFile(std::string text, const std::string& file, bool trim);
  bool given() const { return text_ != nullptr || file_ != nullptr; }
  // REQUIRES: given().
  base::Result<std::shared_ptr<const std::string>> Get();

 private:
  std::shared_ptr<const std::string> text_;
  std::unique_ptr<WatchedFile> file_;
};

}  // namespace tributary::net

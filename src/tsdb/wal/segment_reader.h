// SegmentReader: the records of one segment, from any record's start on. Knows exactly where it is,
// so that a damaged place can be named, cut off or skipped. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace tributary::tsdb {

// Makes `record` what `packed` was before it was compressed; it points into `packed` or `buffer`.
base::Status UnpackRecord(uint8_t packing, base::Bytes packed, std::string* buffer,
                          base::Bytes* record);

class SegmentReader {
 public:
  // `offset` is the start of a record (0, or what end_offset() once said). `limit` is where reading
  // ends; by default the end of the file.
  static base::Result<std::unique_ptr<SegmentReader>> Open(base::FileSystem& fs,
                                                           const std::string& dir, uint32_t index,
                                                           uint64_t offset = 0);

  enum class State : unsigned char {
    kRecord,   // record() is valid
    kEnd,      // nothing more before the limit
    kCorrupt,  // error() says where and what; SkipDamage() may go on
    kIoError,  // error() says what
  };
  State Next();

  // Reading stops here from now on: a growing segment is read up to what is known to be whole.
  void set_limit(uint64_t limit) { limit_ = limit; }

  // Records are given as they are in the file from now on: UnpackRecord() is left to the caller,
  // who may have more threads than one.
  void LeavePacked() { leave_packed_ = true; }

  // Until the next call of Next().
  base::Bytes record() const { return record_; }
  // How the record is compressed, for UnpackRecord(). 0 once it was unpacked.
  uint8_t packing() const { return packing_; }
  // Start of the record that Next() gave or failed on.
  uint64_t record_offset() const { return record_offset_; }
  // First byte after the last record given.
  uint64_t end_offset() const { return end_offset_; }
  const base::Error& error() const { return *error_; }
  uint32_t index() const { return index_; }

  // After kCorrupt: goes on behind the damage, which mostly means at the next page; fragments whose
  // beginning was lost are passed over.
  void SkipDamage();

 private:
  SegmentReader(std::unique_ptr<base::ReadableFile> file, uint32_t index, uint64_t offset);
  // Makes bytes [offset_, offset_ + n) available at `window`; fewer at the limit.
  base::Result<base::Bytes> Window(size_t n);
  State Corrupt(std::string_view what);
  State FailIo(base::Error error);
  State Finish(uint8_t flags);

  const std::unique_ptr<base::ReadableFile> file_;
  const uint32_t index_;
  uint64_t limit_ = UINT64_MAX;
  uint64_t offset_;  // of the next fragment
  uint64_t record_offset_ = 0;
  uint64_t end_offset_;
  uint64_t resume_offset_ = 0;  // where to go on after damage
  bool skip_continuations_ = false;
  bool leave_packed_ = false;
  uint8_t packing_ = 0;

  std::vector<uint8_t> buffer_;  // file bytes [buffer_offset_, buffer_offset_ + buffer_size_)
  uint64_t buffer_offset_ = 0;
  size_t buffer_size_ = 0;

  std::string joined_;    // fragments of a record that has several
  std::string unpacked_;  // after decompression
  base::Bytes record_;
  std::optional<base::Error> error_;
};

}  // namespace tributary::tsdb

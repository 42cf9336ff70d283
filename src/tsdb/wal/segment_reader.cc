#include "tsdb/wal/segment_reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tsdb/wal/crc32c.h"
#include "tsdb/wal/segment.h"
#include "wire/compression.h"

namespace tributary::tsdb {
namespace {

constexpr size_t kBufferBytes = 16 * kWalPageBytes;
// A commit is one record; none that fits in memory comes near this.
constexpr size_t kMaxRecordBytes = 1u << 30;

}  // namespace

base::Status UnpackRecord(uint8_t packing, base::Bytes packed, std::string* buffer,
                          base::Bytes* record) {
  *record = packed;
  if (packing == 0) return {};
  const base::Status status = (packing & kSnappyFlag) != 0
                                  ? wire::SnappyDecode(packed, kMaxRecordBytes, buffer)
                                  : wire::ZstdDecode(packed, kMaxRecordBytes, buffer);
  if (!status) {
    return base::Corruption("record does not decompress: " + status.error().message());
  }
  *record = base::AsBytes(*buffer);
  return {};
}

SegmentReader::SegmentReader(std::unique_ptr<base::ReadableFile> file, uint32_t index,
                             uint64_t offset)
    : file_(std::move(file)), index_(index), offset_(offset), end_offset_(offset) {}

base::Result<std::unique_ptr<SegmentReader>> SegmentReader::Open(base::FileSystem& fs,
                                                                 const std::string& dir,
                                                                 uint32_t index, uint64_t offset) {
  ASSIGN_OR_RETURN(std::unique_ptr<base::ReadableFile> file,
                   fs.OpenForRead(SegmentPath(dir, index)));
  return std::unique_ptr<SegmentReader>(new SegmentReader(std::move(file), index, offset));
}

base::Result<base::Bytes> SegmentReader::Window(size_t n) {
  if (limit_ <= offset_) return base::Bytes();
  n = static_cast<size_t>(std::min<uint64_t>(n, limit_ - offset_));
  if (offset_ < buffer_offset_ || offset_ + n > buffer_offset_ + buffer_size_) {
    // Small logs and quiet followers should not each hold a full buffer.
    const uint64_t wanted = std::min<uint64_t>(kBufferBytes, limit_ - offset_);
    if (buffer_.size() < wanted) {
      ASSIGN_OR_RETURN(const uint64_t file_size, file_->Size());
      const uint64_t rest = file_size > offset_ ? file_size - offset_ : 0;
      const size_t size = static_cast<size_t>(std::min(wanted, rest));
      if (buffer_.size() < size) buffer_.resize(size);
    }
    ASSIGN_OR_RETURN(buffer_size_,
                     file_->ReadAt(offset_, std::span(buffer_).first(static_cast<size_t>(
                                                std::min<uint64_t>(buffer_.size(), wanted)))));
    buffer_offset_ = offset_;
  }
  const size_t begin = static_cast<size_t>(offset_ - buffer_offset_);
  return base::Bytes(buffer_).subspan(begin, std::min(n, buffer_size_ - begin));
}

SegmentReader::State SegmentReader::Next() {
  joined_.clear();
  record_offset_ = offset_;
  bool inside = false;  // a first fragment was read
  uint8_t flags = 0;
  while (true) {
    const size_t in_page = kWalPageBytes - static_cast<size_t>(offset_ % kWalPageBytes);
    auto window = Window(in_page);
    if (!window) return FailIo(window.error());
    const base::Bytes page = *window;
    if (page.empty()) {
      if (inside) return Corrupt("record ends with the segment");
      end_offset_ = std::max(end_offset_, offset_);
      return State::kEnd;
    }
    const auto type = static_cast<FragmentType>(page[0] & kFragmentTypeMask);
    if (type == FragmentType::kPageEnd) {
      if (std::ranges::any_of(page, [](uint8_t b) { return b != 0; })) {
        return Corrupt("non-zero byte in the padding of a page");
      }
      offset_ += page.size();
      if (!inside) record_offset_ = offset_;
      continue;
    }
    if (page.size() < kWalHeaderBytes) return Corrupt("fragment header is cut short");
    const size_t length = static_cast<size_t>(page[1]) << 8 | page[2];
    if (length > in_page - kWalHeaderBytes) return Corrupt("fragment crosses a page");
    if (length > page.size() - kWalHeaderBytes) return Corrupt("fragment is cut short");
    const uint32_t crc = static_cast<uint32_t>(page[3]) << 24 |
                         static_cast<uint32_t>(page[4]) << 16 |
                         static_cast<uint32_t>(page[5]) << 8 | page[6];
    const base::Bytes data = page.subspan(kWalHeaderBytes, length);
    if (Crc32c(data) != crc) return Corrupt("record crc mismatch");

    const bool begins = type == FragmentType::kFull || type == FragmentType::kFirst;
    const bool ends = type == FragmentType::kFull || type == FragmentType::kLast;
    if (static_cast<uint8_t>(type) > static_cast<uint8_t>(FragmentType::kLast)) {
      return Corrupt("unknown fragment type");
    }
    if (skip_continuations_ && !begins) {
      offset_ += kWalHeaderBytes + length;
      record_offset_ = offset_;
      continue;
    }
    skip_continuations_ = false;
    if (begins && inside) {
      const State state = Corrupt("record begins inside another");
      resume_offset_ = offset_;  // that other one is whole so far
      return state;
    }
    if (!begins && !inside) return Corrupt("record without a beginning");
    flags = page[0];
    offset_ += kWalHeaderBytes + length;
    if (type == FragmentType::kFull) {
      record_ = data;
    } else {
      if (joined_.size() + data.size() > kMaxRecordBytes) return Corrupt("record is too long");
      joined_.append(base::AsString(data));
      record_ = base::AsBytes(joined_);
    }
    if (ends) return Finish(flags);
    inside = true;
  }
}

SegmentReader::State SegmentReader::Finish(uint8_t flags) {
  packing_ = flags & (kSnappyFlag | kZstdFlag);
  base::Status status;
  if (!leave_packed_) {
    status = UnpackRecord(packing_, record_, &unpacked_, &record_);
    packing_ = 0;
  }
  if (!status) {
    const uint64_t next = offset_;
    offset_ = record_offset_;
    const State state = Corrupt(status.error().message());
    resume_offset_ = next;  // its fragments were whole
    return state;
  }
  end_offset_ = offset_;
  return State::kRecord;
}

SegmentReader::State SegmentReader::Corrupt(std::string_view what) {
  error_ = base::Corruption(
      fmt::format("wal: segment {} at {}: {}", SegmentName(index_), offset_, what));
  resume_offset_ = (offset_ / kWalPageBytes + 1) * kWalPageBytes;
  record_ = {};
  return State::kCorrupt;
}

SegmentReader::State SegmentReader::FailIo(base::Error error) {
  error_ = error.Context("wal: segment " + SegmentName(index_));
  record_ = {};
  return State::kIoError;
}

void SegmentReader::SkipDamage() {
  offset_ = resume_offset_;
  skip_continuations_ = true;
}

}  // namespace tributary::tsdb

#include "tsdb/wal/wal_reader.h"

#include <utility>

namespace tributary::tsdb {

base::Result<WalReader> WalReader::Open(base::FileSystem& fs, std::string dir, uint32_t first,
                                        uint32_t last) {
  ASSIGN_OR_RETURN(std::vector<SegmentInfo> segments, ListSegments(fs, dir));
  std::erase_if(segments, [&](const SegmentInfo& s) { return s.index < first || s.index > last; });
  return WalReader(fs, std::move(dir), std::move(segments));
}

SegmentReader::State WalReader::Next() {
  while (true) {
    if (segment_ == nullptr) {
      if (next_segment_ == segments_.size()) return SegmentReader::State::kEnd;
      auto opened = SegmentReader::Open(*fs_, dir_, segments_[next_segment_++].index);
      if (!opened) {
        open_error_.assign(1, opened.error());
        return SegmentReader::State::kIoError;
      }
      segment_ = std::move(*opened);
    }
    const SegmentReader::State state = segment_->Next();
    if (state != SegmentReader::State::kEnd) return state;
    segment_.reset();
  }
}

const base::Error& WalReader::error() const {
  return segment_ != nullptr ? segment_->error() : open_error_.front();
}

storage::WalPosition WalReader::position() const {
  if (segment_ == nullptr) return {};
  return {segment_->index(), segment_->record_offset()};
}

void WalReader::SkipSegment() { segment_.reset(); }

}  // namespace tributary::tsdb

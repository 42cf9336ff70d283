// Start timestamps in V2 records: the first entry's in full, each later one as a marker: none, that
// of the entry before, or its difference to the first. Format: Prometheus tsdb/record/record.go.
#pragma once

#include <cstdint>

#include "tsdb/wal/bytes.h"

namespace tributary::tsdb {

enum class StartMarker : uint8_t { kNone = 0, kSame = 1, kExplicit = 2 };

class StartWriter {
 public:
  void WriteFirst(int64_t start, ByteWriter* w) {
    first_ = previous_ = start;
    w->Varint(start);
  }
  void WriteNext(int64_t start, ByteWriter* w) {
    if (start == 0) {
      w->Byte(static_cast<uint8_t>(StartMarker::kNone));
    } else if (start == previous_) {
      w->Byte(static_cast<uint8_t>(StartMarker::kSame));
    } else {
      w->Byte(static_cast<uint8_t>(StartMarker::kExplicit));
      w->Varint(static_cast<int64_t>(static_cast<uint64_t>(start) - static_cast<uint64_t>(first_)));
    }
    previous_ = start;
  }

 private:
  int64_t first_ = 0;
  int64_t previous_ = 0;
};

class StartReader {
 public:
  void ReadFirst(ByteReader* r) { first_ = value_ = r->Varint(); }
  void ReadNext(ByteReader* r) {
    switch (static_cast<StartMarker>(r->Byte())) {
      case StartMarker::kNone:
        value_ = 0;
        break;
      case StartMarker::kSame:
        break;
      default:
        value_ = static_cast<int64_t>(static_cast<uint64_t>(first_) +
                                      static_cast<uint64_t>(r->Varint()));
    }
  }
  // Of the entry read last; 0: not known.
  int64_t value() const { return value_; }

 private:
  int64_t first_ = 0;
  int64_t value_ = 0;
};

}  // namespace tributary::tsdb

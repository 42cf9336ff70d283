// Any bytes as meta.json and as a tombstones file: refused, or the same after another round.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "tsdb/block/block_meta.h"
#include "tsdb/block/tombstones.h"

namespace tsdb = tributary::tsdb;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tributary::base::Bytes bytes(data, size);
  if (const auto meta = tsdb::ParseBlockMeta(tributary::base::AsString(bytes))) {
    const std::string text = tsdb::FormatBlockMeta(*meta);
    const auto again = tsdb::ParseBlockMeta(text);
    CHECK(again.has_value(), "a meta.json of ours is refused");
  }
  if (const auto tombstones = tsdb::ParseTombstones(bytes)) {
    const std::string file = tsdb::FormatTombstones(*tombstones);
    const auto again = tsdb::ParseTombstones(tributary::base::AsBytes(file));
    CHECK(again.has_value() && again->size() == tombstones->size(), "tombstones do not come back");
  }
  return 0;
}

// Any bytes as the parts of a head snapshot: refused, or series that the head can go on with and
// that are the same after another round.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "tsdb/head/mem_series.h"
#include "tsdb/head/snapshot_file.h"

namespace base = tributary::base;
namespace tsdb = tributary::tsdb;

namespace {

// A series with this chunk, and more samples behind it.
void GoOnWith(const tsdb::SnapshotChunk& chunk) {
  tsdb::HeadShard shard;
  tsdb::MemSeries series;
  if (chunk.open) {
    tsdb::RestoreOpenChunk(&shard, &series, chunk.view.data, chunk.state, chunk.next_at);
  } else {
    tsdb::RestoreClosedChunk(&shard, &series, chunk.view);
  }
  constexpr int64_t kInterval = 1000;
  if (chunk.view.max_time > INT64_MAX / 2 || chunk.view.max_time < INT64_MIN / 2) return;
  for (int i = 1; i < 5; ++i) {
    AppendFloat(&shard, &series, {}, chunk.view.max_time + i * kInterval, i * 0.1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const base::Bytes bytes(data, size);
  if (const auto origin = tsdb::DecodeOrigin(bytes)) {
    std::string text;
    tsdb::EncodeOrigin(*origin, &text);
    CHECK(tsdb::DecodeOrigin(base::AsBytes(text)).has_value(), "an origin of ours is refused");
  }
  tsdb::ByteReader in(bytes);
  tsdb::SnapshotSeries series;
  while (!in.done() && tsdb::DecodeSnapshotSeries(&in, &series)) {
    std::string text;
    tsdb::EncodeSnapshotSeries(series, &text);
    tsdb::ByteReader again(base::AsBytes(text));
    tsdb::SnapshotSeries same;
    CHECK(tsdb::DecodeSnapshotSeries(&again, &same) && again.remaining() == 0 &&
              same.slot == series.slot && same.labels == series.labels &&
              same.chunks.size() == series.chunks.size(),
          "a series of ours does not come back");
    for (const tsdb::SnapshotChunk& chunk : series.chunks) GoOnWith(chunk);
  }
  return 0;
}

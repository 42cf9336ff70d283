// Any bytes as a segment: reading ends, skips what is damaged and never leaves the file. Then the
// whole head replays the same bytes.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/segment_reader.h"

namespace base = tributary::base;
namespace tsdb = tributary::tsdb;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  base::ConfigureLogging(static_cast<base::LogLevel>(4), base::LogFormat::kLogfmt);
  const auto fs = base::MakeMemoryFileSystem();
  CHECK(fs->CreateDirs("wal").has_value(), "no directory");
  {
    const auto file = fs->Create(tsdb::SegmentPath("wal", 0));
    CHECK(file.has_value() && (*file)->Append({data, size}).has_value(), "no file");
  }
  const auto reader = tsdb::SegmentReader::Open(*fs, "wal", 0);
  CHECK(reader.has_value(), "cannot open");
  size_t steps = 0;
  for (bool done = false; !done;) {
    CHECK(++steps <= size + 2, "reading does not move on");
    switch ((*reader)->Next()) {
      case tsdb::SegmentReader::State::kRecord:
        CHECK((*reader)->end_offset() <= size, "read beyond the end");
        break;
      case tsdb::SegmentReader::State::kCorrupt:
        (*reader)->SkipDamage();
        break;
      default:
        done = true;
    }
  }
  base::MetricsRegistry registry;
  tsdb::Head head({}, registry, nullptr);
  (void)head.Replay(*fs, {.wal_dir = "wal"});
  return 0;
}

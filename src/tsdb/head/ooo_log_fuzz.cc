// Any bytes as the records of a log of samples out of order: replay, reading, compaction and
// truncation take whatever is in them. The input is records, each behind its length in one byte.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/record.h"

namespace base = tributary::base;
namespace chunk = tributary::chunk;
namespace model = tributary::model;
namespace storage = tributary::storage;
namespace tsdb = tributary::tsdb;

namespace {

void ReadAll(const storage::SeriesSelection& selection) {
  storage::ChunkBuffer buffer;
  std::vector<chunk::ChunkView> chunks;
  for (size_t i = 0; i < selection.size(); ++i) {
    CHECK(selection.Chunks(i, &buffer, &chunks).has_value(), "chunks cannot be read");
  }
  std::vector<tsdb::StoredSample> samples;
  for (const chunk::ChunkView& c : chunks) {
    CHECK(tsdb::DecodeSamples(c, {model::kMinTime, model::kMaxTime}, &samples).has_value(),
          "a chunk of ours does not decode");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  base::ConfigureLogging(static_cast<base::LogLevel>(4), base::LogFormat::kLogfmt);
  const auto fs = base::MakeMemoryFileSystem();
  tsdb::RecordBatch batch;
  {
    auto wal = tsdb::WalWriter::Open(*fs, {.dir = "wal"}, nullptr);
    tsdb::BeginSeriesRecord(batch.buffer());
    for (uint64_t ref = 1; ref <= 3; ++ref) {
      const std::string value = std::to_string(ref);
      const model::Label label{"i", value};
      tsdb::AppendSeriesEntry(model::SeriesRef(ref), {&label, 1}, batch.buffer());
    }
    batch.EndRecord();
    CHECK(wal.has_value() && (*wal)->Log(batch).has_value(), "no log");
  }
  batch.Clear();
  while (size > 0) {
    const size_t length = std::min<size_t>(data[0], size - 1);
    batch.buffer()->append(reinterpret_cast<const char*>(data) + 1, length);
    batch.EndRecord();
    data += 1 + length;
    size -= 1 + length;
  }
  {
    auto wbl = tsdb::WalWriter::Open(*fs, {.dir = "wbl"}, nullptr);
    CHECK(wbl.has_value() && (*wbl)->Log(batch).has_value(), "no log");
  }
  base::MetricsRegistry registry;
  tsdb::Head head({}, registry, nullptr);
  CHECK(head.Replay(*fs, {.wal_dir = "wal"}).has_value(), "no replay");
  CHECK(head.out_of_order().Replay(*fs, "wbl").has_value(), "no replay");
  {
    const auto querier = head.NewQuerier(model::kMinTime, model::kMaxTime);
    ReadAll(**(*querier)->Select({}, {}));
  }
  const auto begins = head.out_of_order().Seal(1000);
  CHECK(begins.has_value(), "no compaction");
  for (const model::Timestamp begin : *begins) {
    ReadAll(*head.out_of_order().SelectMarked(begin, begin + 999));
  }
  CHECK(head.out_of_order().Truncate(*fs).has_value(), "no truncation");
  CHECK(head.out_of_order().empty(), "something is left");
  return 0;
}

// Any bytes as chunks of a block: read from a chunk file at any offset, and rewritten. What comes
// out must be in order and within the range.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "storage/querier.h"
#include "tsdb/block/chunk_files.h"
#include "tsdb/block/normalize_chunks.h"

namespace base = tributary::base;
namespace chunk = tributary::chunk;
namespace tsdb = tributary::tsdb;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const auto fs = base::MakeMemoryFileSystem();
  if (!fs->CreateDirs("chunks")) return 0;
  const base::Bytes bytes(data, size);
  {
    const auto file = fs->Create("chunks/000001");
    const uint8_t header[] = {0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0};
    if (!file || !(*file)->Append(header) || !(*file)->Append(bytes)) return 0;
  }
  const auto reader = tsdb::ChunkFileReader::Open(*fs, "chunks");
  CHECK(reader.has_value(), "a chunk file with a good header is refused");
  for (uint64_t ref = 0; ref < size + 16; ++ref) (void)(*reader)->Get({ref, 0, 0});

  const auto encoding = static_cast<chunk::Encoding>(data[0] % 8);
  const base::Bytes body = bytes.subspan(2);
  std::vector<chunk::ChunkView> chunks = {
      {encoding, 0, 1000, body.first(body.size() / 2)},
      {static_cast<chunk::Encoding>(data[1] % 8), 500, 2000, body.subspan(body.size() / 2)}};
  const tsdb::TimeInterval deleted[] = {{100, 200}};
  tributary::storage::ChunkBuffer buffer;
  if (!tsdb::NormalizeChunks({50, 1500}, deleted, &buffer, &chunks)) return 0;
  int64_t last = 49;
  for (const chunk::ChunkView& c : chunks) {
    CHECK(c.min_time > last && c.max_time >= c.min_time, "chunks out of order");
    last = c.max_time;
  }
  CHECK(last <= 1500, "samples out of range");
  return 0;
}

#include "tsdb/head/chunk_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "chunk/xor_chunk.h"
#include "tsdb/wal/bytes.h"
#include "tsdb/wal/crc32c.h"

namespace tributary::tsdb {
namespace {

constexpr uint32_t kMagic = 0x0130BC91;
constexpr uint8_t kVersion = 1;
constexpr uint8_t kOutOfOrderBit = 0x80;
constexpr size_t kHeaderBytes = 8;
constexpr size_t kCrcBytes = 4;

}  // namespace

void BeginChunkFile(std::string* out) {
  ByteWriter w(out);
  w.Be32(kMagic);
  w.Byte(kVersion);
  out->append(3, '\0');
}

size_t AppendFileChunk(const FileChunk& chunk, std::string* out) {
  const size_t begin = out->size();
  ByteWriter w(out);
  w.Be64(chunk.ref.value());
  w.Be64(static_cast<uint64_t>(chunk.chunk.min_time));
  w.Be64(static_cast<uint64_t>(chunk.chunk.max_time));
  w.Byte(static_cast<uint8_t>(static_cast<uint8_t>(chunk.chunk.encoding) |
                              (chunk.out_of_order ? kOutOfOrderBit : 0)));
  w.Uvarint(chunk.chunk.data.size());
  const size_t data = out->size();
  out->append(base::AsString(chunk.chunk.data));
  w.Be32(Crc32c(base::AsBytes(*out).subspan(begin)));
  return data;
}

ParsedChunkFile ParseChunkFile(base::Bytes file) {
  ParsedChunkFile parsed;
  const auto damaged = [&](size_t at, std::string_view what) {
    parsed.damage = base::Corruption(fmt::format("at {}: {}", at, what));
  };
  ByteReader head(file);
  if (head.Be32() != kMagic || head.Byte() != kVersion || file.size() < kHeaderBytes) {
    damaged(0, "not the header of a head chunk file of version 1");
    return parsed;
  }
  for (size_t at = kHeaderBytes; at < file.size();) {
    const base::Bytes rest = file.subspan(at);
    ByteReader r(rest);
    FileChunk entry;
    entry.ref = model::SeriesRef(r.Be64());
    entry.chunk.min_time = static_cast<int64_t>(r.Be64());
    entry.chunk.max_time = static_cast<int64_t>(r.Be64());
    // Prometheus makes files longer than what it has written so far.
    if (entry.ref.value() == 0 && entry.chunk.min_time == 0 && entry.chunk.max_time == 0) {
      if (!r.ok() && std::ranges::any_of(rest, [](uint8_t b) { return b != 0; })) {
        damaged(at, "chunk is cut short");
      }
      return parsed;
    }
    const uint8_t encoding = r.Byte();
    const uint64_t size = r.Uvarint();
    if (!r.ok() || r.remaining() < kCrcBytes || size > r.remaining() - kCrcBytes) {
      damaged(at, "chunk is cut short");
      return parsed;
    }
    const size_t data = rest.size() - r.remaining();
    ByteReader crc(rest.subspan(data + size, kCrcBytes));
    if (crc.Be32() != Crc32c(rest.first(data + size))) {
      damaged(at, "chunk crc mismatch");
      return parsed;
    }
    entry.out_of_order = (encoding & kOutOfOrderBit) != 0;
    entry.chunk.encoding = static_cast<chunk::Encoding>(encoding & ~kOutOfOrderBit);
    entry.chunk.data = rest.subspan(data, size);
    entry.num_samples = chunk::ChunkNumSamples(entry.chunk.data);
    parsed.chunks.push_back(entry);
    at += data + size + kCrcBytes;
  }
  return parsed;
}

}  // namespace tributary::tsdb

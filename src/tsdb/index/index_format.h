// The index of a block, version 2: symbols, series, postings, the table that finds postings, and a
// table of contents at the end. Source: Prometheus tsdb/index/index.go, tsdb/docs/format/index.md
// (where they differ, the code). Integers are big endian; each section is followed by the CRC-32C
// of what its length counts.
//
//   header   magic u32, version u8
//   symbols  len u32, count u32, strings in bytewise order
//   series   each at a multiple of 16, its ref is offset / 16: len uvarint, then
//            labels: count, (name, value) as numbers of symbols; chunks: count, first (min varint,
//            max - min uvarint, ref uvarint), next (min - previous max uvarint, max - min uvarint,
//            ref - previous ref varint)
//   postings each at a multiple of 4: len u32, count u32, refs u32 ascending
//   table    len u32, count u32, (2 u8, name, value, offset uvarint) by name and value; the list of
//            all series stands under two empty strings
//   contents offsets u64: symbols, series, 0, 0, postings, table
#pragma once

#include <cstddef>
#include <cstdint>

namespace tributary::tsdb {

inline constexpr uint32_t kIndexMagic = 0xBAAAD700;
inline constexpr uint8_t kIndexVersion = 2;
inline constexpr size_t kIndexHeaderBytes = 5;
inline constexpr size_t kIndexContentsBytes = 6 * 8 + 4;
inline constexpr uint64_t kSeriesAlignment = 16;

// Where a chunk is (the number of its segment file in the upper half, the offset in the lower), and
// the times of its first and last sample.
struct ChunkMeta {
  uint64_t ref = 0;
  int64_t min_time = 0;
  int64_t max_time = 0;
};

}  // namespace tributary::tsdb

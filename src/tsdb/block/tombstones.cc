#include "tsdb/block/tombstones.h"

#include "tsdb/wal/bytes.h"
#include "tsdb/wal/crc32c.h"

namespace tributary::tsdb {
namespace {

constexpr uint32_t kMagic = 0x0130BA30;
constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 5;
constexpr size_t kChecksumBytes = 4;

}  // namespace

base::Result<Tombstones> ParseTombstones(base::Bytes file) {
  if (file.size() < kHeaderBytes + kChecksumBytes) return base::Corruption("too short");
  ByteReader header(file);
  if (header.Be32() != kMagic) return base::Corruption("wrong magic number at offset 0");
  if (header.Byte() != kVersion) return base::Corruption("unknown version at offset 4");
  const base::Bytes entries =
      file.subspan(kHeaderBytes, file.size() - kHeaderBytes - kChecksumBytes);
  ByteReader checksum(file.last(kChecksumBytes));
  if (checksum.Be32() != Crc32c(entries)) return base::Corruption("wrong checksum");
  Tombstones out;
  ByteReader reader(entries);
  while (!reader.done()) {
    const uint64_t ref = reader.Uvarint();
    const int64_t min = reader.Varint();
    const int64_t max = reader.Varint();
    if (reader.ok()) AddInterval({min, max}, &out[ref]);
  }
  if (!reader.ok()) return base::Corruption("ends within an entry");
  return out;
}

std::string FormatTombstones(const Tombstones& tombstones) {
  std::string entries;
  ByteWriter writer(&entries);
  for (const auto& [ref, intervals] : tombstones) {
    for (const TimeInterval& interval : intervals) {
      writer.Uvarint(ref);
      writer.Varint(interval.min);
      writer.Varint(interval.max);
    }
  }
  std::string file;
  ByteWriter whole(&file);
  whole.Be32(kMagic);
  whole.Byte(kVersion);
  file += entries;
  whole.Be32(Crc32c(base::AsBytes(entries)));
  return file;
}

uint64_t CountIntervals(const Tombstones& tombstones) {
  uint64_t count = 0;
  for (const auto& [ref, intervals] : tombstones) count += intervals.size();
  return count;
}

base::Result<Tombstones> ReadTombstones(base::FileSystem& fs, const std::string& dir) {
  const std::string path = base::JoinPath(dir, kTombstonesFile);
  ASSIGN_OR_RETURN(const bool exists, fs.Exists(path));
  if (!exists) return Tombstones();
  ASSIGN_OR_RETURN(const std::string file, fs.ReadFile(path));
  auto tombstones = ParseTombstones(base::AsBytes(file));
  if (!tombstones) return tombstones.error().Context(path);
  return tombstones;
}

}  // namespace tributary::tsdb

#include "tsdb/block/chunk_files.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/strings.h"
#include "tsdb/wal/bytes.h"
#include "tsdb/wal/crc32c.h"

namespace tributary::tsdb {
namespace {

constexpr uint32_t kMagic = 0x85BD40DD;
constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 8;
constexpr size_t kChecksumBytes = 4;

std::string FileName(uint32_t number) {
  char name[16];
  std::snprintf(name, sizeof(name), "%06u", number);
  return name;
}

}  // namespace

ChunkFileWriter::ChunkFileWriter(base::FileSystem& fs, std::string dir, uint64_t max_file_bytes)
    : fs_(fs), dir_(std::move(dir)), max_file_bytes_(max_file_bytes) {}

base::Status ChunkFileWriter::BeginFile() {
  if (num_files_ == 0) RETURN_IF_ERROR(fs_.CreateDirs(dir_));
  if (file_ != nullptr) RETURN_IF_ERROR(file_->Finish());
  ++num_files_;
  file_ = std::make_unique<BufferedFile>(fs_, base::JoinPath(dir_, FileName(num_files_)));
  std::string header;
  ByteWriter writer(&header);
  writer.Be32(kMagic);
  writer.Byte(kVersion);
  header.append(3, '\0');
  file_->Append(header);
  return file_->status();
}

base::Result<uint64_t> ChunkFileWriter::Add(const chunk::ChunkView& chunk) {
  const uint64_t size = kMaxVarintBytes + 1 + chunk.data.size() + kChecksumBytes;
  if (file_ == nullptr ||
      (file_->position() > kHeaderBytes && file_->position() + size > max_file_bytes_)) {
    RETURN_IF_ERROR(BeginFile());
  }
  const uint64_t ref = uint64_t{num_files_ - 1} << 32 | file_->position();
  std::string head;
  ByteWriter writer(&head);
  writer.Uvarint(chunk.data.size());
  writer.Byte(static_cast<uint8_t>(chunk.encoding));
  const uint32_t checksum = Crc32c(chunk.data, Crc32c(base::AsBytes(head).last(1)));
  file_->Append(head);
  file_->Append(chunk.data);
  head.clear();
  writer.Be32(checksum);
  file_->Append(head);
  RETURN_IF_ERROR(file_->status());
  return ref;
}

base::Status ChunkFileWriter::Finish() {
  if (file_ == nullptr) RETURN_IF_ERROR(BeginFile());
  RETURN_IF_ERROR(file_->Finish());
  return fs_.SyncDir(dir_);
}

base::Result<std::unique_ptr<ChunkFileReader>> ChunkFileReader::Open(base::FileSystem& fs,
                                                                     const std::string& dir) {
  auto reader = std::make_unique<ChunkFileReader>();
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  for (const base::DirEntry& entry : entries) {
    if (!base::ParseUint(entry.name)) continue;
    File file{.path = base::JoinPath(dir, entry.name), .mapped = nullptr};
    ASSIGN_OR_RETURN(file.mapped, fs.Map(file.path));
    ByteReader header(file.mapped->data());
    if (header.Be32() != kMagic) {
      return base::Corruption(file.path + ": wrong magic number at offset 0");
    }
    if (header.Byte() != kVersion) {
      return base::Corruption(file.path + ": unknown version at offset 4");
    }
    reader->size_bytes_ += file.mapped->data().size();
    reader->files_.push_back(std::move(file));
  }
  return reader;
}

base::Result<chunk::ChunkView> ChunkFileReader::Get(const ChunkMeta& meta) const {
  const uint64_t number = meta.ref >> 32;
  const uint64_t offset = meta.ref & UINT32_MAX;
  if (number >= files_.size()) {
    return base::Corruption("chunk in file " + FileName(static_cast<uint32_t>(number + 1)) +
                            ", which is missing");
  }
  const File& file = files_[number];
  const base::Bytes data = file.mapped->data();
  const auto damaged = [&](std::string_view what) {
    return base::Corruption(file.path + ": " + std::string(what) + " at offset " +
                            std::to_string(offset));
  };
  if (offset >= data.size()) return damaged("chunk beyond the end");
  ByteReader reader(data.subspan(offset));
  const uint64_t size = reader.Uvarint();
  if (!reader.ok() || reader.remaining() < 1 + kChecksumBytes ||
      size > reader.remaining() - 1 - kChecksumBytes) {
    return damaged("chunk beyond the end");
  }
  const base::Bytes body = data.subspan(data.size() - reader.remaining(), 1 + size);
  ByteReader checksum(data.subspan(data.size() - reader.remaining() + 1 + size));
  if (checksum.Be32() != Crc32c(body)) return damaged("chunk with a wrong checksum");
  return chunk::ChunkView{.encoding = static_cast<chunk::Encoding>(body[0]),
                          .min_time = meta.min_time,
                          .max_time = meta.max_time,
                          .data = body.subspan(1)};
}

}  // namespace tributary::tsdb

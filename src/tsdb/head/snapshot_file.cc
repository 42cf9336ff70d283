#include "tsdb/head/snapshot_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include <fmt/format.h>

#include "tsdb/head/chunk_memory.h"
#include "tsdb/head/label_table.h"
#include "tsdb/head/series_table.h"
#include "tsdb/wal/crc32c.h"
#include "tsdb/wal/segment.h"

namespace tributary::tsdb {
namespace {

constexpr uint32_t kMagic = 0x54524853;  // "TRHS"
constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 8;
constexpr size_t kPartHeaderBytes = 5;  // type, size
constexpr size_t kCrcBytes = 4;
constexpr uint8_t kOpenBit = 0x80;  // in a chunk's encoding
constexpr uint8_t kNoWindow = 0xff;

bool DecodeOpenState(ByteReader* in, SnapshotChunk* chunk) {
  chunk::XorState& state = chunk->state;
  state.t = chunk->view.max_time;
  state.v = in->Double();
  state.t_delta = in->Uvarint();
  const uint64_t unused_bits = in->Byte();
  state.leading = in->Byte();
  state.trailing = in->Byte();
  chunk->next_at = in->Varint();
  const size_t bytes = chunk->view.data.size();
  if (!in->ok() || unused_bits > 7 || bytes <= chunk::kXorHeaderBytes ||
      bytes > size_t{1} << OpenChunks::kMaxBits) {
    return false;
  }
  state.bit_size = static_cast<uint32_t>(bytes * 8 - unused_bits);
  state.num_samples = static_cast<uint16_t>(chunk::ChunkNumSamples(chunk->view.data));
  const bool has_window = state.leading != kNoWindow;
  return state.num_samples > 0 &&
         (!has_window || (state.leading <= 31 && state.leading + state.trailing < 64));
}

void EncodeChunk(const SnapshotChunk& chunk, ByteWriter* w, std::string* out) {
  const chunk::ChunkView& view = chunk.view;
  w->Byte(static_cast<uint8_t>(static_cast<uint8_t>(view.encoding) | (chunk.open ? kOpenBit : 0)));
  w->Varint(view.min_time);
  w->Uvarint(static_cast<uint64_t>(view.max_time) - static_cast<uint64_t>(view.min_time));
  w->Uvarint(view.data.size());
  out->append(base::AsString(view.data));
  if (!chunk.open) return;
  w->Double(chunk.state.v);
  w->Uvarint(chunk.state.t_delta);
  w->Byte(static_cast<uint8_t>(view.data.size() * 8 - chunk.state.bit_size));
  w->Byte(chunk.state.leading);
  w->Byte(chunk.state.trailing);
  w->Varint(chunk.next_at);
}

bool DecodeChunk(ByteReader* in, SnapshotChunk* chunk) {
  const uint8_t encoding = in->Byte();
  chunk->open = (encoding & kOpenBit) != 0;
  chunk->view.encoding = static_cast<chunk::Encoding>(encoding & ~kOpenBit);
  chunk->view.min_time = in->Varint();
  chunk->view.max_time =
      static_cast<int64_t>(static_cast<uint64_t>(chunk->view.min_time) + in->Uvarint());
  chunk->view.data = base::AsBytes(in->String());
  if (!in->ok() || chunk->view.max_time < chunk->view.min_time ||
      chunk->view.data.size() > ClosedChunks::kMaxBytes ||
      chunk::ChunkNumSamples(chunk->view.data) == 0) {
    return false;
  }
  switch (chunk->view.encoding) {
    case chunk::Encoding::kXor:
      return !chunk->open || DecodeOpenState(in, chunk);
    case chunk::Encoding::kHistogram:
    case chunk::Encoding::kFloatHistogram:
      return !chunk->open;
    default:
      return false;
  }
}

}  // namespace

std::string SnapshotPath(const std::string& dir, uint32_t segment) {
  return base::JoinPath(dir, SegmentName(segment));
}

base::Result<std::vector<uint32_t>> ListSnapshots(base::FileSystem& fs, const std::string& dir) {
  std::vector<uint32_t> found;
  ASSIGN_OR_RETURN(const bool exists, fs.Exists(dir));
  if (!exists) return found;
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  for (const base::DirEntry& entry : entries) {
    if (const auto segment = ParseSegmentName(entry.name)) {
      found.push_back(*segment);
    } else if (entry.name.ends_with(kUnfinishedSnapshot)) {
      RETURN_IF_ERROR(fs.Remove(base::JoinPath(dir, entry.name)));
    }
  }
  std::ranges::sort(found, std::greater{});
  return found;
}

void EncodeOrigin(const SnapshotOrigin& origin, std::string* out) {
  ByteWriter w(out);
  w.Uvarint(origin.segment);
  w.Uvarint(origin.before_bytes);
  w.Be32(origin.before_crc);
  w.Uvarint(origin.min_generation);
  w.Uvarint(origin.chunk_files.size());
  for (const SnapshotOrigin::File& file : origin.chunk_files) {
    w.Uvarint(file.number);
    w.Uvarint(file.bytes);
    w.Varint(file.max_time);
  }
}

base::Result<SnapshotOrigin> DecodeOrigin(base::Bytes part) {
  ByteReader in(part);
  SnapshotOrigin origin;
  const uint64_t segment = in.Uvarint();
  origin.before_bytes = in.Uvarint();
  origin.before_crc = in.Be32();
  const uint64_t generation = in.Uvarint();
  const uint64_t files = in.Count(3);
  for (uint64_t i = 0; i < files; ++i) {
    SnapshotOrigin::File file;
    file.number = static_cast<uint32_t>(in.Uvarint());
    file.bytes = in.Uvarint();
    file.max_time = in.Varint();
    origin.chunk_files.push_back(file);
  }
  if (!in.ok() || in.remaining() != 0 || segment == 0 || segment > UINT32_MAX ||
      generation > kMaxGeneration) {
    return base::Corruption("where the snapshot was taken makes no sense");
  }
  origin.segment = static_cast<uint32_t>(segment);
  origin.min_generation = static_cast<uint16_t>(generation);
  return origin;
}

void EncodeSnapshotSeries(const SnapshotSeries& series, std::string* out) {
  ByteWriter w(out);
  w.Uvarint(series.slot);
  w.Uvarint(series.generation);
  w.Uvarint(series.labels.size());
  for (const uint32_t label : series.labels) w.Uvarint(label);
  w.Uvarint(series.chunks.size());
  for (const SnapshotChunk& chunk : series.chunks) EncodeChunk(chunk, &w, out);
}

bool DecodeSnapshotSeries(ByteReader* in, SnapshotSeries* series) {
  const uint64_t slot = in->Uvarint();
  const uint64_t generation = in->Uvarint();
  if (slot == 0 || slot >= kMaxSeriesSlots || generation > kMaxGeneration) return false;
  series->slot = static_cast<uint32_t>(slot);
  series->generation = static_cast<uint16_t>(generation);
  series->labels.resize(in->Count(1));
  if (series->labels.size() > LabelTable::kMaxLabels) return false;
  for (uint32_t& label : series->labels) label = static_cast<uint32_t>(in->Uvarint());
  series->chunks.resize(in->Count(4));
  for (SnapshotChunk& chunk : series->chunks) {
    chunk = {};
    if (!DecodeChunk(in, &chunk)) return false;
  }
  return in->ok();
}

base::Result<SnapshotWriter> SnapshotWriter::Create(base::FileSystem& fs, const std::string& path) {
  ASSIGN_OR_RETURN(auto file, fs.Create(path));
  std::string header;
  ByteWriter w(&header);
  w.Be32(kMagic);
  w.Byte(kVersion);
  header.resize(kHeaderBytes);
  RETURN_IF_ERROR(file->Append(base::AsBytes(header)));
  return SnapshotWriter(std::move(file));
}

base::Status SnapshotWriter::EndPart(SnapshotPart type) {
  return part_.empty() ? base::Status() : Write(type);
}

base::Status SnapshotWriter::Write(SnapshotPart type) {
  framed_.clear();
  ByteWriter w(&framed_);
  w.Byte(static_cast<uint8_t>(type));
  w.Be32(static_cast<uint32_t>(part_.size()));
  framed_ += part_;
  w.Be32(Crc32c(base::AsBytes(framed_)));
  part_.clear();
  return file_->Append(base::AsBytes(framed_));
}

base::Status SnapshotWriter::Finish() {
  RETURN_IF_ERROR(Write(SnapshotPart::kEnd));
  RETURN_IF_ERROR(file_->Sync());
  return file_->Close();
}

base::Result<SnapshotReader> SnapshotReader::Open(base::FileSystem& fs, const std::string& path) {
  SnapshotReader reader;
  ASSIGN_OR_RETURN(reader.file_, fs.OpenForRead(path));
  ASSIGN_OR_RETURN(reader.bytes_, reader.file_->Size());
  std::array<uint8_t, kHeaderBytes> head{};
  ASSIGN_OR_RETURN(size_t got, reader.file_->ReadAt(0, head));
  ByteReader header{base::Bytes(head).first(got)};
  if (header.Be32() != kMagic || header.Byte() != kVersion || got < kHeaderBytes) {
    return base::Corruption("not the header of a head snapshot of version 1");
  }
  uint64_t at = kHeaderBytes;
  while (at < reader.bytes_) {
    std::array<uint8_t, kPartHeaderBytes> frame{};
    ASSIGN_OR_RETURN(got, reader.file_->ReadAt(at, frame));
    ByteReader in{base::Bytes(frame).first(got)};
    Part part;
    part.type = static_cast<SnapshotPart>(in.Byte());
    part.size = in.Be32();
    part.offset = at + kPartHeaderBytes;
    if (!in.ok() || part.size + kCrcBytes > reader.bytes_ - part.offset) {
      return base::Corruption(fmt::format("at {}: a part is cut short", at));
    }
    at = part.offset + part.size + kCrcBytes;
    reader.parts_.push_back(part);
  }
  if (reader.parts_.empty() || reader.parts_.back().type != SnapshotPart::kEnd) {
    return base::Corruption("the end is missing");
  }
  return reader;
}

base::Result<uint8_t> SnapshotReader::FirstByte(const Part& part) const {
  if (part.size == 0) return uint8_t{0};
  uint8_t byte = 0;
  ASSIGN_OR_RETURN(const size_t got, file_->ReadAt(part.offset, std::span(&byte, 1)));
  (void)got;
  return byte;
}

base::Status SnapshotReader::Read(const Part& part, std::string* out) const {
  out->resize(kPartHeaderBytes + part.size + kCrcBytes);
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(out->data()), out->size());
  ASSIGN_OR_RETURN(const size_t got, file_->ReadAt(part.offset - kPartHeaderBytes, bytes));
  const base::Bytes checked = bytes.first(kPartHeaderBytes + part.size);
  ByteReader crc(bytes.subspan(checked.size()));
  if (got != out->size() || crc.Be32() != Crc32c(checked)) {
    return base::Corruption(fmt::format("at {}: part crc mismatch", part.offset));
  }
  out->erase(0, kPartHeaderBytes);
  out->resize(part.size);
  return {};
}

}  // namespace tributary::tsdb

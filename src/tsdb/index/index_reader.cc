#include "tsdb/index/index_reader.h"

#include <algorithm>
#include <utility>

#include "tsdb/wal/crc32c.h"

namespace tributary::tsdb {
namespace {

// Version 3 differs only in what the chunks it points to may hold.
constexpr uint8_t kNewestVersion = 3;
constexpr size_t kMinTableEntryBytes = 4;

}  // namespace

base::Result<std::unique_ptr<IndexReader>> IndexReader::Open(std::unique_ptr<base::MappedFile> file,
                                                             std::string path) {
  std::unique_ptr<IndexReader> reader(new IndexReader(std::move(file), std::move(path)));
  RETURN_IF_ERROR(reader->Load());
  return reader;
}

base::Error IndexReader::Damaged(std::string_view what, uint64_t offset) const {
  return base::Corruption(path_ + ": " + std::string(what) + " at offset " +
                          std::to_string(offset));
}

base::Status IndexReader::Load() {
  if (data_.size() < kIndexHeaderBytes + kIndexContentsBytes) {
    return Damaged("too short for an index, it ends", data_.size());
  }
  ByteReader header(data_);
  if (header.Be32() != kIndexMagic) return Damaged("not an index: wrong magic number", 0);
  const uint8_t version = header.Byte();
  if (version != kIndexVersion && version != kNewestVersion) {
    return base::Unimplemented(path_ + ": index version " + std::to_string(version));
  }
  const uint64_t contents_at = data_.size() - kIndexContentsBytes;
  const base::Bytes contents = data_.subspan(contents_at);
  ByteReader reader(contents);
  const uint64_t symbols = reader.Be64();
  for (int skipped = 0; skipped < 4; ++skipped) reader.Be64();
  const uint64_t table = reader.Be64();
  if (reader.Be32() != Crc32c(contents.first(kIndexContentsBytes - 4))) {
    return Damaged("wrong checksum of the table of contents", contents_at);
  }
  if (symbols != 0) RETURN_IF_ERROR(LoadSymbols(symbols));
  if (table != 0) RETURN_IF_ERROR(LoadTable(table));
  return {};
}

base::Result<base::Bytes> IndexReader::Section(uint64_t offset, std::string_view what) const {
  if (offset > data_.size() || data_.size() - offset < 8) return Damaged(what, offset);
  ByteReader reader(data_.subspan(offset));
  const uint32_t size = reader.Be32();
  if (size > data_.size() - offset - 8) return Damaged(what, offset);
  const base::Bytes content = data_.subspan(offset + 4, size);
  ByteReader checksum(data_.subspan(offset + 4 + size));
  if (checksum.Be32() != Crc32c(content)) return Damaged(what, offset);
  return content;
}

base::Status IndexReader::LoadSymbols(uint64_t offset) {
  constexpr std::string_view kWhat = "damaged symbol table";
  ASSIGN_OR_RETURN(symbol_bytes_, Section(offset, kWhat));
  ByteReader reader(symbol_bytes_);
  const uint32_t count = reader.Be32();
  if (!reader.ok() || count > reader.remaining()) return Damaged(kWhat, offset);
  symbols_.reserve(count);
  std::string_view previous;
  for (uint32_t i = 0; i < count; ++i) {
    symbols_.push_back(static_cast<uint32_t>(symbol_bytes_.size() - reader.remaining()));
    const std::string_view symbol = reader.String();
    if (!reader.ok() || (i > 0 && symbol <= previous)) return Damaged(kWhat, offset);
    previous = symbol;
  }
  return {};
}

base::Status IndexReader::LoadTable(uint64_t offset) {
  constexpr std::string_view kWhat = "damaged table of postings";
  ASSIGN_OR_RETURN(table_bytes_, Section(offset, kWhat));
  ByteReader reader(table_bytes_);
  const uint32_t count = reader.Be32();
  if (!reader.ok() || count > reader.remaining() / kMinTableEntryBytes) {
    return Damaged(kWhat, offset);
  }
  table_.reserve(count);
  std::string_view last_name, last_value;
  for (uint32_t place = 0; place < count; ++place) {
    table_.push_back(static_cast<uint32_t>(table_bytes_.size() - reader.remaining()));
    const bool two = reader.Byte() == 2;
    const std::string_view name = reader.String();
    const std::string_view value = reader.String();
    reader.Uvarint();
    const bool ascends =
        place == 0 || last_name < name || (last_name == name && last_value < value);
    if (!two || !reader.ok() || !ascends) return Damaged(kWhat, offset);
    if (name.empty()) {
      if (value.empty()) all_ = place;
    } else if (names_.empty() || names_.back().name != name) {
      names_.push_back({name, place, 1});
    } else {
      ++names_.back().count;
    }
    last_name = name;
    last_value = value;
  }
  return {};
}

std::string_view IndexReader::Symbol(uint32_t number) const {
  ByteReader reader(symbol_bytes_.subspan(symbols_[number]));
  return reader.String();
}

std::optional<uint32_t> IndexReader::FindSymbol(std::string_view symbol) const {
  uint32_t low = 0;
  uint32_t high = num_symbols();
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (Symbol(middle) < symbol) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == num_symbols() || Symbol(low) != symbol) return std::nullopt;
  return low;
}

const IndexReader::Name* IndexReader::FindName(std::string_view name) const {
  const auto it = std::ranges::lower_bound(names_, name, {}, &Name::name);
  return it != names_.end() && it->name == name ? &*it : nullptr;
}

IndexReader::TableEntry IndexReader::EntryAt(uint32_t place) const {
  ByteReader reader(table_bytes_.subspan(table_[place]));
  TableEntry entry;
  reader.Byte();
  entry.name = reader.String();
  entry.value = reader.String();
  entry.offset = reader.Uvarint();
  return entry;
}

std::string_view IndexReader::ValueAt(uint32_t place) const { return EntryAt(place).value; }

std::optional<uint32_t> IndexReader::FindValue(const Name& name, std::string_view value) const {
  uint32_t low = name.first;
  uint32_t high = name.first + name.count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (ValueAt(middle) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == name.first + name.count || ValueAt(low) != value) return std::nullopt;
  return low;
}

base::Result<PostingList> IndexReader::PostingsFrom(uint64_t offset) const {
  constexpr std::string_view kWhat = "damaged postings";
  ASSIGN_OR_RETURN(const base::Bytes content, Section(offset, kWhat));
  ByteReader reader(content);
  const uint32_t count = reader.Be32();
  if (!reader.ok() || reader.remaining() != uint64_t{count} * 4) return Damaged(kWhat, offset);
  return PostingList(content.subspan(4));
}

base::Result<PostingList> IndexReader::PostingsAt(uint32_t place) const {
  return PostingsFrom(EntryAt(place).offset);
}

base::Result<PostingList> IndexReader::AllPostings() const {
  if (!all_) return PostingList();
  return PostingsAt(*all_);
}

base::Bytes IndexReader::SeriesBody(uint32_t ref, uint32_t* checksum) const {
  const uint64_t offset = uint64_t{ref} * kSeriesAlignment;
  if (offset >= data_.size()) return {};
  ByteReader reader(data_.subspan(offset));
  const uint64_t size = reader.Uvarint();
  if (!reader.ok() || reader.remaining() < 4 || size > reader.remaining() - 4) return {};
  const base::Bytes body = data_.subspan(data_.size() - reader.remaining(), size);
  ByteReader end(data_.subspan(data_.size() - reader.remaining() + size));
  *checksum = end.Be32();
  return body;
}

base::Result<base::Bytes> IndexReader::ReadSeries(uint32_t ref,
                                                  std::vector<LabelPair>* labels) const {
  uint32_t checksum = 0;
  const base::Bytes body = SeriesBody(ref, &checksum);
  const uint64_t offset = uint64_t{ref} * kSeriesAlignment;
  if (body.empty() || Crc32c(body) != checksum) return Damaged("damaged series", offset);
  ByteReader reader(body);
  const uint64_t count = reader.Count(2);
  labels->clear();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t name = reader.Uvarint();
    const uint64_t value = reader.Uvarint();
    const bool ascends = i == 0 || name > labels->back().name;
    if (!reader.ok() || name >= num_symbols() || value >= num_symbols() || !ascends) {
      return Damaged("damaged series", offset);
    }
    labels->push_back({static_cast<uint32_t>(name), static_cast<uint32_t>(value)});
  }
  if (!reader.ok()) return Damaged("damaged series", offset);
  return body.subspan(body.size() - reader.remaining());
}

void IndexReader::LabelsOf(uint32_t ref, std::vector<LabelPair>* labels) const {
  uint32_t checksum = 0;
  ByteReader reader(SeriesBody(ref, &checksum));
  labels->clear();
  const uint64_t count = reader.Count(2);
  for (uint64_t i = 0; i < count; ++i) {
    const auto name = static_cast<uint32_t>(reader.Uvarint());
    const auto value = static_cast<uint32_t>(reader.Uvarint());
    labels->push_back({name, value});
  }
}

uint32_t IndexReader::ValueOf(uint32_t ref, uint32_t name) const {
  uint32_t checksum = 0;
  ByteReader reader(SeriesBody(ref, &checksum));
  const uint64_t count = reader.Count(2);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t its_name = reader.Uvarint();
    const uint64_t value = reader.Uvarint();
    if (its_name == name) return static_cast<uint32_t>(value);
    if (its_name > name) break;
  }
  return num_symbols();
}

base::Status IndexReader::ChunksOf(uint32_t ref, int64_t min_time, int64_t max_time,
                                   std::vector<ChunkMeta>* out) const {
  std::vector<LabelPair> labels;
  ASSIGN_OR_RETURN(const base::Bytes chunks, ReadSeries(ref, &labels));
  ByteReader reader(chunks);
  const uint64_t count = reader.Count(3);
  ChunkMeta chunk;
  // Sums wrap as Go's do; a chunk whose times make no sense is refused below.
  const auto add = [](int64_t a, uint64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + b);
  };
  for (uint64_t i = 0; i < count; ++i) {
    const int64_t previous_max = chunk.max_time;
    chunk.min_time = i == 0 ? reader.Varint() : add(chunk.max_time, reader.Uvarint());
    chunk.max_time = add(chunk.min_time, reader.Uvarint());
    chunk.ref = i == 0 ? reader.Uvarint() : chunk.ref + static_cast<uint64_t>(reader.Varint());
    if (!reader.ok() || chunk.max_time < chunk.min_time ||
        (i > 0 && chunk.min_time < previous_max)) {
      return Damaged("damaged chunks of a series", uint64_t{ref} * kSeriesAlignment);
    }
    if (chunk.min_time > max_time) return {};
    if (chunk.max_time >= min_time) out->push_back(chunk);
  }
  if (!reader.ok()) {
    return Damaged("damaged chunks of a series", uint64_t{ref} * kSeriesAlignment);
  }
  return {};
}

}  // namespace tributary::tsdb

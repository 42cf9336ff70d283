// Any bytes as the index of a block. Checksums are put right first, so that what lies behind them
// is reached. Whatever opens must answer everything or say that it is damaged.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tsdb/index/index_reader.h"
#include "tsdb/index/select_postings.h"
#include "tsdb/wal/bytes.h"
#include "tsdb/wal/crc32c.h"

namespace base = tributary::base;
namespace model = tributary::model;
namespace tsdb = tributary::tsdb;

namespace {

class BytesInMemory final : public base::MappedFile {
 public:
  explicit BytesInMemory(std::string bytes) : bytes_(std::move(bytes)) {}
  base::Bytes data() const override { return base::AsBytes(bytes_); }

 private:
  const std::string bytes_;
};

void PutChecksum(std::string* file, size_t at, size_t size) {
  std::string checksum;
  tsdb::ByteWriter writer(&checksum);
  writer.Be32(tsdb::Crc32c(base::AsBytes(*file).subspan(at, size)));
  file->replace(at + size, checksum.size(), checksum);
}

void MendSection(std::string* file, uint64_t at) {
  if (at > file->size() || file->size() - at < 8) return;
  const uint32_t size = tsdb::ByteReader(base::AsBytes(*file).subspan(at)).Be32();
  if (size <= file->size() - at - 8) PutChecksum(file, at + 4, size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string file(reinterpret_cast<const char*>(data), size);
  if (size >= tsdb::kIndexHeaderBytes + tsdb::kIndexContentsBytes) {
    const size_t contents = size - tsdb::kIndexContentsBytes;
    tsdb::ByteReader reader(base::AsBytes(file).subspan(contents));
    std::vector<uint64_t> offsets;
    for (int i = 0; i < 6; ++i) offsets.push_back(reader.Be64());
    for (const uint64_t offset : offsets) MendSection(&file, offset);
    PutChecksum(&file, contents, tsdb::kIndexContentsBytes - 4);
  }
  const auto opened =
      tsdb::IndexReader::Open(std::make_unique<BytesInMemory>(std::move(file)), "fuzz");
  if (!opened) return 0;
  const tsdb::IndexReader& index = **opened;
  for (uint32_t i = 0; i < index.num_symbols(); ++i) (void)index.FindSymbol(index.Symbol(i));
  for (const auto& name : index.names()) {
    for (uint32_t i = 0; i < name.count; ++i) {
      (void)index.PostingsAt(name.first + i);
      const std::vector<model::Matcher> matchers = {
          model::Matcher::Equal(std::string(name.name), std::string(index.ValueAt(name.first + i))),
          *model::Matcher::Create(model::MatchType::kNotEqual, "a", "b")};
      (void)tsdb::SelectPostings(index, matchers);
    }
  }
  const auto all = tsdb::SelectPostings(index, {});
  if (!all) return 0;
  std::vector<tsdb::IndexReader::LabelPair> labels;
  std::vector<tsdb::ChunkMeta> chunks;
  for (const uint32_t ref : *all) {
    index.LabelsOf(ref, &labels);
    for (const auto& label : labels) (void)index.ValueOf(ref, label.name);
    (void)index.ChunksOf(ref, 0, INT64_MAX, &chunks);
  }
  return 0;
}

// A head chunk file (docs/format/head_chunks.md): full chunks, so that memory need not hold them
// and replay need not make them again. Byte for byte Prometheus's (tsdb/chunks/head_chunks.go).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "chunk/encoding.h"
#include "model/series_ref.h"

namespace tributary::tsdb {

struct FileChunk {
  model::SeriesRef ref;
  bool out_of_order = false;
  size_t num_samples = 0;  // set by ParseChunkFile()
  chunk::ChunkView chunk;
};

void BeginChunkFile(std::string* out);
// Returns where in the file the chunk's data begins.
size_t AppendFileChunk(const FileChunk& chunk, std::string* out);

struct ParsedChunkFile {
  std::vector<FileChunk> chunks;  // whole ones with the right checksum; they point into the file
  std::optional<base::Error> damage;  // what ended the file early
};
ParsedChunkFile ParseChunkFile(base::Bytes file);

}  // namespace tributary::tsdb

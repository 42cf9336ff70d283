// Samples with start timestamps, for which stores have no appender, as encoded chunks.
#pragma once

#include <vector>

#include "chunk/encoding.h"
#include "script.h"

namespace tributary::promqltest {

// One chunk; its view borrows the bytes.
struct StartChunk {
  chunk::ChunkView view;
  std::vector<uint8_t> bytes;
};

bool HasStartTimes(const LoadSeries& series);
// Runs of floats become XOR2 chunks, each histogram a chunk of its own.
std::vector<StartChunk> EncodeWithStartTimes(const LoadSeries& series);

}  // namespace tributary::promqltest

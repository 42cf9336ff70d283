// Any bytes as a chunk: no crash, and what decodes must encode to something that decodes the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "chunk/xor2_chunk.h"
#include "chunk/xor_chunk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary::chunk;
  const std::span<const uint8_t> chunk(data, size);
  const size_t n = ChunkNumSamples(chunk);
  std::vector<int64_t> t(n);
  std::vector<double> v(n);
  std::vector<int64_t> start(n);
  (void)XorResume(chunk);
  (void)Xor2Decode(chunk, t.data(), v.data(), start.data());
  (void)XorDecodeRange(chunk, 0, 1'000'000, t.data(), v.data());
  const auto decoded = XorDecode(chunk, t.data(), v.data());
  if (!decoded) return 0;
  std::vector<uint8_t> again(kXorHeaderBytes + n * kMaxXorSampleBytes);
  XorState state;
  XorBegin(&state, again);
  for (size_t i = 0; i < n; ++i) {
    if (!XorAppend(&state, again, t[i], v[i])) std::abort();
  }
  again.resize(XorBytes(state));
  std::vector<int64_t> t2(n);
  std::vector<double> v2(n);
  if (!XorDecode(again, t2.data(), v2.data())) std::abort();
  if (n > 0 && (std::memcmp(t.data(), t2.data(), n * 8) != 0 ||
                std::memcmp(v.data(), v2.data(), n * 8) != 0)) {
    std::abort();
  }
  return 0;
}

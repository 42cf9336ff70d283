#include "net/client/gunzip.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <libdeflate.h>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace tributary::net {
namespace {

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

// No deflate stream unpacks to more than this times its size.
constexpr size_t kMaxRatio = 1032;

// The unpacked size as the trailer of the last member claims it; a hint that may lie.
size_t ClaimedSize(std::string_view packed) {
  uint32_t size = 0;
  if (packed.size() >= sizeof(size)) {
    std::memcpy(&size, packed.data() + packed.size() - sizeof(size), sizeof(size));
  }
  return size;
}

}  // namespace

base::Result<std::string> Gunzip(std::string_view packed, size_t max_bytes, std::string spare) {
  thread_local const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
      libdeflate_alloc_decompressor());
  const size_t possible = packed.size() * kMaxRatio + 64;
  const size_t limit = max_bytes == 0 ? possible : std::min(max_bytes, possible);
  std::string out = std::move(spare);  // longer than what is in it: shrinking is for the end
  size_t filled = 0;
  size_t room = std::clamp<size_t>(ClaimedSize(packed), std::min<size_t>(256, limit), limit);
  while (!packed.empty()) {
    if (out.size() < filled + room) out.resize(filled + room);
    size_t consumed = 0;
    size_t produced = 0;
    const libdeflate_result result =
        libdeflate_gzip_decompress_ex(decompressor.get(), packed.data(), packed.size(),
                                      out.data() + filled, room, &consumed, &produced);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      if (filled + room >= limit) {
        return base::ResourceExhausted(fmt::format("unpacked body is larger than {} bytes", limit));
      }
      room = std::min(room * 2 + 256, limit - filled);
      continue;
    }
    if (result != LIBDEFLATE_SUCCESS) return base::Corruption("body is not valid gzip");
    filled += produced;
    packed.remove_prefix(consumed);
    room = std::min<size_t>(room, limit - filled);
  }
  out.resize(filled);
  return out;
}

}  // namespace tributary::net

#include <cstdlib>

#include "wire/compression.h"

// The first byte chooses the codec. Nothing may unpack beyond the limit, and what was packed must
// come back.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  constexpr size_t kLimit = 1 << 16;
  if (size == 0) return 0;
  const base::Bytes input(data + 1, size - 1);
  std::string out, packed, again;
  base::Status status;
  switch (data[0] % 3) {
    case 0:
      status = wire::SnappyDecode(input, kLimit, &out);
      wire::SnappyEncode(input, &packed);
      if (!wire::SnappyDecode(base::AsBytes(packed), size, &again)) std::abort();
      break;
    case 1:
      status = wire::ZstdDecode(input, kLimit, &out);
      wire::ZstdEncode(input, &packed);
      if (!wire::ZstdDecode(base::AsBytes(packed), size, &again)) std::abort();
      break;
    default:
      status = wire::GzipDecode(input, kLimit, &out);
      wire::GzipEncode(input, &packed);
      if (!wire::GzipDecode(base::AsBytes(packed), size, &again)) std::abort();
  }
  if (out.size() > kLimit || again != base::AsString(input)) std::abort();
  return 0;
}

#include "tsdb/block/ulid.h"

#include <atomic>

#include "base/hash.h"

namespace tributary::tsdb {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr size_t kTimeLetters = 10;
constexpr size_t kLetters = 26;

}  // namespace

std::string MakeUlid(int64_t now_ms) {
  static std::atomic<uint64_t> made{0};
  const uint64_t count = made.fetch_add(1);
  const std::string_view bytes(reinterpret_cast<const char*>(&count), sizeof(count));
  const base::Hash128 random = base::HashTo128(bytes, base::ProcessSeed());
  std::string out(kLetters, '0');
  uint64_t time = static_cast<uint64_t>(now_ms) & ((uint64_t{1} << 48) - 1);
  for (size_t i = kTimeLetters; i-- > 0; time >>= 5) out[i] = kAlphabet[time & 31];
  uint64_t low = random.low;
  uint64_t high = random.high;
  for (size_t i = kTimeLetters; i < kLetters; ++i) {
    uint64_t& from = i % 2 == 0 ? low : high;
    out[i] = kAlphabet[from & 31];
    from >>= 5;
  }
  return out;
}

bool IsUlid(std::string_view text) {
  // The first letter holds the upper three bits of 48.
  return text.size() == kLetters && text[0] <= '7' &&
         text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

}  // namespace tributary::tsdb

#include "promql/functions/natural_order.h"

#include "base/strings.h"

namespace tributary::promql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes a run of digits, or of anything else, off the front.
std::string_view TakeChunk(std::string_view* s) {
  size_t n = 1;
  while (n < s->size() && IsDigit((*s)[n]) == IsDigit((*s)[0])) n++;
  const auto chunk = s->substr(0, n);
  s->remove_prefix(n);
  return chunk;
}

}  // namespace

bool NaturallyLess(std::string_view a, std::string_view b) {
  std::string_view rest_a = a, rest_b = b;
  while (!rest_a.empty() && !rest_b.empty()) {
    const auto x = TakeChunk(&rest_a), y = TakeChunk(&rest_b);
    // A number too big for 64 bits compares as text.
    const auto m = base::ParseInt(x), n = base::ParseInt(y);
    if (m && n && IsDigit(x[0]) && IsDigit(y[0])) {
      if (*m != *n) return *m < *n;
    } else if (x != y) {
      return x < y;
    }
  }
  if (rest_a.empty() != rest_b.empty()) return rest_a.empty();
  return a < b;  // equal but for leading zeros
}

}  // namespace tributary::promql

#include "config/size_text.h"

#include <array>
#include <string_view>

namespace tributary::config {

std::string FormatSize(uint64_t bytes) {
  static constexpr std::array<std::string_view, 7> kUnits = {"EiB", "PiB", "TiB", "GiB",
                                                             "MiB", "KiB", "B"};
  if (bytes == 0) return "0B";
  std::string out;
  int shift = 60;
  for (const std::string_view unit : kUnits) {
    const uint64_t count = bytes >> shift;
    if (count != 0) {
      out += std::to_string(count);
      out += unit;
      bytes -= count << shift;
    }
    shift -= 10;
  }
  return out;
}

}  // namespace tributary::config

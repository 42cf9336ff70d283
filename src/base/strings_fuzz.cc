// What parses must print as text that parses to the same; nothing may crash.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/duration.h"
#include "base/strings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary::base;  // NOLINT(google-build-using-namespace): a whole program
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto number = ParseFloat(text); number && !std::isnan(*number)) {
    CHECK(ParseFloat(FormatFloat(*number)) == number, "fixed form");
    CHECK(ParseFloat(FormatFloatG(*number)) == number, "shortest form");
  }
  if (const auto ms = ParseDurationMs(text)) {
    const auto again = ParseDurationMs(FormatDurationMs(*ms));
    CHECK(again && *again == *ms, "duration");
  }
  static_cast<void>(ParseSize(text));
  if (const auto plain = Base64Decode(text)) {
    CHECK(Base64Decode(Base64Encode(*plain)) == plain, "base64");
  }
  CHECK(IsValidUtf8(Quote(text)), "quoted text is text");
  return 0;
}

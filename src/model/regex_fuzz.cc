// A pattern and a text, parted by the first newline: no crash, and the fast path agrees with RE2.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <re2/re2.h>

#include "base/strings.h"
#include "model/literal_glob.h"
#include "model/regex.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t newline = input.find('\n');
  if (newline == std::string_view::npos) return 0;
  const std::string_view pattern = input.substr(0, newline);
  const std::string_view text = input.substr(newline + 1);
  const auto regex = model::FastRegex::Compile(pattern);
  if (!regex) return 0;
  std::string replaced;
  const bool replaces = (*regex)->Replace(text, "$1-${2}-$name-$0", &replaced);
  const bool matches = (*regex)->Matches(text);
  if (!base::IsValidUtf8(text)) return 0;  // RE2's '.' does not match what is not UTF-8
  if (matches != replaces) std::abort();
  if (model::LiteralGlob::Parse(pattern)) {
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    const RE2 plain(std::string(pattern), options);
    if (plain.ok() && RE2::FullMatch(std::string(text), plain) != matches) std::abort();
  }
  return 0;
}

// Upper and lower case of UTF-8 text, letter by letter, as Go's strings.ToLower and ToUpper have it
// for Latin, Greek, Cyrillic and Armenian. Letters of other scripts and invalid bytes stay as they
// are.
#pragma once

#include <string>
#include <string_view>

namespace tributary::model {

std::string ToLowerUtf8(std::string_view text);
std::string ToUpperUtf8(std::string_view text);

}  // namespace tributary::model

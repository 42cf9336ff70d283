// Natural order of strings: runs of digits compare as numbers, so "a2" comes before "a10".
#pragma once

#include <string_view>

namespace tributary::promql {

bool NaturallyLess(std::string_view a, std::string_view b);

}  // namespace tributary::promql

// The four types of PromQL.
#pragma once

#include <cstdint>
#include <string_view>

namespace tributary::promql {

enum class ValueType : uint8_t { kNone, kScalar, kVector, kMatrix, kString };

// As error messages say it: "scalar", "instant vector", "range vector", "string".
std::string_view DocumentedType(ValueType type);
// As the API says it: "none", "scalar", "vector", "matrix", "string".
std::string_view ValueTypeName(ValueType type);

}  // namespace tributary::promql

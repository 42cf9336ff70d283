// Names in a form that old clients can write. Source: prometheus/common model.UnescapeName with
// value encoding.
#pragma once

#include <string>
#include <string_view>

namespace tributary::web {

// "U__http_2e_status" -> "http.status". What is not a well-formed escape is returned as it is.
std::string UnescapeLabelName(std::string_view name);

// Every character that a legacy metric name may not have becomes '_'.
std::string UnderscoreName(std::string_view name);

}  // namespace tributary::web

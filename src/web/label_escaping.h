// Names in a form that old clients can write and read. Source: prometheus/common model/metric.go.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace tributary::web {

// "U__http_2e_status" -> "http.status". What is not a well-formed escape is returned as it is.
std::string UnescapeLabelName(std::string_view name);

enum class NameScheme : unsigned char { kAllowUtf8, kUnderscores, kDots, kValues };

// As the `escaping` parameter of a media type says them.
inline constexpr std::pair<NameScheme, std::string_view> kNameSchemes[] = {
    {NameScheme::kAllowUtf8, "allow-utf-8"},
    {NameScheme::kUnderscores, "underscores"},
    {NameScheme::kDots, "dots"},
    {NameScheme::kValues, "values"}};

// A legacy metric name stays as it is. Of others, each character that such a name may not have
// becomes "_" (underscores), "__", or "_dot_" for a point (dots), or its code point (values, which
// UnescapeLabelName turns back).
std::string EscapeName(std::string_view name, NameScheme scheme);

}  // namespace tributary::web

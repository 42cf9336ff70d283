// Who we are and whose surface we serve.
#pragma once

#include <string_view>

namespace tributary::base {

inline constexpr std::string_view kVersion = "0.1.0";
// The Prometheus whose flags, formats and API this version follows; what /api/v1/status/buildinfo
// answers, because clients choose their features by it.
inline constexpr std::string_view kPrometheusVersion = "3.14.0";
inline constexpr std::string_view kUserAgent = "Tributary/0.1.0";

}  // namespace tributary::base

// What a receiver of remote write says, in each answer, that it takes: codings of the body in
// Accept-Encoding (RFC 7694), messages in Accept-Post. A sender that knows neither header goes on
// as it is configured; one that does may send smaller requests without being told to.
// Also how much older than its newest sample the receiver still takes one: a sender with a backlog
// need not keep its fresh samples waiting.
#pragma once

#include <string_view>

namespace tributary::remote {

inline constexpr std::string_view kOfferedCodingsHeader = "Accept-Encoding";
inline constexpr std::string_view kOfferedMessagesHeader = "Accept-Post";

// Whole seconds, 0: in order only. A header of ours.
inline constexpr std::string_view kOutOfOrderWindowHeader = "X-Tributary-Out-Of-Order-Window";

inline constexpr std::string_view kOfferedCodings = "zstd, gzip, snappy";
inline constexpr std::string_view kMessageV1 =
    "application/x-protobuf;proto=prometheus.WriteRequest";
inline constexpr std::string_view kMessageV2 =
    "application/x-protobuf;proto=io.prometheus.write.v2.Request";

}  // namespace tributary::remote

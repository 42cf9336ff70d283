// DNS messages: asking one question, and reading the answers we know: A, AAAA, SRV, MX, NS, CNAME.
// Format: RFC 1035, 2782 (SRV), 3596 (AAAA), 6891 (EDNS).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tributary::net {

enum class DnsType : uint16_t { kA = 1, kNs = 2, kCname = 5, kMx = 15, kAaaa = 28, kSrv = 33 };

enum DnsResponseCode : uint8_t { kDnsSuccess = 0, kDnsNameError = 3 };

struct DnsRecord {
  DnsType type = DnsType::kA;
  std::string target;  // an address, or a name with its final dot; bytes as RFC 1035 escapes them
  uint16_t port = 0;   // SRV
};

struct DnsResponse {
  uint8_t code = 0;
  bool truncated = false;
  std::vector<DnsRecord> answers;  // in the order given; of types not named above: left out
};

// A query for `name` (absolute, with or without its final dot); `udp_size` of 0 leaves EDNS out.
// Fails on a name that does not fit: a label over 63 bytes, more than 255 in all, an empty label.
base::Result<std::string> EncodeDnsQuery(uint16_t id, std::string_view name, DnsType type,
                                         uint16_t udp_size);

// Reads an answer to a query of this id; kInvalidArgument for what is not one, or is malformed.
base::Result<DnsResponse> DecodeDnsResponse(std::string_view message, uint16_t id);

}  // namespace tributary::net

// A DNS client that asks for records of one type, as resolv.conf says: its servers, search domains
// and ndots. (The system's resolver answers for addresses only.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/dns_message.h"

namespace tributary::net {

struct DnsConfig {
  std::vector<std::string> servers;  // addresses
  std::vector<std::string> search;
  size_t ndots = 1;
  uint16_t port = 53;
  int64_t timeout_ms = 2000;  // of one exchange
};

// resolv.conf(5). Lines not understood are passed over; without a server there is the local one.
DnsConfig ParseResolvConf(std::string_view text);

// Names to ask for, in order: `name` itself and with search domains, as ndots orders them.
std::vector<std::string> DnsCandidates(const DnsConfig& config, std::string_view name);

// The records of the first candidate that exists; none when every server asked says that there is
// no such name; an error when one candidate could not be asked about, so that nothing is known.
// Blocks; UDP, then TCP for answers too long for it. Thread-safe.
base::Result<std::vector<DnsRecord>> DnsLookup(const DnsConfig& config, std::string_view name,
                                               DnsType type);

}  // namespace tributary::net

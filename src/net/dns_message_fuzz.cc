#include <cstdlib>

#include "net/dns_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  if (size < 2) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  const auto id = static_cast<uint16_t>(data[0] << 8 | data[1]);
  const auto response = net::DecodeDnsResponse(message, id);
  // A record takes eleven bytes at least.
  if (response && response->answers.size() > size / 11) std::abort();
  return 0;
}

#include "wire/remote_read.h"

// Whatever is asked is either understood or refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto request =
      tributary::wire::DecodeReadRequest({reinterpret_cast<const char*>(data), size});
  if (request && request->accepted.size() > 2) __builtin_trap();
  return 0;
}

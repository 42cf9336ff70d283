// Any bytes as prometheus.yml: an error or a configuration whose printed form reads back.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "config/config.h"
#include "config/yaml_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto fs = base::MakeMemoryFileSystem();
  (void)config::ParseTargetGroups(text, "fuzz");
  const auto config = config::ParseConfig(*fs, text, "fuzz", "/", config::LoadOptions{});
  if (config) {
    const auto again =
        config::ParseConfig(*fs, (*config)->yaml, "printed", "/", config::LoadOptions{});
    CHECK(again.has_value(), "a printed configuration must read back");
  }
  return 0;
}

#include "base/environment.h"

#include <cstdlib>

namespace tributary::base {

std::string Environment(const char* name) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace tributary::base

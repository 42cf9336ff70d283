// Variables of the process's environment, which nobody changes while it runs.
#pragma once

#include <string>

namespace tributary::base {

// "" where it is not set.
std::string Environment(const char* name);

}  // namespace tributary::base

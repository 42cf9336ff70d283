// `tributary tool …` and `promtool …`: checks that need no running server.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"

namespace tributary::app {

struct ToolOutcome {
  int exit_code = 0;
  std::string out;  // to stdout
  std::string err;  // to stderr
};

// Takes text for stdout as it comes, for commands that have much of it.
using Print = std::function<void(std::string_view)>;

// `program` stands in messages ("promtool", "tributary tool"). Commands may be spelt either way:
// "check config" or "check-config".
ToolOutcome RunTool(std::string_view program, const std::vector<std::string>& arguments,
                    base::FileSystem& fs, const Print& print);

}  // namespace tributary::app

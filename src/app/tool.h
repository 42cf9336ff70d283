// `tributary tool …` and `promtool …`: checks that need no running server.
#pragma once

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

// `program` stands in messages ("promtool", "tributary tool"). Commands may be spelt either way:
// "check config" or "check-config".
ToolOutcome RunTool(std::string_view program, const std::vector<std::string>& arguments,
                    base::FileSystem& fs);

}  // namespace tributary::app

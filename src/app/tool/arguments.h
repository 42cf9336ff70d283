// The arguments of a tool's command: flags as promtool takes them ("--limit=5", "--limit 5", "-r"),
// and what stands between them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tributary::app {

class Arguments {
 public:
  explicit Arguments(std::vector<std::string> words) : words_(std::move(words)) {}

  // Each takes its flag out; a flag given twice counts with its last value, save in All().
  bool Flag(std::string_view name, std::string_view short_name = "");
  base::Result<std::string> Text(std::string_view name, std::string fallback);
  base::Result<int64_t> Int(std::string_view name, int64_t fallback);
  base::Result<int64_t> DurationMs(std::string_view name, int64_t fallback);
  base::Result<std::vector<std::string>> All(std::string_view name);

  // What is left, at most `most` words. Any flag that nobody took is an error.
  base::Result<std::vector<std::string>> Rest(size_t most);

 private:
  std::vector<std::string> words_;
};

}  // namespace tributary::app

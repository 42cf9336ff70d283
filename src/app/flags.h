// Parses the command line the way Prometheus's kingpin does: --name=value, --name value, --flag,
// --no-flag, repeated lists; and answers --help and --version.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/options.h"

namespace tributary::app {

// Exit codes that scripts and operators know from Prometheus.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;      // bad command line or configuration
inline constexpr int kExitWrongMode = 3;  // a flag of the other mode

// What to do: run with `options`, or end with `exit_code` after writing the texts.
struct FlagOutcome {
  std::optional<int> exit_code;
  std::string out;  // to stdout
  std::string err;  // to stderr
  Options options;
  std::vector<std::string> warnings;  // flags that were set and are not served yet
};

// `program` stands in messages; `agent` is the mode the call form asked for already.
FlagOutcome ParseFlags(std::string_view program, const std::vector<std::string>& arguments,
                       bool agent);

// Every flag by name with its value, for /api/v1/status/flags.
std::vector<std::pair<std::string, std::string>> FlagValues(const Options& options);

std::string HelpText(std::string_view program);
std::string VersionText(std::string_view program);

}  // namespace tributary::app

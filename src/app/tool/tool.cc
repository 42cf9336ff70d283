#include "app/tool/tool.h"

#include <fmt/format.h>

#include "app/flags.h"
#include "app/tool/tsdb_tool.h"
#include "base/strings.h"
#include "config/config.h"
#include "config/file_pattern.h"
#include "config/web_config.h"

namespace tributary::app {
namespace {

std::string Usage(std::string_view program) {
  return fmt::format(
      "usage: {0} <command> ...\n\n"
      "  check config [--agent] FILE...     check configuration files\n"
      "  check web-config FILE...           check web configuration files\n"
      "{1}\n"
      "Also spelt check-config and check-web-config.\n",
      program, TsdbUsage());
}

std::string Indent(std::string_view text) {
  std::string out;
  for (const std::string_view line : base::Split(text, '\n')) {
    out += fmt::format("{}{}", out.empty() ? "" : "\n    ", line);
  }
  return out;
}

ToolOutcome CheckConfig(const std::vector<std::string>& arguments, base::FileSystem& fs) {
  ToolOutcome outcome;
  config::LoadOptions options;
  for (const std::string& argument : arguments) {
    if (argument == "--agent") options.agent = true;
  }
  for (const std::string& file : arguments) {
    if (file.starts_with("--")) continue;
    outcome.out += fmt::format("Checking {}\n", file);
    const auto config = config::LoadConfig(fs, file, options);
    if (!config) {
      outcome.out += "\n";
      outcome.err += fmt::format("  FAILED: {}\n", Indent(config.error().message()));
      outcome.exit_code = kExitFailure;
      continue;
    }
    for (const std::string& field : (*config)->unserved) {
      outcome.out += fmt::format("  NOTE: {} is accepted, but not served yet\n", field);
    }
    outcome.out += fmt::format(" SUCCESS: {} is valid prometheus config file syntax\n\n", file);
  }
  return outcome;
}

ToolOutcome CheckWebConfig(const std::vector<std::string>& files, base::FileSystem& fs) {
  ToolOutcome outcome;
  for (const std::string& file : files) {
    if (const auto config = config::LoadWebConfig(fs, file); !config) {
      outcome.err += fmt::format("{} FAILED: {}\n", file, Indent(config.error().message()));
      outcome.exit_code = kExitFailure;
      continue;
    }
    outcome.out += fmt::format("{} SUCCESS\n", file);
  }
  return outcome;
}

}  // namespace

ToolOutcome RunTool(std::string_view program, const std::vector<std::string>& arguments,
                    base::FileSystem& fs, const Print& print) {
  if (arguments.empty()) return {kExitFailure, "", Usage(program)};
  std::string command = arguments[0];
  if (command == "-h" || command == "--help" || command == "help") {
    return {kExitOk, Usage(program), ""};
  }
  if (command == "--version") return {kExitOk, VersionText(program), ""};
  if (command == "tsdb") {
    const auto done = RunTsdbTool({arguments.begin() + 1, arguments.end()}, fs, print);
    if (done) return {*done ? kExitOk : kExitFailure, "", ""};
    return {kExitFailure, "", fmt::format("{}: {}\n", program, done.error().message())};
  }
  size_t used = 1;
  if (command == "check" && arguments.size() > 1) command += "-" + arguments[used++];
  const std::vector<std::string> rest(arguments.begin() + static_cast<std::ptrdiff_t>(used),
                                      arguments.end());
  const bool is_config = command == "check-config";
  if (!is_config && command != "check-web-config") {
    return {kExitFailure, "",
            fmt::format("{}: {} is not there yet\n\n{}", program, base::Quote(command),
                        Usage(program))};
  }
  bool has_file = false;
  for (const std::string& argument : rest) has_file = has_file || !argument.starts_with("--");
  if (!has_file) {
    return {kExitFailure, "", fmt::format("{}: {} needs a file\n", program, command)};
  }
  return is_config ? CheckConfig(rest, fs) : CheckWebConfig(rest, fs);
}

}  // namespace tributary::app

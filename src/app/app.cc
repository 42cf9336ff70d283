#include "app/app.h"

#include <cstdio>
#include <string>
#include <vector>

#include "app/flags.h"
#include "app/process.h"
#include "app/tool/tool.h"
#include "base/fs.h"
#include "base/log.h"

namespace tributary::app {
namespace {

void PutOut(const std::string& out, const std::string& err) {
  std::fputs(out.c_str(), stdout);
  std::fputs(err.c_str(), stderr);
}

int RunToolMain(const std::string& program, const std::vector<std::string>& arguments) {
  base::ConfigureLogging(base::LogLevel::kWarn, base::LogFormat::kLogfmt);
  const ToolOutcome outcome =
      RunTool(program, arguments, base::PosixFileSystem(),
              [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); });
  PutOut(outcome.out, outcome.err);
  return outcome.exit_code;
}

}  // namespace

int RunMain(int argc, char** argv) {
  const std::string program = argc > 0 ? base::BaseName(argv[0]) : "tributary";
  std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (program == "promtool") return RunToolMain(program, arguments);

  bool agent = false;
  if (!arguments.empty()) {
    const std::string form = arguments.front();
    if (form == "tool") {
      arguments.erase(arguments.begin());
      return RunToolMain(program + " tool", arguments);
    }
    agent = form == "agent";
    if (agent || form == "server") arguments.erase(arguments.begin());
  }
  const FlagOutcome flags = ParseFlags(program, arguments, agent);
  if (flags.exit_code) {
    PutOut(flags.out, flags.err);
    return *flags.exit_code;
  }
  return RunProcess(flags);
}

}  // namespace tributary::app

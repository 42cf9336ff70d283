#include "app/app.h"

#include <cstdio>
#include <string>
#include <vector>

#include "app/flags.h"
#include "app/process.h"
#include "app/tool.h"
#include "base/fs.h"

namespace tributary::app {
namespace {

void Print(const std::string& out, const std::string& err) {
  std::fputs(out.c_str(), stdout);
  std::fputs(err.c_str(), stderr);
}

int RunToolMain(const std::string& program, const std::vector<std::string>& arguments) {
  const ToolOutcome outcome = RunTool(program, arguments, base::PosixFileSystem());
  Print(outcome.out, outcome.err);
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
    Print(flags.out, flags.err);
    return *flags.exit_code;
  }
  return RunProcess(flags);
}

}  // namespace tributary::app

#include "app/tool/tsdb_tool.h"

#include "base/strings.h"

namespace tributary::app {

std::string_view TsdbUsage() {
  return "  tsdb list [-r] [DIR]               list the blocks of a store\n"
         "  tsdb analyze [--limit=20] [--match=SELECTOR] [--extended] [DIR [BLOCK]]\n"
         "                                     churn and cardinality of a block, the last one if "
         "not "
         "named\n"
         "  tsdb dump [--min-time=MS] [--max-time=MS] [--match=SELECTOR]... "
         "[--format=prom|seriesjson]\n"
         "       [--sandbox-dir-root=DIR] [DIR]\n"
         "                                     print what is in a store\n"
         "  tsdb dump-openmetrics [as dump] [DIR]\n"
         "  tsdb create-blocks-from openmetrics [-r] [-q] [--max-block-duration=2h]\n"
         "       [--label=NAME=VALUE]... FILE [DIR]\n"
         "                                     make blocks of the samples in a file\n"
         "  tsdb verify [DIR]                  check every index, chunk, postings list and log "
         "record\n"
         "DIR is data/ when it is not given.\n";
}

base::Result<bool> RunTsdbTool(std::vector<std::string> words, base::FileSystem& fs,
                               const Print& print) {
  if (words.empty()) return base::InvalidArgument("tsdb needs a command");
  const std::string command = words[0];
  words.erase(words.begin());
  if (command == "verify") return VerifyDirectory(Arguments(std::move(words)), fs, print);
  const auto run = [&]() -> base::Status {
    Arguments arguments(words);
    if (command == "list") return ListBlocks(std::move(arguments), fs, print);
    if (command == "analyze") return AnalyzeBlock(std::move(arguments), fs, print);
    if (command == "dump") return DumpStore(std::move(arguments), fs, print, false);
    if (command == "dump-openmetrics") return DumpStore(std::move(arguments), fs, print, true);
    if (command == "create-blocks-from") return CreateBlocks(std::move(arguments), fs, print);
    return base::InvalidArgument("tsdb " + base::Quote(command) + " is not there");
  };
  RETURN_IF_ERROR(run());
  return true;
}

}  // namespace tributary::app

// tsdb verify; ours.
#include <fmt/format.h>

#include "app/tool/tsdb_tool.h"
#include "tsdb/verify/verify.h"

namespace tributary::app {

base::Result<bool> VerifyDirectory(Arguments arguments, base::FileSystem& fs, const Print& print) {
  ASSIGN_OR_RETURN(const std::vector<std::string> rest, arguments.Rest(1));
  ASSIGN_OR_RETURN(const tsdb::VerifySummary summary,
                   tsdb::VerifyStore(fs, rest.empty() ? "data/" : rest[0],
                                     [&](const std::string& problem) { print(problem + "\n"); }));
  print(fmt::format(
      "{} blocks with {} series, {} postings, {} chunks and {} samples; {} log records "
      "and {} head chunks: {}\n",
      summary.blocks, summary.series, summary.postings, summary.chunks, summary.samples,
      summary.records, summary.head_chunks,
      summary.problems == 0 ? "all is well" : fmt::format("{} problems", summary.problems)));
  return summary.problems == 0;
}

}  // namespace tributary::app

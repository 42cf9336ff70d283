#include "tsdb/verify/verify.h"

#include "tsdb/block/ulid.h"

namespace tributary::tsdb {

base::Result<VerifySummary> VerifyStore(base::FileSystem& fs, const std::string& dir,
                                        const ProblemReport& report) {
  VerifySummary summary;
  const ProblemReport count = [&](const std::string& problem) {
    ++summary.problems;
    report(problem);
  };
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  for (const base::DirEntry& entry : entries) {
    if (!entry.is_directory || !IsUlid(entry.name)) continue;
    VerifyBlock(fs, base::JoinPath(dir, entry.name), count, &summary);
  }
  VerifyLogs(fs, dir, count, &summary);
  return summary;
}

}  // namespace tributary::tsdb

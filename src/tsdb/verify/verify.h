// VerifyStore: reads every byte of a store's directory that means something and says what is wrong,
// with file and offset. Nothing is written. A store whose server is running may show problems that
// are none: files come and go.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/fs.h"
#include "base/result.h"

namespace tributary::tsdb {

struct VerifySummary {
  uint64_t blocks = 0;
  uint64_t series = 0;
  uint64_t postings = 0;  // entries of all lists
  uint64_t chunks = 0;
  uint64_t samples = 0;
  uint64_t records = 0;  // of WAL, checkpoint and WBL
  uint64_t head_chunks = 0;
  uint64_t problems = 0;
};

// Told of each problem in one line: "data/01…/index:4096: series out of order".
using ProblemReport = std::function<void(const std::string&)>;

// Fails only when the directory itself cannot be read.
base::Result<VerifySummary> VerifyStore(base::FileSystem& fs, const std::string& dir,
                                        const ProblemReport& report);

// The parts. `dir` is that of the block, or of the store.
void VerifyBlock(base::FileSystem& fs, const std::string& dir, const ProblemReport& report,
                 VerifySummary* summary);
void VerifyLogs(base::FileSystem& fs, const std::string& dir, const ProblemReport& report,
                VerifySummary* summary);

}  // namespace tributary::tsdb

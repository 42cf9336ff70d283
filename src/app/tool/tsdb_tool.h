// `tool tsdb …`: what can be done with a store's directory while no server runs in it, as promtool
// does it. `verify` is ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/tool/arguments.h"
#include "app/tool/tool.h"
#include "base/fs.h"
#include "base/result.h"
#include "tsdb/block/block.h"

namespace tributary::app {

// The words after "tsdb". False: something is wrong with the store, and was printed.
base::Result<bool> RunTsdbTool(std::vector<std::string> words, base::FileSystem& fs,
                               const Print& print);
std::string_view TsdbUsage();

// Each a command, with its own arguments.
base::Status ListBlocks(Arguments arguments, base::FileSystem& fs, const Print& print);
base::Status AnalyzeBlock(Arguments arguments, base::FileSystem& fs, const Print& print);
base::Status DumpStore(Arguments arguments, base::FileSystem& fs, const Print& print,
                       bool open_metrics);
base::Status CreateBlocks(Arguments arguments, base::FileSystem& fs, const Print& print);
base::Result<bool> VerifyDirectory(Arguments arguments, base::FileSystem& fs, const Print& print);

// Shared by them: the blocks of a directory by their times, and the table that lists some.
base::Result<std::vector<std::shared_ptr<tsdb::Block>>> OpenBlocks(base::FileSystem& fs,
                                                                   const std::string& dir);
std::string BlockTable(const std::vector<std::shared_ptr<tsdb::Block>>& blocks, bool header,
                       bool human);
// Go's text of a duration: "2h0m0s", "1m0.5s", "15ms".
std::string GoDuration(int64_t ms);

}  // namespace tributary::app

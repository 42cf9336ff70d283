// The patterns of rule_files, scrape_config_files and file_sd: a '*' may stand in the last segment
// of the path only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/result.h"

namespace tributary::config {

// False when a '*' stands before the last segment.
bool IsFilePattern(std::string_view path);

// As path.Match of Go for one segment: '*' any run, '?' any character, [a-z] and [^a-z] classes.
bool MatchesSegment(std::string_view pattern, std::string_view name);

// The files that match, sorted. A directory that is not there has none.
base::Result<std::vector<std::string>> ExpandFilePattern(base::FileSystem& fs,
                                                         const std::string& pattern);

}  // namespace tributary::config

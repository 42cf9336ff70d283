#include "config/file_pattern.h"

namespace tributary::config {
namespace {

// Matches one character class at the front of `pattern`, which begins with '['; sets `rest` to
// what follows it. A class that does not end matches nothing.
bool MatchesClass(std::string_view pattern, char c, std::string_view* rest) {
  size_t i = 1;
  const bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    const char low = pattern[i++];
    char high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      high = pattern[i + 1];
      i += 2;
    }
    found = found || (low <= c && c <= high);
  }
  if (i >= pattern.size()) return false;
  *rest = pattern.substr(i + 1);
  return found != negated;
}

}  // namespace

bool IsFilePattern(std::string_view path) {
  const size_t star = path.find('*');
  if (star == std::string_view::npos) return true;
  return path.find('/', star) == std::string_view::npos;
}

bool MatchesSegment(std::string_view pattern, std::string_view name) {
  // Where to go on when the text after the last '*' does not fit.
  std::string_view star_pattern;
  std::string_view star_name;
  bool has_star = false;
  while (true) {
    if (!pattern.empty() && pattern.front() == '*') {
      pattern.remove_prefix(1);
      star_pattern = pattern;
      star_name = name;
      has_star = true;
      continue;
    }
    bool fits = false;
    std::string_view rest;
    if (name.empty() && pattern.empty()) return true;
    if (!name.empty() && !pattern.empty()) {
      if (pattern.front() == '[') {
        fits = MatchesClass(pattern, name.front(), &rest);
      } else if (pattern.front() == '\\' && pattern.size() > 1) {
        fits = pattern[1] == name.front();
        rest = pattern.substr(2);
      } else {
        fits = pattern.front() == '?' || pattern.front() == name.front();
        rest = pattern.substr(1);
      }
    }
    if (fits) {
      pattern = rest;
      name.remove_prefix(1);
    } else if (has_star && !star_name.empty()) {
      star_name.remove_prefix(1);
      name = star_name;
      pattern = star_pattern;
    } else {
      return false;
    }
  }
}

base::Result<std::vector<std::string>> ExpandFilePattern(base::FileSystem& fs,
                                                         const std::string& pattern) {
  std::vector<std::string> files;
  if (pattern.find_first_of("*?[\\") == std::string::npos) {
    ASSIGN_OR_RETURN(const bool exists, fs.Exists(pattern));
    if (exists) files.push_back(pattern);
    return files;
  }
  const std::string dir = base::DirName(pattern);
  ASSIGN_OR_RETURN(const bool exists, fs.Exists(dir));
  if (!exists) return files;
  ASSIGN_OR_RETURN(const std::vector<base::DirEntry> entries, fs.List(dir));
  const std::string segment = base::BaseName(pattern);
  for (const base::DirEntry& entry : entries) {
    if (!entry.is_directory && MatchesSegment(segment, entry.name)) {
      files.push_back(base::JoinPath(dir, entry.name));
    }
  }
  return files;
}

}  // namespace tributary::config

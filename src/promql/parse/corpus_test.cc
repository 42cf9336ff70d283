// Every expression of the shared corpus (promqltest scripts, Grafana dashboards, rule files) must
// parse, print back to an equal tree and survive formatting. The corpus is found by the environment
// variable TRIBUTARY_SHARED_DATA or beside the source tree.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "promql/parse/parser.h"

namespace tributary::promql {
namespace {

namespace fs = std::filesystem;

// Empty when there is none.
fs::path SharedData() {
  if (const char* dir = std::getenv("TRIBUTARY_SHARED_DATA")) return dir;
  // This file is <root>/src/promql/parse/corpus_test.cc.
  fs::path root = fs::path(__FILE__);
  for (int i = 0; i < 4; ++i) root = root.parent_path();
  const fs::path beside = root / ".." / "shared" / "data";
  return fs::is_directory(beside) ? beside : fs::path();
}

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  size_t start = 0;
  while (start <= text.size()) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

std::vector<std::string> FromScript(const std::string& text) {
  static const std::regex kEval(
      R"(^\s*eval\S*\s+(?:instant\s+at\s+\S+|range\s+from\s+\S+\s+to\s+\S+\s+step\s+\S+)\s+(.+?)\s*$)");
  std::vector<std::string> out;
  for (const std::string& line : Lines(text)) {
    std::smatch match;
    if (std::regex_match(line, match, kEval)) out.push_back(match[1]);
  }
  return out;
}

// JSON's escapes, and YAML's escaped line break.
std::string Unescape(const std::string& escaped) {
  std::string out;
  for (size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\' || i + 1 == escaped.size()) {
      out += escaped[i];
      continue;
    }
    const char c = escaped[++i];
    if (c == 'u') {
      out += static_cast<char>(std::stoi(escaped.substr(i + 1, 4), nullptr, 16));
      i += 4;
    } else if (c != '\n') {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
  }
  return out;
}

// The values of "expr" in JSON text, with Grafana's variables made constant.
std::vector<std::string> FromDashboard(const std::string& text) {
  static const std::regex kExpr(R"x("expr"\s*:\s*"((?:\\.|[^"\\])*)")x");
  static const std::regex kVariable(R"(\[\$[A-Za-z_]+(:[^\]]*)?\])");
  std::vector<std::string> out;
  for (auto it = std::sregex_iterator(text.begin(), text.end(), kExpr);
       it != std::sregex_iterator(); ++it) {
    out.push_back(std::regex_replace(Unescape((*it)[1]), kVariable, "[5m]"));
  }
  return out;
}

// A YAML scalar in quotes that may run over several lines: a line break folds to a blank, an empty
// line stands for a line break. `pos` is behind the opening quote.
std::string QuotedScalar(const std::string& text, size_t pos, char quote) {
  std::string out;
  for (; pos < text.size(); ++pos) {
    const char c = text[pos];
    if (c == quote) {
      if (quote == '"' || text[pos + 1] != quote) break;
      ++pos;
      out += quote;
    } else if (c == '\\' && quote == '"') {
      out += c;
      out += text[++pos];
      if (text[pos] == '\n') pos = text.find_first_not_of(' ', pos + 1) - 1;
    } else if (c == '\n') {
      size_t breaks = 0;
      while (text[pos] == '\n' || text[pos] == ' ') breaks += text[pos++] == '\n' ? 1 : 0;
      --pos;
      out += breaks == 1 ? std::string(" ") : std::string(breaks - 1, '\n');
    } else {
      out += c;
    }
  }
  return quote == '"' ? Unescape(out) : out;
}

// The values of `expr:` in YAML text: plain on one line, or in quotes.
std::vector<std::string> FromRules(const std::string& text) {
  std::vector<std::string> out;
  constexpr std::string_view kKey = " expr: ";
  for (size_t pos = text.find(kKey); pos != std::string::npos; pos = text.find(kKey, pos)) {
    pos += kKey.size();
    const char quote = text[pos];
    if (quote == '\'' || quote == '"') {
      out.push_back(QuotedScalar(text, pos + 1, quote));
      continue;
    }
    // Plain: goes on while lines are indented and are no key.
    size_t end = text.find('\n', pos);
    while (end != std::string::npos) {
      const size_t next_end = std::min(text.find('\n', end + 1), text.size());
      const std::string next = text.substr(end + 1, next_end - end - 1);
      static const std::regex kEntry(R"(^\s*(- )?[A-Za-z_]+:( .*)?$|^\s*$|^\s*- .*$|^\S.*)");
      if (std::regex_match(next, kEntry)) break;
      end = next_end == text.size() ? std::string::npos : next_end;
    }
    out.push_back(text.substr(pos, end - pos));
  }
  return out;
}

size_t CheckFolder(const fs::path& folder,
                   const std::function<std::vector<std::string>(const std::string&)>& extract) {
  const ParserOptions options{.experimental_functions = true,
                              .extended_range_selectors = true,
                              .binop_fill_modifiers = true};
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    for (const std::string& text : extract(ReadAll(entry.path()))) {
      ++count;
      const auto expr = ParseExpr(text, options);
      if (!expr) {
        ADD_FAILURE() << entry.path() << ": " << text << ": " << expr.error().message();
        continue;
      }
      const std::string printed = Print(**expr);
      const auto again = ParseExpr(printed, options);
      EXPECT_TRUE(again && SameTree(**expr, **again)) << text << "\n" << printed;
      const std::string pretty = Prettify(**expr);
      const auto from_pretty = ParseExpr(pretty, options);
      EXPECT_TRUE(from_pretty && SameTree(**expr, **from_pretty)) << text << "\n" << pretty;
      EXPECT_TRUE(SameTree(**expr, *Clone(**expr))) << text;
    }
  }
  return count;
}

TEST(CorpusTest, RoundTrips) {
  const fs::path data = SharedData();
  if (data.empty()) GTEST_SKIP() << "no shared data: set TRIBUTARY_SHARED_DATA";
  EXPECT_GT(CheckFolder(data / "promqltest", FromScript), 1500U);
  EXPECT_GT(CheckFolder(data / "dashboards", FromDashboard), 200U);
  EXPECT_GT(CheckFolder(data / "rules", FromRules), 100U);
}

}  // namespace
}  // namespace tributary::promql

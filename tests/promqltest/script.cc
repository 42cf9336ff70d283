#include "script.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/duration.h"
#include "base/strings.h"
#include "promql/parse/literals.h"

namespace tributary::promqltest {
namespace {

using promql::SequenceValue;

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text);
  base::Result<std::vector<Command>> Run();

 private:
  base::Result<LoadCommand> ParseLoad();
  base::Result<EvalCommand> ParseEval();
  base::Status ParseEvalHead(EvalCommand* eval);
  base::Status ParseExpect(const std::string& line, EvalCommand* eval);
  base::Result<int64_t> Duration(const std::string& text) const;
  base::Result<promql::SeriesDescription> Series(const std::string& line) const;
  // Moves to the next line of the block; false at its end.
  bool NextLine();
  int line_number() const { return static_cast<int>(at_) + 1; }
  base::Error Fail(std::string_view message) const {
    return base::InvalidArgument(fmt::format("line {}: {}", line_number(), message));
  }

  std::vector<std::string> lines_;
  size_t at_ = 0;
};

ScriptParser::ScriptParser(std::string_view text) {
  for (const std::string_view raw : base::Split(text, '\n')) {
    const std::string_view line = base::TrimSpace(raw);
    lines_.emplace_back(line.starts_with('#') ? std::string_view() : line);
  }
}

bool ScriptParser::NextLine() {
  if (at_ + 1 >= lines_.size() || lines_[at_ + 1].empty()) return false;
  ++at_;
  return true;
}

base::Result<std::vector<Command>> ScriptParser::Run() {
  std::vector<Command> commands;
  for (; at_ < lines_.size(); ++at_) {
    const std::string& line = lines_[at_];
    if (line.empty()) continue;
    const std::string word = base::ToLower(line.substr(0, line.find_first_of("\t ")));
    if (word == "clear") {
      commands.emplace_back(ClearCommand{line_number()});
    } else if (word.starts_with("load")) {
      ASSIGN_OR_RETURN(LoadCommand load, ParseLoad());
      commands.emplace_back(std::move(load));
    } else if (word.starts_with("eval")) {
      ASSIGN_OR_RETURN(EvalCommand eval, ParseEval());
      commands.emplace_back(std::move(eval));
    } else {
      return Fail("invalid command " + base::Quote(line));
    }
  }
  return commands;
}

base::Result<int64_t> ScriptParser::Duration(const std::string& text) const {
  auto ms = base::ParseDurationMs(text);
  if (!ms) return Fail(ms.error().message());
  return *ms;
}

base::Result<promql::SeriesDescription> ScriptParser::Series(const std::string& line) const {
  auto series = promql::ParseSeriesDescription(line);
  if (!series) return Fail(series.error().message());
  return std::move(*series);
}

// Items of an @st line: milliseconds relative to each sample, nothing where unknown.
using StartOffsets = std::vector<std::optional<int64_t>>;

bool ExpandStartItem(std::string_view item, StartOffsets* out) {
  static const RE2 kItem(
      R"(([+-]?)([0-9]+(?:[a-wyz]+)?)(?:([+-])([0-9]+(?:[a-wyz]+)?))?(?:x([0-9]+))?)");
  const auto repeat = [&](uint64_t n) { return n <= promql::kMaxSequenceValues; };
  if (item == "_") {
    out->emplace_back();
    return true;
  }
  if (item.starts_with("_x")) {
    const auto n = base::ParseUint(item.substr(2));
    if (!n || *n == 0 || !repeat(*n)) return false;
    out->insert(out->end(), *n, std::nullopt);
    return true;
  }
  std::string sign, base_text, step_sign, step_text, times_text;
  if (!RE2::FullMatch(item, kItem, &sign, &base_text, &step_sign, &step_text, &times_text)) {
    return false;
  }
  const auto base_ms = base::ParseDurationMs(base_text);
  const auto step_ms = base::ParseDurationMs(step_text.empty() ? "0" : step_text);
  if (!base_ms || !step_ms || (!step_text.empty() && times_text.empty())) return false;
  int64_t offset = sign == "-" ? -*base_ms : *base_ms;
  const int64_t step = step_sign == "-" ? -*step_ms : *step_ms;
  const uint64_t times = times_text.empty() ? 0 : base::ParseUint(times_text).value_or(UINT64_MAX);
  if (!repeat(times)) return false;
  for (uint64_t i = 0; i <= times; ++i, offset += step) out->emplace_back(offset);
  return true;
}

base::Result<LoadCommand> ScriptParser::ParseLoad() {
  static const RE2 kLoad(R"(load(_with_nhcb)?\s+(.+))");
  LoadCommand load;
  load.line = line_number();
  std::string nhcb, step_text;
  if (!RE2::FullMatch(lines_[at_], kLoad, &nhcb, &step_text)) return Fail("invalid load command");
  load.with_nhcb = !nhcb.empty();
  ASSIGN_OR_RETURN(const int64_t step_ms, Duration(step_text));
  std::map<model::Labels, size_t> index;
  std::optional<std::pair<model::Labels, StartOffsets>> pending;
  while (NextLine()) {
    const std::string& line = lines_[at_];
    const size_t blank = line.find_first_of(" \t");
    if (blank != std::string::npos && line.substr(0, blank).ends_with("@st")) {
      if (pending) return Fail("@st line has no following sample line");
      ASSIGN_OR_RETURN(const auto metric, Series(line.substr(0, blank - 3)));
      StartOffsets offsets;
      for (const std::string_view item : base::Split(std::string_view(line).substr(blank), ' ')) {
        if (item.empty()) continue;
        if (!ExpandStartItem(item, &offsets)) {
          return Fail(fmt::format("invalid @st sequence: {}", item));
        }
      }
      pending.emplace(metric.labels, std::move(offsets));
      continue;
    }
    ASSIGN_OR_RETURN(const auto series, Series(line));
    if (pending &&
        (pending->first != series.labels || pending->second.size() != series.values.size())) {
      return Fail("the @st line before does not fit this series");
    }
    LoadSeries out;
    out.labels = series.labels;
    for (size_t i = 0; i < series.values.size(); ++i) {
      const SequenceValue& value = series.values[i];
      if (value.omitted) continue;
      LoadSample sample{
          .t = static_cast<int64_t>(i) * step_ms, .v = value.value, .h = value.histogram};
      if (pending && pending->second[i]) sample.start = sample.t + *pending->second[i];
      out.samples.push_back(std::move(sample));
    }
    pending.reset();
    const auto [it, added] = index.try_emplace(out.labels, load.series.size());
    if (added) {
      load.series.push_back(std::move(out));
    } else {
      load.series[it->second] = std::move(out);
    }
  }
  if (pending) return Fail("@st line has no following sample line");
  return load;
}

base::Status ScriptParser::ParseEvalHead(EvalCommand* eval) {
  static const RE2 kInstant(
      R"(eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+))");
  static const RE2 kRange(
      R"(eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+))");
  const std::string& line = lines_[at_];
  std::string mode, at, from, to, step;
  if (RE2::FullMatch(line, kInstant, &mode, &at, &eval->expr)) {
    ASSIGN_OR_RETURN(eval->eval_ms, Duration(at));
    eval->start_ms = eval->eval_ms;
  } else if (RE2::FullMatch(line, kRange, &mode, &from, &to, &step, &eval->expr)) {
    eval->is_range = true;
    ASSIGN_OR_RETURN(eval->start_ms, Duration(from));
    ASSIGN_OR_RETURN(eval->end_ms, Duration(to));
    ASSIGN_OR_RETURN(eval->step_ms, Duration(step));
    if (eval->end_ms < eval->start_ms) return Fail("the range ends before it starts");
  } else {
    return Fail("invalid evaluation command");
  }
  eval->ordered = mode == "ordered";
  eval->fail = mode == "fail";
  eval->any_warning = mode == "warn";
  eval->any_info = mode == "info";
  return base::OkStatus();
}

base::Status ScriptParser::ParseExpect(const std::string& line, EvalCommand* eval) {
  static const RE2 kExpect(
      R"(expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?)");
  std::string what, kind, text;
  if (!RE2::FullMatch(line, kExpect, &what, &kind, &text)) {
    return Fail("invalid expect statement " + base::Quote(line));
  }
  MessageMatch match{kind != "msg", std::string(base::TrimSpace(text))};
  if (match.is_regex && !RE2(match.text, RE2::Quiet).ok())
    return Fail("invalid regex " + match.text);
  if (what == "ordered") {
    eval->ordered = true;
  } else if (what == "fail") {
    if (!eval->fail_matches.empty()) return Fail("more than one expect fail");
    eval->fail = true;
    eval->fail_matches.push_back(std::move(match));
  } else if (what == "warn") {
    eval->warn_matches.push_back(std::move(match));
  } else if (what == "info") {
    eval->info_matches.push_back(std::move(match));
  } else {
    (what == "no_warn" ? eval->no_warn : eval->no_info) = true;
  }
  if ((eval->no_warn && !eval->warn_matches.empty()) ||
      (eval->no_info && !eval->info_matches.empty())) {
    return Fail("an annotation is both expected and excluded");
  }
  return base::OkStatus();
}

base::Result<EvalCommand> ScriptParser::ParseEval() {
  static const RE2 kExpectRange(R"(expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+))");
  EvalCommand eval;
  eval.line = line_number();
  RETURN_IF_ERROR(ParseEvalHead(&eval));
  bool range_vector = false;
  for (int position = 1; NextLine(); ++position) {
    const std::string& line = lines_[at_];
    if (eval.fail && line.starts_with("expected_fail_")) {
      const bool regex = line.starts_with("expected_fail_regexp");
      eval.fail_matches.push_back(
          {regex, std::string(base::TrimSpace(line.substr(line.find_first_of("\t "))))});
      break;
    }
    if (line.starts_with("expect range vector")) {
      std::string from, to, step;
      if (!RE2::FullMatch(line, kExpectRange, &from, &to, &step)) {
        return Fail("invalid range vector definition");
      }
      ASSIGN_OR_RETURN(eval.start_ms, Duration(from));
      ASSIGN_OR_RETURN(eval.end_ms, Duration(to));
      ASSIGN_OR_RETURN(eval.step_ms, Duration(step));
      eval.eval_ms = eval.end_ms;
      eval.only_instant = range_vector = true;
      continue;
    }
    if (line.starts_with("expect string ")) {
      auto text = promql::Unquote(line.substr(std::string_view("expect string ").size()));
      if (!text) return Fail("expected string literal not valid");
      eval.string = std::move(*text);
      eval.only_instant = true;
      continue;
    }
    if (line == "expect" || line.starts_with("expect ")) {
      RETURN_IF_ERROR(ParseExpect(line, &eval));
      --position;
      continue;
    }
    if (const auto number = promql::ParseNumber(line)) {
      eval.scalar = *number;
      break;
    }
    ASSIGN_OR_RETURN(auto series, Series(line));
    if (series.values.size() > 1 && !eval.is_range && !range_vector) {
      return Fail("several values for an instant query need 'expect range vector'");
    }
    std::erase_if(eval.series, [&](const ExpectedSeries& s) { return s.labels == series.labels; });
    eval.series.push_back({series.labels, position, std::move(series.values)});
  }
  return eval;
}

}  // namespace

bool MessageMatch::Matches(const std::string& message) const {
  return is_regex ? RE2::PartialMatch(message, text) : message == text;
}

base::Result<std::vector<Command>> ParseScript(std::string_view text) {
  return ScriptParser(text).Run();
}

}  // namespace tributary::promqltest

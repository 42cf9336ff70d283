#include "app/flags.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "app/features.h"
#include "app/flag_table.h"
#include "base/strings.h"
#include "base/version.h"

namespace tributary::app {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr size_t kHelpColumn = 52;

class Parser {
 public:
  Parser(std::string_view program, bool agent) : program_(program) {
    for (const FlagRow& row : FlagTable()) {
      // An empty default leaves texts empty and lists without elements.
      if (!row.default_value.empty()) (void)SetFlag(row, row.default_value, &outcome_.options);
    }
    if (agent) outcome_.options.agent = true;
  }

  FlagOutcome Parse(const std::vector<std::string>& arguments) {
    for (size_t i = 0; i < arguments.size() && !outcome_.exit_code; ++i) {
      const std::string& argument = arguments[i];
      if (argument == "-h" || argument == "--help" || argument == "--help-long") {
        Exit(kExitOk, HelpText(program_), "");
      } else if (argument == "--version") {
        Exit(kExitOk, VersionText(program_), "");
      } else if (argument.starts_with("--") && argument.size() > 2) {
        const std::string* next = i + 1 < arguments.size() ? &arguments[i + 1] : nullptr;
        if (TakeLong(std::string_view(argument).substr(2), next)) ++i;
      } else if (argument.starts_with("-") && argument.size() > 1 && argument != "--") {
        Fail(fmt::format("unknown short flag '{}'", argument.substr(0, 2)));
      } else {
        Fail(fmt::format("unexpected {}", argument));
      }
    }
    if (!outcome_.exit_code) CheckValues();
    return std::move(outcome_);
  }

 private:
  // True when `next` was taken as the value.
  bool TakeLong(std::string_view text, const std::string* next) {
    const size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    std::optional<std::string_view> value;
    if (equals != std::string_view::npos) value = text.substr(equals + 1);

    const FlagRow* row = FindFlag(name);
    bool inverted = false;
    if (row == nullptr && name.starts_with("no-")) {
      row = FindFlag(name.substr(3));
      if (row != nullptr && !IsBool(*row)) row = nullptr;
      inverted = row != nullptr;
    }
    if (row == nullptr) {
      Fail(fmt::format("unknown long flag '--{}'", name), Suggestion(name));
      return false;
    }
    const bool repeated = !set_.insert(row->name).second;
    if (repeated && !IsList(*row)) {
      Fail(fmt::format("flag '{}' cannot be repeated", row->name));
      return false;
    }
    if (!repeated) ClearFlag(*row, &outcome_.options);

    if (IsBool(*row)) {
      if (!value) {
        Set(*row, inverted ? "false" : "true");
      } else if (inverted) {
        Fail(fmt::format("unexpected {} after '--{}'", *value, name));
      } else {
        Set(*row, *value);
      }
      return false;
    }
    if (value) {
      Set(*row, *value);
      return false;
    }
    if (next == nullptr || (next->starts_with("-") && next->size() > 1)) {
      Fail(fmt::format("expected argument for flag '--{}'", name));
      return false;
    }
    Set(*row, *next);
    return true;
  }

  void Set(const FlagRow& row, std::string_view text) {
    if (const auto set = SetFlag(row, text, &outcome_.options); !set) {
      Fail(fmt::format("flag '--{}': {}", row.name, set.error().message()));
    }
  }

  void CheckValues() {
    Options& options = outcome_.options;
    if (ParseFeatures(options.features).agent) options.agent = true;
    std::vector<std::string> misplaced;
    const FlagMode foreign = options.agent ? FlagMode::kServer : FlagMode::kAgent;
    for (const FlagRow& row : FlagTable()) {
      if (set_.count(row.name) == 0) continue;
      if (row.mode == foreign) misplaced.push_back(base::Quote(fmt::format("--{}", row.name)));
      if (row.effect == FlagEffect::kNotYet && FlagText(row, options) != row.default_value) {
        outcome_.warnings.push_back(fmt::format("--{}", row.name));
      }
    }
    if (!misplaced.empty()) {
      const std::string_view rule =
          options.agent ? "can not be used in agent mode" : "can only be used in agent mode";
      return Exit(
          kExitWrongMode, "",
          fmt::format("The following flag(s) {}: [{}]\n", rule, base::Join(misplaced, " ")));
    }
    if (options.auto_reload_interval_ms < 1000) options.auto_reload_interval_ms = 1000;
    if (options.search_max_limit < 0) {
      return Refuse("web.search.max-limit", "must be non-negative (use 0 to disable the cap)");
    }
    if (options.gomemlimit_ratio <= 0 || options.gomemlimit_ratio > 1) {
      return Refuse("auto-gomemlimit.ratio", "must be greater than 0 and less than or equal to 1");
    }
    if (options.agent && options.checkpoint_batch_size <= 0) {
      return Refuse("storage.agent.checkpoint-batch-size", "must be greater than 0");
    }
    for (const auto& [name, bytes] :
         {std::pair{"storage.tsdb.wal-segment-size", options.tsdb_wal_segment_bytes},
          std::pair{"storage.agent.wal-segment-size", options.agent_wal_segment_bytes}}) {
      if (bytes != 0 && (bytes < 10 * kMiB || bytes > 256 * kMiB)) {
        return Refuse(name, "must be set between 10MB and 256MB");
      }
    }
    for (const auto& [name, value] :
         {std::pair{"web.max-connections", options.max_connections},
          std::pair{"query.max-concurrency", options.query_max_concurrency},
          std::pair{"storage.tsdb.samples-per-chunk", options.samples_per_chunk}}) {
      if (value <= 0) return Refuse(name, "must be greater than 0");
    }
  }

  void Exit(int code, std::string out, std::string err) {
    outcome_.exit_code = code;
    outcome_.out = std::move(out);
    outcome_.err = std::move(err);
  }

  void Fail(std::string_view what, std::string_view hint = {}) {
    if (outcome_.exit_code) return;
    Exit(kExitUsage, "",
         fmt::format("Error parsing command line arguments: {}, try --help{}\n", what, hint));
  }

  // Well-formed, and still not possible: Prometheus's exit code for these is that of a failure.
  void Refuse(std::string_view name, std::string_view why) {
    Exit(kExitFailure, "", fmt::format("--{} {}\n", name, why));
  }

  // Names that contain, or are contained in, what was written.
  static std::string Suggestion(std::string_view name) {
    const std::string_view last = name.substr(name.rfind('.') + 1);
    for (const FlagRow& row : FlagTable()) {
      if (row.hidden) continue;
      if (row.name.find(name) != std::string_view::npos ||
          row.name.substr(row.name.rfind('.') + 1) == last) {
        return fmt::format(" (did you mean --{}?)", row.name);
      }
    }
    return "";
  }

  const std::string_view program_;
  std::set<std::string_view> set_;
  FlagOutcome outcome_;
};

std::string FlagUsage(const FlagRow& row) {
  if (IsBool(row)) return fmt::format("--[no-]{}", row.name);
  const std::string_view value = row.default_value.empty() || row.default_value.size() > 20
                                     ? std::string_view("…")
                                     : row.default_value;
  return fmt::format("--{}={}{}", row.name, value, IsList(row) ? " ..." : "");
}

std::string FlagHelp(const FlagRow& row) {
  std::string help(row.help);
  if (IsBool(row) && row.default_value == "true") help += " On unless negated.";
  if (row.mode == FlagMode::kServer) help += " (server)";
  if (row.mode == FlagMode::kAgent) help += " (agent)";
  if (row.effect == FlagEffect::kNotYet) help += " [accepted, not served yet]";
  return help;
}

}  // namespace

FlagOutcome ParseFlags(std::string_view program, const std::vector<std::string>& arguments,
                       bool agent) {
  return Parser(program, agent).Parse(arguments);
}

std::vector<std::pair<std::string, std::string>> FlagValues(const Options& options) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const FlagRow& row : FlagTable()) {
    values.emplace_back(row.name, FlagText(row, options));
  }
  std::ranges::sort(values);
  return values;
}

std::string HelpText(std::string_view program) {
  std::string out = fmt::format(
      "{0}: metrics of many clusters in one place; runs wherever Prometheus runs.\n\n"
      "usage: {0} [server] [<flags>]   central server: scrapes, receives, stores, answers queries\n"
      "       {0} agent [<flags>]      per-cluster agent: scrapes and remote-writes (as --agent)\n"
      "       {0} tool <command>       checks and utilities; '{0} tool' lists them\n\n"
      "Values shown are the defaults. Boolean flags are given as --name or --no-name.\n",
      program);
  std::string_view group;
  for (const FlagRow& row : FlagTable()) {
    if (row.hidden) continue;
    if (row.group != group) {
      group = row.group;
      out += fmt::format("\n{}:\n", group);
    }
    const std::string usage = FlagUsage(row);
    out += fmt::format("  {:<{}} {}\n", usage, kHelpColumn, FlagHelp(row));
  }
  out += fmt::format("\n  {:<{}} {}\n", "-h, --help", kHelpColumn, "Show this text.");
  out += fmt::format("  {:<{}} {}\n", "--version", kHelpColumn, "Show the version.");
  return out;
}

std::string VersionText(std::string_view program) {
  return fmt::format(
      "{}, version {} (branch: main, revision: unknown)\n"
      "  follows:          prometheus {}\n"
      "  compiler:         {}\n"
      "  platform:         linux/{}\n",
      program, base::kVersion, base::kPrometheusVersion, __VERSION__,
#if defined(__x86_64__)
      "amd64"
#elif defined(__aarch64__)
      "arm64"
#else
      "unknown"
#endif
  );
}

}  // namespace tributary::app

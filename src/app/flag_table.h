// The table of all flags: one row each. Parsing, --help, the checks of modes and
// /api/v1/status/flags read nothing else.
// Source of names and defaults: Prometheus 3.14 cmd/prometheus/main.go.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "app/options.h"
#include "base/result.h"

namespace tributary::app {

// Where a value goes, and so how it is read and written.
struct BoolFlag {
  bool Options::* field;
};
struct TextFlag {
  std::string Options::* field;
  std::string_view choices = {};  // comma separated; empty: any text
};
struct ListFlag {  // may be given several times
  std::vector<std::string> Options::* field;
  std::string_view choices = {};  // of each comma separated part
};
struct DurationFlag {
  int64_t Options::* field;
};
struct IntFlag {
  int64_t Options::* field;
};
struct FloatFlag {
  double Options::* field;
};
struct SizeFlag {
  uint64_t Options::* field;
};
using FlagTarget =
    std::variant<BoolFlag, TextFlag, ListFlag, DurationFlag, IntFlag, FloatFlag, SizeFlag>;

enum class FlagMode : unsigned char { kBoth, kServer, kAgent };

enum class FlagEffect : unsigned char {
  kServed,
  kNotYet,   // accepted; setting it is worth a warning
  kNothing,  // accepted for compatibility, means nothing here (Go's runtime, Prometheus's UI)
};

struct FlagRow {
  std::string_view group;  // heading in --help
  std::string_view name;
  FlagTarget target;
  std::string_view default_value;
  std::string_view help;  // one line
  FlagMode mode = FlagMode::kBoth;
  FlagEffect effect = FlagEffect::kServed;
  bool hidden = false;
};

std::span<const FlagRow> FlagTable();
const FlagRow* FindFlag(std::string_view name);

inline bool IsBool(const FlagRow& row) { return std::holds_alternative<BoolFlag>(row.target); }
inline bool IsList(const FlagRow& row) { return std::holds_alternative<ListFlag>(row.target); }

// Reads `text` into the row's field; lists grow. The error says what was expected.
base::Status SetFlag(const FlagRow& row, std::string_view text, Options* options);
// Empties a list, before its first value replaces the default.
void ClearFlag(const FlagRow& row, Options* options);
// The field as Prometheus prints it: "1m30s", "true", "a, b".
std::string FlagText(const FlagRow& row, const Options& options);

}  // namespace tributary::app

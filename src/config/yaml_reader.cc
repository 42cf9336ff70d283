#include "config/yaml_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/fs.h"
#include "base/strings.h"

namespace tributary::config {
namespace {

constexpr size_t kMaxProblemsShown = 10;
constexpr size_t kMaxTextShown = 60;

// Edits that turn one word into the other.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string_view Closest(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.size() > 64) return {};
  std::string_view best;
  size_t best_distance = std::min<size_t>(3, word.size() / 2);
  for (const std::string_view candidate : known) {
    const size_t distance = EditDistance(word, candidate);
    if (distance <= best_distance && (best.empty() || distance < best_distance)) {
      best = candidate;
      best_distance = distance;
    }
  }
  if (!best.empty() || word.size() < 3) return best;
  // No slip of the finger: perhaps half of the name.
  for (const std::string_view candidate : known) {
    if (candidate.starts_with(word)) return candidate;
  }
  return {};
}

std::optional<double> ParseNumber(const YamlNode& node) {
  if (!node.is_scalar() || node.is_string) return std::nullopt;
  return base::ParseFloat(node.scalar);
}

// Whole numbers may be written as floats (1e6).
template <class Int>
std::optional<Int> ParseWhole(const YamlNode& node) {
  if (!node.is_scalar() || node.is_string) return std::nullopt;
  if constexpr (std::is_signed_v<Int>) {
    if (const auto exact = base::ParseInt(node.scalar)) return *exact;
  } else {
    if (const auto exact = base::ParseUint(node.scalar)) return *exact;
  }
  const std::optional<double> number = base::ParseFloat(node.scalar);
  // 2^53: up to here every whole double is what was written.
  constexpr double kExact = 9007199254740992.0;
  if (!number || std::trunc(*number) != *number || std::fabs(*number) > kExact) return std::nullopt;
  if (std::is_unsigned_v<Int> && *number < 0) return std::nullopt;
  return static_cast<Int>(*number);
}

}  // namespace

std::string DescribeYaml(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  if (node.scalar.size() <= kMaxTextShown) return base::Quote(node.scalar);
  return base::Quote(std::string_view(node.scalar).substr(0, kMaxTextShown)) + "…";
}

std::optional<bool> BoolOf(const YamlNode& node) {
  if (!node.is_scalar() || node.is_string) return std::nullopt;
  const std::string lower = base::ToLower(node.scalar);
  for (const std::string_view yes : {"true", "yes", "on", "y"}) {
    if (lower == yes) return true;
  }
  for (const std::string_view no : {"false", "no", "off", "n"}) {
    if (lower == no) return false;
  }
  return std::nullopt;
}

void ReadContext::Fail(int line, std::string message) {
  problems_.emplace_back(line, std::move(message));
}

void ReadContext::NoteUnserved(const std::string& path, int line) {
  unserved_.push_back(fmt::format("{} (line {})", path, line));
}

base::Status ReadContext::status() const {
  if (problems_.empty()) return {};
  std::vector<std::pair<int, std::string>> sorted = problems_;
  std::ranges::stable_sort(sorted, {}, &std::pair<int, std::string>::first);
  std::string text;
  for (size_t i = 0; i < sorted.size() && i < kMaxProblemsShown; ++i) {
    text +=
        fmt::format("{}{}:{}: {}", i == 0 ? "" : "\n", file_, sorted[i].first, sorted[i].second);
  }
  if (sorted.size() > kMaxProblemsShown) {
    text += fmt::format("\nand {} more", sorted.size() - kMaxProblemsShown);
  }
  return base::InvalidArgument(std::move(text));
}

MapReader::MapReader(const YamlNode* node, std::string path, ReadContext& context)
    : context_(context), node_(nullptr), path_(std::move(path)) {
  if (node == nullptr) return;
  line_ = node->line;
  if (node->is_map()) {
    node_ = node;
  } else if (!node->is_null()) {
    FailHere("expected a map, got " + DescribeYaml(*node));
  }
}

const YamlNode* MapReader::Take(std::string_view key) {
  known_.push_back(key);
  const YamlNode* value = node_ == nullptr ? nullptr : node_->Find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool MapReader::IsPresent(std::string_view key) {
  known_.push_back(key);
  return node_ != nullptr && node_->Find(key) != nullptr;
}

void MapReader::String(std::string_view key, std::string* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  if (!value->is_scalar()) return Expected(key, *value, "a text");
  *out = value->scalar;
}

void MapReader::Bool(std::string_view key, bool* out) {
  std::optional<bool> read;
  Bool(key, &read);
  if (read) *out = *read;
}

void MapReader::Bool(std::string_view key, std::optional<bool>* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  const std::optional<bool> read = BoolOf(*value);
  if (!read) return Expected(key, *value, "true or false");
  *out = read;
}

void MapReader::Uint(std::string_view key, uint64_t* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  const auto read = ParseWhole<uint64_t>(*value);
  if (!read) return Expected(key, *value, "a whole number that is not negative");
  *out = *read;
}

void MapReader::Int(std::string_view key, int64_t* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  const auto read = ParseWhole<int64_t>(*value);
  if (!read) return Expected(key, *value, "a whole number");
  *out = *read;
}

void MapReader::Double(std::string_view key, double* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  const std::optional<double> read = ParseNumber(*value);
  if (!read || !std::isfinite(*read)) return Expected(key, *value, "a number");
  *out = *read;
}

void MapReader::DurationMs(std::string_view key, int64_t* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  if (value->is_scalar()) {
    if (const auto read = base::ParseDurationMs(value->scalar)) {
      *out = *read;
      return;
    }
  }
  Expected(key, *value, "a duration like 30s or 1h30m");
}

void MapReader::Size(std::string_view key, uint64_t* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  if (value->is_scalar()) {
    if (const auto read = base::ParseSize(value->scalar)) {
      *out = *read;
      return;
    }
  }
  Expected(key, *value, "a size with its unit like 512MB");
}

void MapReader::Path(std::string_view key, std::string* out) {
  String(key, out);
  if (!out->empty()) *out = base::JoinPath(context_.dir(), *out);
}

void MapReader::Strings(std::string_view key, std::vector<std::string>* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  if (!value->is_sequence()) return Expected(key, *value, "a list of texts");
  out->clear();
  for (const YamlNode& item : value->items) {
    if (!item.is_scalar() && !item.is_null()) return Expected(key, item, "a list of texts");
    out->push_back(item.scalar);
  }
}

void MapReader::Paths(std::string_view key, std::vector<std::string>* out) {
  Strings(key, out);
  for (std::string& path : *out) {
    if (!path.empty()) path = base::JoinPath(context_.dir(), path);
  }
}

void MapReader::StringMap(std::string_view key, std::map<std::string, std::string>* out) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  if (!value->is_map()) return Expected(key, *value, "a map of texts");
  for (const YamlEntry& entry : value->entries) {
    if (!entry.value.is_scalar() && !entry.value.is_null()) {
      context_.Fail(entry.line, fmt::format("field {}.{}: expected a text, got {}", PathOf(key),
                                            entry.key, DescribeYaml(entry.value)));
      continue;
    }
    (*out)[entry.key] = entry.value.scalar;
  }
}

void MapReader::Map(std::string_view key, const std::function<void(MapReader&)>& read) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  MapReader child(value, PathOf(key), context_);
  if (child.node_ == nullptr) return;
  read(child);
  child.Finish();
}

void MapReader::EachMap(std::string_view key, const std::function<void(MapReader&)>& read) {
  Each(key, [&](const YamlNode& item, const std::string& path) {
    MapReader child(&item, path, context_);
    if (child.node_ == nullptr) return;
    read(child);
    child.Finish();
  });
}

void MapReader::Each(std::string_view key,
                     const std::function<void(const YamlNode&, const std::string&)>& read) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return;
  if (!value->is_sequence()) return Expected(key, *value, "a list");
  for (size_t i = 0; i < value->items.size(); ++i) {
    const YamlNode& item = value->items[i];
    const std::string path = fmt::format("{}[{}]", PathOf(key), i);
    if (item.is_null()) {
      context_.Fail(item.line, fmt::format("field {}: empty or null", path));
      continue;
    }
    read(item, path);
  }
}

void MapReader::Unserved(std::string_view key) {
  const YamlNode* value = Take(key);
  if (value != nullptr && !value->empty()) context_.NoteUnserved(PathOf(key), LineOf(key));
}

void MapReader::Fail(std::string_view key, std::string_view message) {
  context_.Fail(LineOf(key), fmt::format("field {}: {}", PathOf(key), message));
}

void MapReader::FailHere(std::string_view message) {
  context_.Fail(line_,
                path_.empty() ? std::string(message) : fmt::format("{}: {}", path_, message));
}

void MapReader::Finish() {
  if (node_ == nullptr) return;
  for (const YamlEntry& entry : node_->entries) {
    if (std::ranges::find(known_, entry.key) != known_.end()) continue;
    std::string message = fmt::format("field {}: not known", entry.key);
    if (!path_.empty()) message += " in " + path_;
    const std::string_view close = Closest(entry.key, known_);
    if (!close.empty()) message += fmt::format("; did you mean {}?", close);
    context_.Fail(entry.line, std::move(message));
  }
}

std::string MapReader::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

int MapReader::LineOf(std::string_view key) const {
  if (node_ != nullptr) {
    for (const YamlEntry& entry : node_->entries) {
      if (entry.key == key) return entry.line;
    }
  }
  return line_;
}

void MapReader::Expected(std::string_view key, const YamlNode& got, std::string_view wanted) {
  Fail(key, fmt::format("expected {}, got {}", wanted, DescribeYaml(got)));
}

}  // namespace tributary::config

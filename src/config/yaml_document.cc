#include "config/yaml_document.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "base/string_map.h"
#include "base/strings.h"

namespace tributary::config {
namespace {

constexpr size_t kMaxDepth = 100;
// Aliases may repeat parts of a document; beyond this it is an attack or a mistake.
constexpr size_t kMinNodeBudget = 10'000;
constexpr size_t kNodesPerByte = 8;

bool IsNullText(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// Turns the library's graph into a tree.
class Unfolder {
 public:
  Unfolder(std::string_view name, size_t budget) : name_(name), budget_(budget) {}

  base::Result<YamlNode> Unfold(const YAML::Node& from, int line_of_key, size_t depth) {
    YamlNode node;
    node.line = from.Mark().is_null() ? line_of_key : from.Mark().line + 1;
    if (depth > kMaxDepth) return Fail(node.line, "nested too deeply");
    if (budget_ == 0) return Fail(node.line, "the document's aliases unfold into too many values");
    --budget_;
    switch (from.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return node;
      case YAML::NodeType::Scalar:
        node.scalar = from.Scalar();
        node.is_string = from.Tag() == "!" || from.Tag() == "tag:yaml.org,2002:str";
        if (from.Tag() == "tag:yaml.org,2002:binary") {
          return Fail(node.line, "binary values are not supported");
        }
        if (!node.is_string && IsNullText(node.scalar)) {
          node.scalar.clear();
          return node;
        }
        node.kind = YamlNode::Kind::kScalar;
        return node;
      case YAML::NodeType::Sequence:
        node.kind = YamlNode::Kind::kSequence;
        node.items.reserve(from.size());
        for (const YAML::Node& item : from) {
          ASSIGN_OR_RETURN(YamlNode child, Unfold(item, node.line, depth + 1));
          node.items.push_back(std::move(child));
        }
        return node;
      case YAML::NodeType::Map:
        node.kind = YamlNode::Kind::kMap;
        RETURN_IF_ERROR(UnfoldEntries(from, &node, depth));
        return node;
    }
    return node;
  }

 private:
  base::Status UnfoldEntries(const YAML::Node& from, YamlNode* node, size_t depth) {
    std::vector<YamlNode> merged;
    for (const auto& pair : from) {
      const int line = pair.first.Mark().is_null() ? node->line : pair.first.Mark().line + 1;
      if (!pair.first.IsScalar() || pair.first.Tag() == "tag:yaml.org,2002:binary") {
        return Fail(line, "a key must be a plain text");
      }
      std::string key = pair.first.Scalar();
      ASSIGN_OR_RETURN(YamlNode value, Unfold(pair.second, line, depth + 1));
      if (key == "<<" && pair.first.Tag() != "!") {
        if (value.is_map()) {
          merged.push_back(std::move(value));
        } else if (value.is_sequence()) {
          for (YamlNode& item : value.items) merged.push_back(std::move(item));
        }
        continue;
      }
      node->entries.push_back({std::move(key), line, std::move(value)});
    }
    RETURN_IF_ERROR(CheckDuplicates(*node));
    if (merged.empty()) return {};
    base::StringSet present;
    for (const YamlEntry& entry : node->entries) present.insert(entry.key);
    for (YamlNode& base : merged) {
      if (!base.is_map()) return Fail(base.line, "<< must name a map or a list of maps");
      for (YamlEntry& entry : base.entries) {
        if (present.insert(entry.key).second) node->entries.push_back(std::move(entry));
      }
    }
    return {};
  }

  base::Status CheckDuplicates(const YamlNode& node) const {
    std::vector<const YamlEntry*> sorted;
    sorted.reserve(node.entries.size());
    for (const YamlEntry& entry : node.entries) sorted.push_back(&entry);
    std::ranges::stable_sort(sorted, {},
                             [](const YamlEntry* e) -> std::string_view { return e->key; });
    for (size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i]->key != sorted[i - 1]->key) continue;
      return Fail(sorted[i]->line, fmt::format("key {} is set a second time, first at line {}",
                                               base::Quote(sorted[i]->key), sorted[i - 1]->line));
    }
    return {};
  }

  base::Error Fail(int line, std::string_view what) const {
    return base::InvalidArgument(fmt::format("{}:{}: {}", name_, line, what));
  }

  const std::string_view name_;
  size_t budget_;
};

// Words and numbers that YAML 1.1 would not read as text.
bool LooksLikeOther(std::string_view text) {
  static constexpr std::array kWords = {"y",   "n",    "yes",   "no",    "on",
                                        "off", "true", "false", "null",  "~",
                                        "<<",  ".nan", ".inf",  "-.inf", "+.inf"};
  const std::string lower = base::ToLower(text);
  if (std::ranges::find(kWords, lower) != kWords.end()) return true;
  if (base::ParseFloat(text)) return true;
  // Digit groups, times in base sixty, dates and other bases.
  if (text.find_first_not_of("0123456789_:+-") == std::string_view::npos &&
      text.find_first_of("0123456789") != std::string_view::npos) {
    return true;
  }
  return text.size() > 1 && text[0] == '0' && lower.find_first_of("xob") == 1;
}

bool HasControl(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

bool PlainIsSafe(std::string_view text) {
  static constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@`";
  if (text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  if (kIndicators.find(text.front()) != std::string_view::npos) {
    const bool dash_word = (text.front() == '-' || text.front() == '?' || text.front() == ':') &&
                           text.size() > 1 && text[1] != ' ';
    if (!dash_word) return false;
  }
  return text.find(": ") == std::string_view::npos && text.find(" #") == std::string_view::npos;
}

void AppendDoubleQuoted(std::string_view text, std::string* out) {
  *out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\t':
        *out += "\\t";
        break;
      case '\r':
        *out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f) {
          *out += fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
        } else {
          *out += c;
        }
    }
  }
  *out += '"';
}

void AppendText(std::string_view text, bool in_line, std::string* out) {
  if (text.empty() || HasControl(text) || LooksLikeOther(text)) {
    AppendDoubleQuoted(text, out);
    return;
  }
  const bool ends_early = in_line && text.find_first_of(",?[]{}") != std::string_view::npos;
  if (PlainIsSafe(text) && !ends_early) {
    *out += text;
    return;
  }
  *out += '\'';
  for (const char c : text) {
    if (c == '\'') *out += '\'';
    *out += c;
  }
  *out += '\'';
}

void AppendText(std::string_view text, std::string* out) { AppendText(text, false, out); }

void Render(const YamlNode& node, size_t indent, bool first_indented, std::string* out);

void RenderSequence(const YamlNode& node, size_t indent, std::string* out) {
  for (const YamlNode& item : node.items) {
    out->append(indent, ' ');
    *out += "- ";
    if (item.empty()) {
      *out += item.is_map() ? "{}\n" : item.is_sequence() ? "[]\n" : "null\n";
    } else {
      Render(item, indent + 2, /*first_indented=*/true, out);
    }
  }
}

void RenderMap(const YamlNode& node, size_t indent, bool first_indented, std::string* out) {
  for (const YamlEntry& entry : node.entries) {
    if (!first_indented) out->append(indent, ' ');
    first_indented = false;
    AppendText(entry.key, out);
    *out += ':';
    if (entry.value.empty()) {
      *out += entry.value.is_map() ? " {}\n" : entry.value.is_sequence() ? " []\n" : " null\n";
    } else if (entry.value.is_scalar()) {
      *out += ' ';
      Render(entry.value, indent, /*first_indented=*/true, out);
    } else {
      *out += '\n';
      const size_t deeper = entry.value.is_map() ? indent + 2 : indent;
      Render(entry.value, deeper, /*first_indented=*/false, out);
    }
  }
}

void Render(const YamlNode& node, size_t indent, bool first_indented, std::string* out) {
  if (node.is_map()) {
    RenderMap(node, indent, first_indented, out);
  } else if (node.is_sequence()) {
    if (first_indented) {
      // A list in a list: its first dash follows the outer one.
      std::string inner;
      RenderSequence(node, indent, &inner);
      out->append(inner, indent, std::string::npos);
    } else {
      RenderSequence(node, indent, out);
    }
  } else {
    if (node.is_string) {
      AppendText(node.scalar, out);
    } else {
      *out += node.scalar;
    }
    *out += '\n';
  }
}

// JSON writes characters beyond the first plane as two \u escapes, which YAML does not know.
std::string JoinSurrogates(std::string_view text) {
  const auto unit = [&](size_t i) -> uint32_t {
    if (i + 6 > text.size() || text[i] != '\\' || text[i + 1] != 'u') return 0;
    uint32_t value = 0;
    for (const char c : text.substr(i + 2, 4)) {
      const std::string_view digits = "0123456789abcdef";
      const size_t digit = digits.find(static_cast<char>(c | 0x20));
      if (digit == std::string_view::npos) return 0;
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    return value;
  };
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const uint32_t high = unit(i);
    const uint32_t low = high >= 0xd800 && high < 0xdc00 ? unit(i + 6) : 0;
    if (low >= 0xdc00 && low < 0xe000) {
      out += fmt::format("\\U{:08x}", 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
      i += 12;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      out.append(text, i, 2);
      i += 2;
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace

YamlNode YamlNode::OfKind(Kind kind) {
  YamlNode node;
  node.kind = kind;
  return node;
}

YamlNode YamlNode::String(std::string text) {
  YamlNode node = Plain(std::move(text));
  node.is_string = true;
  return node;
}

YamlNode YamlNode::Plain(std::string text) {
  YamlNode node;
  node.kind = Kind::kScalar;
  node.scalar = std::move(text);
  return node;
}

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const YamlEntry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

void YamlNode::Set(std::string key, YamlNode value) {
  entries.push_back({std::move(key), 0, std::move(value)});
}

void YamlNode::SetUnlessEmpty(std::string key, std::string text) {
  if (!text.empty()) SetString(std::move(key), std::move(text));
}

void YamlNode::SetUnlessEmpty(std::string key, const std::vector<std::string>& texts) {
  YamlNode list = Sequence();
  for (const std::string& text : texts) list.Append(String(text));
  SetUnlessEmpty(std::move(key), std::move(list));
}

void YamlNode::SetUnlessEmpty(std::string key, const std::map<std::string, std::string>& texts) {
  YamlNode map = Map();
  for (const auto& [name, text] : texts) map.SetString(name, text);
  SetUnlessEmpty(std::move(key), std::move(map));
}

void YamlNode::SetUnlessEmpty(std::string key, YamlNode value) {
  if (!value.empty()) Set(std::move(key), std::move(value));
}

void YamlNode::SetIfTrue(std::string key, bool value) {
  if (value) SetBool(std::move(key), true);
}

void YamlNode::SetInline(std::string key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  std::string list;
  for (const std::string& text : texts) {
    list += list.empty() ? "[" : ", ";
    AppendText(text, /*in_line=*/true, &list);
  }
  SetPlain(std::move(key), list + "]");
}

base::Result<YamlNode> ParseYaml(std::string_view text, std::string_view name) {
  if (!base::IsValidUtf8(text)) {
    return base::InvalidArgument(fmt::format("{}: not valid UTF-8", name));
  }
  try {
    const bool is_json_like =
        text.find("\\ud") != std::string_view::npos || text.find("\\uD") != std::string_view::npos;
    const YAML::Node root = YAML::Load(is_json_like ? JoinSurrogates(text) : std::string(text));
    Unfolder unfolder(name, std::max(kMinNodeBudget, text.size() * kNodesPerByte));
    return unfolder.Unfold(root, 1, 0);
  } catch (const YAML::Exception& e) {
    return base::InvalidArgument(fmt::format("{}:{}: {}", name, e.mark.line + 1, e.msg));
  }
}

std::string RenderYaml(const YamlNode& node) {
  if (node.empty()) return node.is_sequence() ? "[]\n" : "{}\n";
  std::string out;
  Render(node, 0, /*first_indented=*/false, &out);
  return out;
}

}  // namespace tributary::config

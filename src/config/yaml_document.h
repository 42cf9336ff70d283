// YamlNode: a YAML document as a plain tree that knows its lines, and the way back to text.
//
// Stricter than the YAML library below it: duplicate keys, keys that are not scalars and documents
// that unfold (through aliases) into far more nodes than they have bytes are errors. Merge keys
// (`<<: *base`) are resolved. Only yaml_document.cc sees the library.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tributary::config {

struct YamlEntry;

struct YamlNode {
  enum class Kind : unsigned char { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  bool is_string = false;  // a scalar that was quoted, and so is text whatever it looks like
  int line = 0;            // counted from 1
  std::string scalar;
  std::vector<YamlNode> items;     // of a sequence
  std::vector<YamlEntry> entries;  // of a map, in the order of the text

  static YamlNode Map();
  static YamlNode Sequence();
  // Text, printed in quotes when it would read as something else.
  static YamlNode String(std::string text);
  // A number or a boolean, printed as it is.
  static YamlNode Plain(std::string text);

  bool is_null() const { return kind == Kind::kNull; }
  bool is_map() const { return kind == Kind::kMap; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool empty() const { return items.empty() && entries.empty() && !is_scalar(); }

  // The value of `key`; null when this is no map or has no such key.
  const YamlNode* Find(std::string_view key) const;

  // Builders for printing. The node must be a map, or a sequence for Append.
  void Set(std::string key, YamlNode value);
  void SetString(std::string key, std::string text);
  void SetPlain(std::string key, std::string text);
  void SetBool(std::string key, bool value) { SetPlain(std::move(key), value ? "true" : "false"); }
  void Append(YamlNode item);
  // These leave the field out when there is nothing to show.
  void SetUnlessEmpty(std::string key, std::string text);
  void SetUnlessEmpty(std::string key, const std::vector<std::string>& texts);
  void SetUnlessEmpty(std::string key, const std::map<std::string, std::string>& texts);
  void SetUnlessEmpty(std::string key, YamlNode value);
  void SetIfTrue(std::string key, bool value);
  // As SetUnlessEmpty, in one line: "key: [a, b]".
  void SetInline(std::string key, const std::vector<std::string>& texts);

 private:
  static YamlNode OfKind(Kind kind);
};

struct YamlEntry {
  std::string key;
  int line = 0;
  YamlNode value;
};

// What makes or ends a node must know what its entries are.
inline YamlNode YamlNode::Map() { return OfKind(Kind::kMap); }
inline YamlNode YamlNode::Sequence() { return OfKind(Kind::kSequence); }
inline void YamlNode::SetString(std::string key, std::string text) {
  Set(std::move(key), String(std::move(text)));
}
inline void YamlNode::SetPlain(std::string key, std::string text) {
  Set(std::move(key), Plain(std::move(text)));
}
inline void YamlNode::Append(YamlNode item) { items.push_back(std::move(item)); }

// The first document of `text`; an empty text is a null node. Errors read "name:line: …".
base::Result<YamlNode> ParseYaml(std::string_view text, std::string_view name);

// Block style, two spaces, sequences not indented: what Prometheus prints.
std::string RenderYaml(const YamlNode& node);

}  // namespace tributary::config

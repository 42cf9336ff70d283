#include "config/yaml_json.h"

#include <cmath>

#include "base/strings.h"
#include "config/yaml_reader.h"
#include "wire/json_writer.h"

namespace tributary::config {
namespace {

void WriteScalar(const YamlNode& node, wire::JsonWriter* json) {
  if (const auto boolean = BoolOf(node)) return json->Bool(*boolean);
  if (!node.is_string) {
    if (const auto whole = base::ParseInt(node.scalar)) return json->Int(*whole);
    const auto number = base::ParseFloat(node.scalar);
    if (number && std::isfinite(*number)) return json->Double(*number);
  }
  json->String(node.scalar);
}

void Write(const YamlNode& node, wire::JsonWriter* json) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      json->Null();
      break;
    case YamlNode::Kind::kScalar:
      WriteScalar(node, json);
      break;
    case YamlNode::Kind::kSequence:
      json->BeginArray();
      for (const YamlNode& item : node.items) Write(item, json);
      json->EndArray();
      break;
    case YamlNode::Kind::kMap:
      json->BeginObject();
      for (const YamlEntry& entry : node.entries) {
        json->Key(entry.key);
        Write(entry.value, json);
      }
      json->EndObject();
      break;
  }
}

}  // namespace

std::string YamlToJson(const YamlNode& node) {
  std::string text;
  wire::JsonWriter json(&text);
  Write(node, &json);
  return text;
}

}  // namespace tributary::config

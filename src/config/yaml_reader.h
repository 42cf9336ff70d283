// MapReader: reads one YAML map field by field, strictly.
//
// Each getter fills its target when the field is present and not null, and otherwise leaves it
// alone: set the default before. A wrong type or value is noted in the ReadContext and reading goes
// on, so that one look at a file shows all that is wrong with it. Finish() notes the fields that no
// getter asked for. Look at ReadContext::status() before using what was read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/yaml_document.h"

namespace tributary::config {

// What is common to the reading of one file. Errors read "prometheus.yml:12: …".
class ReadContext {
 public:
  // `dir` is where relative paths in the file start.
  ReadContext(std::string file, std::string dir) : file_(std::move(file)), dir_(std::move(dir)) {}

  void Fail(int line, std::string message);
  // Known to Prometheus, accepted, not served.
  void NoteUnserved(const std::string& path, int line);

  // Ok, or one error with a line for each problem (the first ten), in the order of the file.
  base::Status status() const;
  size_t problem_count() const { return problems_.size(); }
  const std::string& dir() const { return dir_; }
  const std::vector<std::string>& unserved() const { return unserved_; }

 private:
  const std::string file_;
  const std::string dir_;
  std::vector<std::pair<int, std::string>> problems_;
  std::vector<std::string> unserved_;
};

// A word of the file and what it stands for.
template <class E>
using EnumName = std::pair<std::string_view, E>;

class MapReader {
 public:
  // `node` is a map; a null pointer or node reads as a map without entries. `path` names it in
  // errors ("scrape_configs[0]"; "" for the whole file). Both outlive the reader.
  MapReader(const YamlNode* node, std::string path, ReadContext& context);

  // The field's value, or null when it is absent or null. Keys are remembered: they
  // must live as long as the reader (literals, or keys of the node).
  const YamlNode* Take(std::string_view key);
  // As Take, but an explicit null is there.
  bool IsPresent(std::string_view key);

  void String(std::string_view key, std::string* out);
  void Bool(std::string_view key, bool* out);
  void Bool(std::string_view key, std::optional<bool>* out);
  void Uint(std::string_view key, uint64_t* out);
  void Int(std::string_view key, int64_t* out);
  void Double(std::string_view key, double* out);
  void DurationMs(std::string_view key, int64_t* out);
  void Size(std::string_view key, uint64_t* out);
  // Relative paths are resolved against the context's directory.
  void Path(std::string_view key, std::string* out);
  void Strings(std::string_view key, std::vector<std::string>* out);
  void Paths(std::string_view key, std::vector<std::string>* out);
  void StringMap(std::string_view key, std::map<std::string, std::string>* out);

  template <class E, size_t N>
  void Enum(std::string_view key, const EnumName<E> (&names)[N], E* out) {
    const YamlNode* node = Take(key);
    if (node == nullptr) return;
    std::string wanted;
    for (const auto& [name, value] : names) {
      if (node->is_scalar() && node->scalar == name) {
        *out = value;
        return;
      }
      wanted += wanted.empty() ? "" : ", ";
      wanted += name;
    }
    Expected(key, *node, "one of " + wanted);
  }

  // Reads the map under `key`, if it is there; the child is finished afterwards.
  void Map(std::string_view key, const std::function<void(MapReader&)>& read);
  // Reads each item of the list under `key` as a map. Null items are errors.
  void EachMap(std::string_view key, const std::function<void(MapReader&)>& read);
  // Each item of the list, with its path. Null items are errors.
  void Each(std::string_view key,
            const std::function<void(const YamlNode&, const std::string&)>& read);

  // Accepts the field with all that is below it, and notes it as not served.
  void Unserved(std::string_view key);

  // Notes a problem with one field, or with the map itself.
  void Fail(std::string_view key, std::string_view message);
  void FailHere(std::string_view message);

  void Finish();

  // The map itself, or null when there is none: for maps whose keys are the user's.
  const YamlNode* node() const { return node_; }
  const std::string& path() const { return path_; }
  int line() const { return line_; }
  ReadContext& context() { return context_; }

 private:
  std::string PathOf(std::string_view key) const;
  int LineOf(std::string_view key) const;
  void Expected(std::string_view key, const YamlNode& got, std::string_view wanted);

  ReadContext& context_;
  const YamlNode* node_;  // null: nothing there
  const std::string path_;
  int line_ = 0;
  std::vector<std::string_view> known_;
};

// The truth that a scalar tells; nothing when it is none.
std::optional<bool> BoolOf(const YamlNode& node);

// What a scalar is, for error messages: "a list", `"abc"`. Long texts are cut.
std::string DescribeYaml(const YamlNode& node);

}  // namespace tributary::config

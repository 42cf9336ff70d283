#include <cstdlib>
#include <string>
#include <string_view>

#include "base/log.h"
#include "config/global_config.h"

namespace tributary::config {
namespace {

bool IsWordChar(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// One-character names of the shell: $1, $*, $$ …
bool IsSpecial(char c) {
  return std::string_view("*#$@!?-0123456789").find(c) != std::string_view::npos;
}

struct Reference {
  std::string_view name;
  size_t length = 0;  // of the reference after its dollar sign
};

// `text` is what follows a dollar sign. A length without a name is a malformed reference, which
// disappears; neither means that the dollar sign stands for itself.
Reference FindReference(std::string_view text) {
  if (text.front() == '{') {
    if (text.size() > 2 && IsSpecial(text[1]) && text[2] == '}') return {text.substr(1, 1), 3};
    const size_t end = text.find('}');
    if (end == std::string_view::npos) return {{}, 1};
    if (end == 1) return {{}, 2};
    return {text.substr(1, end - 1), end + 1};
  }
  if (IsSpecial(text.front())) return {text.substr(0, 1), 1};
  size_t end = 0;
  while (end < text.size() && IsWordChar(text[end])) ++end;
  return {text.substr(0, end), end};
}

std::string Lookup(std::string_view name) {
  if (name == "$") return "$";
  const std::string key(name);
  // Read while no thread of ours changes the environment: none ever does.
  const char* value = std::getenv(key.c_str());  // NOLINT(concurrency-mt-unsafe)
  if (value == nullptr || *value == '\0') {
    LOG_WARN("empty environment variable", kv("name", key));
    return "";
  }
  return value;
}

}  // namespace

std::string ExpandEnvironment(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const Reference reference = FindReference(text.substr(i + 1));
    if (!reference.name.empty()) {
      out += Lookup(reference.name);
    } else if (reference.length == 0) {
      out += '$';
    }
    i += reference.length;
  }
  return out;
}

}  // namespace tributary::config

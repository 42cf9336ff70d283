#include "app/tool/arguments.h"

#include <algorithm>

#include "base/duration.h"
#include "base/strings.h"

namespace tributary::app {

bool Arguments::Flag(std::string_view name, std::string_view short_name) {
  const auto is = [&](const std::string& word) {
    return (word.starts_with("--") && word.substr(2) == name) ||
           (!short_name.empty() && word.starts_with("-") && word.substr(1) == short_name);
  };
  return std::erase_if(words_, is) > 0;
}

base::Result<std::vector<std::string>> Arguments::All(std::string_view name) {
  std::vector<std::string> values;
  std::vector<std::string> left;
  for (size_t i = 0; i < words_.size(); ++i) {
    const std::string_view word = words_[i];
    if (!word.starts_with("--") || !word.substr(2).starts_with(name)) {
      left.push_back(words_[i]);
      continue;
    }
    const std::string_view tail = word.substr(2 + name.size());
    if (tail.starts_with('=')) {
      values.emplace_back(tail.substr(1));
    } else if (!tail.empty()) {
      left.push_back(words_[i]);
    } else if (i + 1 < words_.size()) {
      values.push_back(words_[++i]);
    } else {
      return base::InvalidArgument("--" + std::string(name) + " needs a value");
    }
  }
  words_ = std::move(left);
  return values;
}

base::Result<std::string> Arguments::Text(std::string_view name, std::string fallback) {
  ASSIGN_OR_RETURN(std::vector<std::string> values, All(name));
  return values.empty() ? std::move(fallback) : std::move(values.back());
}

base::Result<int64_t> Arguments::Int(std::string_view name, int64_t fallback) {
  ASSIGN_OR_RETURN(const std::string text, Text(name, ""));
  if (text.empty()) return fallback;
  const auto value = base::ParseInt(text);
  if (value) return *value;
  return base::InvalidArgument("--" + std::string(name) + ": " + base::Quote(text) +
                               " is not a whole number");
}

base::Result<int64_t> Arguments::DurationMs(std::string_view name, int64_t fallback) {
  ASSIGN_OR_RETURN(const std::string text, Text(name, ""));
  if (text.empty()) return fallback;
  auto value = base::ParseDurationMs(text);
  if (value) return *value;
  return value.error().Context("--" + std::string(name));
}

base::Result<std::vector<std::string>> Arguments::Rest(size_t most) {
  for (const std::string& word : words_) {
    if (word.starts_with("-") && word.size() > 1) {
      return base::InvalidArgument("unknown flag " + base::Quote(word));
    }
  }
  if (words_.size() > most) {
    return base::InvalidArgument("unexpected argument " + base::Quote(words_[most]));
  }
  return std::move(words_);
}

}  // namespace tributary::app

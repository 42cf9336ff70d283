// Matcher: a condition on one label. An absent label has the value "".
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/regex.h"

namespace tributary::model {

enum class MatchType : unsigned char { kEqual, kNotEqual, kRegexp, kNotRegexp };

// Immutable, cheap to copy, thread-safe.
class Matcher {
 public:
  // Fails only on a bad regexp.
  static base::Result<Matcher> Create(MatchType type, std::string name, std::string value);
  static Matcher Equal(std::string name, std::string value);

  MatchType type() const { return type_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  // Null for kEqual and kNotEqual.
  const FastRegex* regex() const { return regex_.get(); }

  bool Matches(std::string_view value) const;
  bool MatchesEmpty() const { return Matches({}); }

  // name="value", name=~"value", Go-quoted; names that need it are quoted too.
  std::string ToString() const;

  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.type_ == b.type_ && a.name_ == b.name_ && a.value_ == b.value_;
  }

 private:
  Matcher(MatchType type, std::string name, std::string value)
      : type_(type), name_(std::move(name)), value_(std::move(value)) {}
  MatchType type_;
  std::string name_;
  std::string value_;
  std::shared_ptr<const FastRegex> regex_;
};

std::string_view MatchTypeSymbol(MatchType type);  // = != =~ !~

}  // namespace tributary::model

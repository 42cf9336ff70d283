#include "model/matcher.h"

#include <utility>

#include "base/strings.h"
#include "model/labels.h"

namespace tributary::model {

base::Result<Matcher> Matcher::Create(MatchType type, std::string name, std::string value) {
  Matcher matcher(type, std::move(name), std::move(value));
  if (type == MatchType::kRegexp || type == MatchType::kNotRegexp) {
    ASSIGN_OR_RETURN(matcher.regex_, FastRegex::Compile(matcher.value_));
  }
  return matcher;
}

Matcher Matcher::Equal(std::string name, std::string value) {
  return Matcher(MatchType::kEqual, std::move(name), std::move(value));
}

bool Matcher::Matches(std::string_view value) const {
  switch (type_) {
    case MatchType::kEqual:
      return value == value_;
    case MatchType::kNotEqual:
      return value != value_;
    case MatchType::kRegexp:
      return regex_->Matches(value);
    case MatchType::kNotRegexp:
      return !regex_->Matches(value);
  }
  return false;
}

std::string Matcher::ToString() const {
  std::string out = IsLegacyLabelName(name_) ? name_ : base::Quote(name_);
  out.append(MatchTypeSymbol(type_));
  out.append(base::Quote(value_));
  return out;
}

std::string_view MatchTypeSymbol(MatchType type) {
  switch (type) {
    case MatchType::kEqual:
      return "=";
    case MatchType::kNotEqual:
      return "!=";
    case MatchType::kRegexp:
      return "=~";
    case MatchType::kNotRegexp:
      return "!~";
  }
  return "?";
}

}  // namespace tributary::model

// Selectors and what follows them: matchers, ranges, offset, @, anchored and smoothed.
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "promql/parse/literals.h"
#include "promql/parse/parser_impl.h"

namespace tributary::promql {
namespace {

using enum TokenType;

constexpr std::string_view kLabelMatching = "label matching";
constexpr std::string_view kLabelSet = "label set";

// The selector whose modifiers a range or instant selector carries; null for other expressions.
VectorSelector* SelectorOf(Expr& expr) {
  if (auto* vector = DynAs<VectorSelector>(&expr)) return vector;
  if (auto* matrix = DynAs<MatrixSelector>(&expr)) return &matrix->vector();
  return nullptr;
}

std::unique_ptr<DurationExpr> ToDurationExpr(ExprPtr expr) {
  return std::unique_ptr<DurationExpr>(static_cast<DurationExpr*>(expr.release()));
}

// Puts a literal's milliseconds or the expression itself where it belongs.
void StoreDuration(ExprPtr duration, int64_t* ms, std::unique_ptr<DurationExpr>* expr) {
  if (const auto* number = DynAs<NumberLiteral>(duration.get())) {
    *ms = SecondsToMs(number->value);
  } else {
    *expr = ToDurationExpr(std::move(duration));
  }
}

}  // namespace

ExprPtr Parser::ParseSelector() {
  if (Peek().type != kLeftBrace) {
    const Token name = Take();
    return ParseSelectorNamed(name);
  }
  auto selector = std::make_unique<VectorSelector>();
  selector->pos.start = Peek().pos;
  if (!ParseMatchers(&selector->matchers)) return nullptr;
  selector->pos.end = last_end_;
  return selector;
}

ExprPtr Parser::ParseSelectorNamed(const Token& name) {
  auto selector = std::make_unique<VectorSelector>();
  selector->name = std::string(name.text);
  selector->pos = {name.pos, name.end()};
  if (Peek().type == kLeftBrace) {
    if (!ParseMatchers(&selector->matchers)) return nullptr;
    selector->pos.end = last_end_;
  }
  selector->matchers.push_back(
      model::Matcher::Equal(std::string(model::kMetricName), selector->name));
  return selector;
}

bool Parser::ParseMatchers(std::vector<model::Matcher>* matchers) {
  Take();  // the brace
  if (Peek().type == kRightBrace) {
    Take();
    return true;
  }
  do {
    if (!ParseOneMatcher(matchers)) return false;
    if (Peek().type == kRightBrace) break;
    if (Peek().type != kComma) {
      Unexpected(kLabelMatching, "\",\" or \"}\"");
      return false;
    }
    Take();
  } while (Peek().type != kRightBrace);
  Take();
  return true;
}

bool Parser::ParseOneMatcher(std::vector<model::Matcher>* matchers) {
  const Token name = Peek();
  std::string label;
  if (name.type == kString) {
    Take();
    auto unquoted = UnquoteToken(name);
    if (!unquoted) return false;
    label = std::move(*unquoted);
  } else if (name.type == kIdentifier) {
    Take();
    label = std::string(name.text);
  } else {
    Unexpected(kLabelMatching, "identifier or \"}\"");
    return false;
  }
  model::MatchType type = model::MatchType::kEqual;
  switch (Peek().type) {
    case kEql:
      type = model::MatchType::kEqual;
      break;
    case kNeq:
      type = model::MatchType::kNotEqual;
      break;
    case kEqlRegex:
      type = model::MatchType::kRegexp;
      break;
    case kNeqRegex:
      type = model::MatchType::kNotRegexp;
      break;
    default:
      if (name.type == kString) {  // a metric name
        matchers->push_back(
            model::Matcher::Equal(std::string(model::kMetricName), std::move(label)));
        return true;
      }
      Unexpected(kLabelMatching, "label matching operator");
      return false;
  }
  Take();
  if (Peek().type != kString) {
    Unexpected(kLabelMatching, "string");
    return false;
  }
  const Token value = Take();
  auto unquoted = UnquoteToken(value);
  if (!unquoted) return false;
  auto matcher = model::Matcher::Create(type, std::move(label), std::move(*unquoted));
  if (!matcher) return Fail(name.pos, matcher.error().message());
  matchers->push_back(std::move(*matcher));
  return true;
}

bool Parser::ParseLabelSet(std::vector<std::pair<std::string, std::string>>* labels) {
  if (Peek().type != kLeftBrace) return true;
  Take();
  while (Peek().type != kRightBrace) {
    const Token name = Peek();
    std::string label;
    if (name.type == kString) {
      Take();
      auto unquoted = UnquoteToken(name);
      if (!unquoted) return false;
      label = std::move(*unquoted);
    } else if (name.type == kIdentifier) {
      Take();
      label = std::string(name.text);
    } else {
      Unexpected(kLabelSet, "identifier or \"}\"");
      return false;
    }
    if (Peek().type == kEql) {
      Take();
      if (Peek().type != kString) {
        Unexpected(kLabelSet, "string");
        return false;
      }
      auto value = UnquoteToken(Take());
      if (!value) return false;
      labels->emplace_back(std::move(label), std::move(*value));
    } else if (name.type == kString) {
      labels->emplace_back(model::kMetricName, std::move(label));
    } else {
      Unexpected(kLabelSet, "\"=\"");
      return false;
    }
    if (Peek().type == kRightBrace) break;
    if (Peek().type != kComma) {
      Unexpected(kLabelSet, "\",\" or \"}\"");
      return false;
    }
    Take();
  }
  Take();
  return true;
}

ExprPtr Parser::ParseRange(ExprPtr operand) {
  const Token open = Take();
  ExprPtr range = ParsePositiveDuration();
  if (!range) return nullptr;
  if (Peek().type == kRightBracket) {
    Take();
    auto* selector = DynAs<VectorSelector>(operand.get());
    std::string_view wrong;
    if (selector == nullptr) {
      wrong = "ranges only allowed for vector selectors";
    } else if (selector->offset_ms != 0 || selector->offset_expr) {
      wrong = "no offset modifiers allowed before range";
    } else if (selector->at.kind != AtKind::kNone) {
      wrong = "no @ modifiers allowed before range";
    }
    if (!wrong.empty()) {
      Fail(open.pos, std::string(wrong));
      return nullptr;
    }
    auto matrix = std::make_unique<MatrixSelector>();
    matrix->pos = {operand->pos.start, last_end_};
    StoreDuration(std::move(range), &matrix->range_ms, &matrix->range_expr);
    const Expr* child = operand.get();
    matrix->selector = std::move(operand);
    return Deepen(std::move(matrix), {child});
  }
  if (Peek().type != kColon) {
    return Unexpected("subquery or range", "\":\" or \"]\"");
  }
  Take();
  auto subquery = std::make_unique<SubqueryExpr>();
  StoreDuration(std::move(range), &subquery->range_ms, &subquery->range_expr);
  if (Peek().type != kRightBracket) {
    ExprPtr step;
    {
      const ScopedContext context(
          *this, {"subquery selector", "number, duration, step(), range(), or \"]\""});
      step = ParseDuration(1);
    }
    if (!step || !CheckPositive(*step)) return nullptr;
    StoreDuration(std::move(step), &subquery->step_ms, &subquery->step_expr);
    if (Peek().type != kRightBracket) return Unexpected("subquery selector", "\"]\"");
  }
  Take();
  subquery->pos = {operand->pos.start, last_end_};
  const Expr* child = operand.get();
  subquery->expr = std::move(operand);
  return Deepen(std::move(subquery), {child});
}

ExprPtr Parser::ParseOffset(ExprPtr operand) {
  Take();
  ExprPtr offset;
  {
    const ScopedContext context(*this, {"offset", "number, duration, step(), or range()"});
    offset = ParseOffsetDuration();
  }
  if (!offset) return nullptr;
  VectorSelector* selector = SelectorOf(*operand);
  auto* subquery = DynAs<SubqueryExpr>(operand.get());
  if (selector == nullptr && subquery == nullptr) {
    Fail(operand->pos.start,
         "offset modifier must be preceded by an instant vector selector or range vector selector "
         "or a subquery");
    return nullptr;
  }
  int64_t* ms = selector != nullptr ? &selector->offset_ms : &subquery->offset_ms;
  auto* expr = selector != nullptr ? &selector->offset_expr : &subquery->offset_expr;
  if (*ms != 0 || *expr) {
    Fail(operand->pos.start, "offset may not be set multiple times");
    return nullptr;
  }
  StoreDuration(std::move(offset), ms, expr);
  operand->pos.end = last_end_;
  return operand;
}

ExprPtr Parser::ParseAt(ExprPtr operand) {
  Take();
  constexpr std::string_view kWhere = "@";
  constexpr std::string_view kExpected = "timestamp";
  AtModifier at;
  if (Peek().type == kStart || Peek().type == kEnd) {
    at.kind = Take().type == kStart ? AtKind::kStart : AtKind::kEnd;
    for (const TokenType type : {kLeftParen, kRightParen}) {
      if (Peek().type != type) return Unexpected(kWhere, kExpected);
      Take();
    }
  } else {
    bool negative = false;
    if (Peek().type == kAdd || Peek().type == kSub) negative = Take().type == kSub;
    if (Peek().type != kNumber && Peek().type != kDuration) {
      return Unexpected(kWhere, kExpected);
    }
    const ExprPtr number = ParseNumberOrDuration();
    if (!number) return nullptr;
    const double seconds = As<NumberLiteral>(*number).value * (negative ? -1 : 1);
    constexpr double kLimit = 9223372036854775808.0;
    if (!(seconds < kLimit && seconds > -kLimit)) {
      const std::string text = std::isnan(seconds)   ? "NaN"
                               : std::isinf(seconds) ? (seconds > 0 ? "+Inf" : "-Inf")
                                                     : fmt::format("{:f}", seconds);
      Fail(operand->pos.start, "timestamp out of bounds for @ modifier: " + text);
      return nullptr;
    }
    at.kind = AtKind::kTimestamp;
    const double ms = std::round(seconds * 1000);
    // Beyond 64 bits every conversion gives the least value, as on amd64.
    at.timestamp_ms = ms < kLimit && ms >= -kLimit ? static_cast<int64_t>(ms) : INT64_MIN;
  }
  VectorSelector* selector = SelectorOf(*operand);
  auto* subquery = DynAs<SubqueryExpr>(operand.get());
  if (selector == nullptr && subquery == nullptr) {
    Fail(operand->pos.start,
         "@ modifier must be preceded by an instant vector selector or range vector selector or a "
         "subquery");
    return nullptr;
  }
  AtModifier* target = selector != nullptr ? &selector->at : &subquery->at;
  if (target->kind != AtKind::kNone) {
    Fail(operand->pos.start, "@ <timestamp> may not be set multiple times");
    return nullptr;
  }
  *target = at;
  operand->pos.end = last_end_;
  return operand;
}

ExprPtr Parser::ParseExtendedRange(ExprPtr operand) {
  const bool anchored = Take().type == kAnchored;
  const std::string_view word = anchored ? "anchored" : "smoothed";
  const auto fail = [&](std::string message) -> ExprPtr {
    Fail(operand->pos.start, std::move(message));
    return nullptr;
  };
  if (!options_.extended_range_selectors) {
    return fail(fmt::format("{} modifier is experimental and not enabled", word));
  }
  if (operand->kind == ExprKind::kSubquery) {
    return fail(fmt::format("{} modifier is not supported for subqueries", word));
  }
  VectorSelector* selector = SelectorOf(*operand);
  if (selector == nullptr) return fail(fmt::format("{} modifier not implemented", word));
  (anchored ? selector->anchored : selector->smoothed) = true;
  if (selector->anchored && selector->smoothed) {
    return fail("anchored and smoothed modifiers cannot be used together");
  }
  return operand;
}

}  // namespace tributary::promql

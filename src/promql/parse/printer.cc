// Canonical text. Where Prometheus would print something that does not parse back (a label called
// "without"), it is quoted.
#include "promql/parse/printer.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/strings.h"
#include "promql/parse/parser.h"

namespace tributary::promql {
namespace {

// Words that a list of labels takes only in quotes.
bool NeedsQuotes(const std::string& label) {
  if (!model::IsLegacyLabelName(label)) return true;
  const std::string lower = base::ToLower(label);
  return lower == "without" || lower == "inf" || lower == "nan";
}

void AppendDuration(std::string* out, int64_t ms) {
  if (ms < 0) *out += '-';
  *out += base::FormatDurationMs(ms < 0 ? -ms : ms);
}

void AppendNumber(std::string* out, const NumberLiteral& number) {
  if (!number.is_duration) return base::AppendFloat(out, number.value);
  AppendDuration(out, static_cast<int64_t>(std::round(number.value * 1000)));
}

void AppendDurationExpr(std::string* out, const DurationExpr& expr) {
  if (expr.wrapped) *out += '(';
  const auto binary = [&](std::string_view op) {
    if (expr.lhs) {
      AppendExpr(out, *expr.lhs);
      *out += fmt::format(" {} ", op);
    } else if (op == "-") {
      *out += op;
    }
    AppendExpr(out, *expr.rhs);
  };
  const auto call = [&](std::string_view name) {
    *out += name;
    AppendExpr(out, *expr.lhs);
    *out += ", ";
    AppendExpr(out, *expr.rhs);
    *out += ')';
  };
  switch (expr.op) {
    case DurationOp::kAdd:
      binary("+");
      break;
    case DurationOp::kSub:
      binary("-");
      break;
    case DurationOp::kMul:
      binary("*");
      break;
    case DurationOp::kDiv:
      binary("/");
      break;
    case DurationOp::kMod:
      binary("%");
      break;
    case DurationOp::kPow:
      binary("^");
      break;
    case DurationOp::kStep:
      *out += "step()";
      break;
    case DurationOp::kRange:
      *out += "range()";
      break;
    case DurationOp::kMinOf:
      call("min_of(");
      break;
    case DurationOp::kMaxOf:
      call("max_of(");
      break;
  }
  if (expr.wrapped) *out += ')';
}

void AppendDurationOr(std::string* out, int64_t ms, const std::unique_ptr<DurationExpr>& expr) {
  if (expr) {
    AppendDurationExpr(out, *expr);
  } else {
    AppendDuration(out, ms);
  }
}

void AppendAt(std::string* out, const AtModifier& at) {
  switch (at.kind) {
    case AtKind::kNone:
      return;
    case AtKind::kStart:
      *out += " @ start()";
      return;
    case AtKind::kEnd:
      *out += " @ end()";
      return;
    case AtKind::kTimestamp:
      *out += fmt::format(" @ {:.3f}", static_cast<double>(at.timestamp_ms) / 1000.0);
  }
}

void AppendOffset(std::string* out, int64_t ms, const std::unique_ptr<DurationExpr>& expr) {
  if (ms == 0 && !expr) return;
  *out += " offset ";
  AppendDurationOr(out, ms, expr);
}

void AppendExtended(std::string* out, const VectorSelector& selector) {
  if (selector.anchored) *out += " anchored";
  if (selector.smoothed) *out += " smoothed";
}

// Name and matchers only.
void AppendSelectorHead(std::string* out, const VectorSelector& selector) {
  *out += selector.name;
  std::vector<std::string> texts;
  for (const model::Matcher& m : selector.matchers) {
    const bool is_the_name = m.name() == model::kMetricName &&
                             m.type() == model::MatchType::kEqual && m.value() == selector.name &&
                             !m.value().empty();
    if (!is_the_name) texts.push_back(m.ToString());
  }
  if (texts.empty()) {
    // Only the second argument of info() may be this empty.
    if (selector.name.empty()) *out += "{}";
    return;
  }
  std::ranges::sort(texts);
  *out += '{';
  *out += base::Join(texts, ",");
  *out += '}';
}

void AppendMatching(std::string* out, const VectorMatching& matching) {
  const bool grouped = matching.card == MatchCardinality::kManyToOne ||
                       matching.card == MatchCardinality::kOneToMany;
  if (!matching.labels.empty() || matching.on || grouped) {
    *out += matching.on ? " on (" : " ignoring (";
    AppendLabels(out, matching.labels);
    *out += ')';
  }
  if (grouped) {
    *out += matching.card == MatchCardinality::kManyToOne ? " group_left (" : " group_right (";
    AppendLabels(out, matching.include);
    *out += ')';
  }
  const auto fill = [&](std::string_view word, double value) {
    *out += fmt::format(" {} ({})", word, base::FormatFloatG(value));
  };
  if (matching.fill_left && matching.fill_right && *matching.fill_left == *matching.fill_right &&
      std::signbit(*matching.fill_left) == std::signbit(*matching.fill_right)) {
    fill("fill", *matching.fill_left);
    return;
  }
  if (matching.fill_left) fill("fill_left", *matching.fill_left);
  if (matching.fill_right) fill("fill_right", *matching.fill_right);
}

}  // namespace

void AppendLabels(std::string* out, const std::vector<std::string>& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) *out += ", ";
    *out += NeedsQuotes(labels[i]) ? base::Quote(labels[i]) : labels[i];
  }
}

void AppendAggregateHead(std::string* out, const AggregateExpr& expr) {
  *out += AggregateOpName(expr.op);
  if (!expr.without && expr.grouping.empty()) return;
  *out += expr.without ? " without (" : " by (";
  AppendLabels(out, expr.grouping);
  *out += ") ";
}

void AppendOperator(std::string* out, const BinaryExpr& expr) {
  *out += BinaryOpSymbol(expr.op);
  if (expr.return_bool) *out += " bool";
  if (expr.matching) AppendMatching(out, *expr.matching);
}

void AppendSubquerySuffix(std::string* out, const SubqueryExpr& expr) {
  *out += '[';
  AppendDurationOr(out, expr.range_ms, expr.range_expr);
  *out += ':';
  if (expr.step_ms != 0 || expr.step_expr) AppendDurationOr(out, expr.step_ms, expr.step_expr);
  *out += ']';
  AppendAt(out, expr.at);
  AppendOffset(out, expr.offset_ms, expr.offset_expr);
}

void AppendExpr(std::string* out, const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumberLiteral:
      AppendNumber(out, As<NumberLiteral>(expr));
      return;
    case ExprKind::kStringLiteral:
      *out += base::Quote(As<StringLiteral>(expr).value);
      return;
    case ExprKind::kDuration:
      AppendDurationExpr(out, As<DurationExpr>(expr));
      return;
    case ExprKind::kVectorSelector: {
      const auto& selector = As<VectorSelector>(expr);
      AppendSelectorHead(out, selector);
      AppendAt(out, selector.at);
      AppendExtended(out, selector);
      AppendOffset(out, selector.offset_ms, selector.offset_expr);
      return;
    }
    case ExprKind::kMatrixSelector: {
      const auto& matrix = As<MatrixSelector>(expr);
      const VectorSelector& selector = matrix.vector();
      AppendSelectorHead(out, selector);
      *out += '[';
      AppendDurationOr(out, matrix.range_ms, matrix.range_expr);
      *out += ']';
      AppendExtended(out, selector);
      AppendAt(out, selector.at);
      AppendOffset(out, selector.offset_ms, selector.offset_expr);
      return;
    }
    case ExprKind::kSubquery:
      AppendExpr(out, *As<SubqueryExpr>(expr).expr);
      AppendSubquerySuffix(out, As<SubqueryExpr>(expr));
      return;
    case ExprKind::kCall: {
      const auto& call = As<Call>(expr);
      *out += call.function->name;
      *out += '(';
      for (size_t i = 0; i < call.args.size(); ++i) {
        if (i > 0) *out += ", ";
        AppendExpr(out, *call.args[i]);
      }
      *out += ')';
      return;
    }
    case ExprKind::kAggregate: {
      const auto& aggregate = As<AggregateExpr>(expr);
      AppendAggregateHead(out, aggregate);
      *out += '(';
      if (aggregate.param) {
        AppendExpr(out, *aggregate.param);
        *out += ", ";
      }
      AppendExpr(out, *aggregate.expr);
      *out += ')';
      return;
    }
    case ExprKind::kBinary: {
      const auto& binary = As<BinaryExpr>(expr);
      AppendExpr(out, *binary.lhs);
      *out += ' ';
      AppendOperator(out, binary);
      *out += ' ';
      AppendExpr(out, *binary.rhs);
      return;
    }
    case ExprKind::kUnary:
      *out += As<UnaryExpr>(expr).negative ? '-' : '+';
      AppendExpr(out, *As<UnaryExpr>(expr).expr);
      return;
    case ExprKind::kParen:
      *out += '(';
      AppendExpr(out, *As<ParenExpr>(expr).expr);
      *out += ')';
      return;
    case ExprKind::kStepInvariant:
      AppendExpr(out, *As<StepInvariantExpr>(expr).expr);
      return;
  }
}

std::string Print(const Expr& expr) {
  std::string out;
  AppendExpr(&out, expr);
  return out;
}

}  // namespace tributary::promql

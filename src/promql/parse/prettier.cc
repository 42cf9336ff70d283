// A node whose canonical text fits a line is printed as it is; another is split over lines and its
// children indented by one more level.
#include <string>
#include <string_view>

#include "base/strings.h"
#include "promql/parse/parser.h"
#include "promql/parse/printer.h"

namespace tributary::promql {
namespace {

constexpr size_t kMaxLine = 100;

std::string Indent(int level) { return std::string(static_cast<size_t>(level) * 2, ' '); }

std::string Pretty(const Expr& expr, int level);

std::string PrettyArguments(const std::vector<ExprPtr>& args, int level) {
  std::string out;
  for (size_t i = 0; i < args.size(); ++i) {
    if (i > 0) out += ",\n";
    out += Pretty(*args[i], level);
  }
  return out;
}

// REQUIRES: the canonical text does not fit.
std::string Split(const Expr& expr, int level) {
  const std::string indent = Indent(level);
  switch (expr.kind) {
    case ExprKind::kAggregate: {
      const auto& aggregate = As<AggregateExpr>(expr);
      std::string out = indent;
      AppendAggregateHead(&out, aggregate);
      out += "(\n";
      if (aggregate.param) out += Pretty(*aggregate.param, level + 1) + ",\n";
      return out + Pretty(*aggregate.expr, level + 1) + "\n" + indent + ")";
    }
    case ExprKind::kBinary: {
      const auto& binary = As<BinaryExpr>(expr);
      std::string out = Pretty(*binary.lhs, level + 1) + "\n" + indent;
      AppendOperator(&out, binary);
      return out + "\n" + Pretty(*binary.rhs, level + 1);
    }
    case ExprKind::kCall: {
      const auto& call = As<Call>(expr);
      return indent + std::string(call.function->name) + "(\n" +
             PrettyArguments(call.args, level + 1) + "\n" + indent + ")";
    }
    case ExprKind::kParen:
      return indent + "(\n" + Pretty(*As<ParenExpr>(expr).expr, level + 1) + "\n" + indent + ")";
    case ExprKind::kSubquery: {
      std::string out = Pretty(*As<SubqueryExpr>(expr).expr, level);
      AppendSubquerySuffix(&out, As<SubqueryExpr>(expr));
      return out;
    }
    default:
      return indent + Print(expr);
  }
}

std::string Pretty(const Expr& expr, int level) {
  if (const auto* unary = DynAs<UnaryExpr>(&expr)) {
    const std::string child = Pretty(*unary->expr, level);
    return Indent(level) + (unary->negative ? "-" : "+") + std::string(base::TrimSpace(child));
  }
  if (const auto* invariant = DynAs<StepInvariantExpr>(&expr)) {
    return Pretty(*invariant->expr, level);
  }
  std::string flat = Print(expr);
  if (flat.size() > kMaxLine) return Split(expr, level);
  // A subquery that fits is not indented, as upstream.
  return expr.kind == ExprKind::kSubquery ? flat : Indent(level) + flat;
}

}  // namespace

std::string Prettify(const Expr& expr) { return Pretty(expr, 0); }

}  // namespace tributary::promql

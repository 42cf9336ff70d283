// Pieces of canonical text that Print() and Prettify() share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "promql/parse/ast.h"

namespace tributary::promql {

// "a, b", names quoted where the grammar needs it.
void AppendLabels(std::string* out, const std::vector<std::string>& labels);
// "sum by (a, b) " without the parentheses of the arguments.
void AppendAggregateHead(std::string* out, const AggregateExpr& expr);
// "== bool on (a) group_left (b)".
void AppendOperator(std::string* out, const BinaryExpr& expr);
// "[5m:1m] @ 1.000 offset 5m".
void AppendSubquerySuffix(std::string* out, const SubqueryExpr& expr);
void AppendExpr(std::string* out, const Expr& expr);

}  // namespace tributary::promql

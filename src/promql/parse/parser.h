// Parsing, checking and printing of PromQL text. All functions are thread-safe and bounded in time
// and memory by the size of the text.
//
// Parse errors are kInvalidArgument, worded and placed as Prometheus does:
// "<line>:<column>: parse error: <what>".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "promql/parse/ast.h"

namespace tributary::promql {

struct ParserOptions {
  bool experimental_functions = false;
  bool extended_range_selectors = false;
  bool binop_fill_modifiers = false;
  // Levels of nesting, of parentheses and of the tree. A deeper text is an error that says so.
  uint16_t max_depth = 1000;
};

// Parses, folds signs into number literals and checks types: what comes back is well-typed.
base::Result<ExprPtr> ParseExpr(std::string_view text, const ParserOptions& options = {});

// `name{…}` or `{…}`; an API's match[] parameter. A selector that matches every series is fine
// here.
base::Result<std::vector<model::Matcher>> ParseMetricSelector(std::string_view text);

// `name{a="b"}`: the labels of one series.
base::Result<model::Labels> ParseMetric(std::string_view text);

// The canonical one-line form: ParseExpr(Print(e)) yields a tree equal to e.
std::string Print(const Expr& expr);
// As /format_query: lines of at most 100 characters where possible, two blanks an indent.
std::string Prettify(const Expr& expr);

// Equal in meaning and form; positions are not compared.
bool SameTree(const Expr& a, const Expr& b);

// "<line>:<column>" of a byte offset in `text`, both from 1.
std::string LineColumn(std::string_view text, int32_t offset);

}  // namespace tributary::promql

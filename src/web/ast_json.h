// The syntax tree of an expression as /api/v1/parse_query writes it, for the UI's tree view.
// Source: Prometheus web/api/v1/translate_ast.go.
#pragma once

#include "promql/parse/ast.h"
#include "wire/json_writer.h"

namespace tributary::web {

void WriteAst(wire::JsonWriter& json, const promql::Expr& expr);

}  // namespace tributary::web

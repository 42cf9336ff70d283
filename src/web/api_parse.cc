// /api/v1/format_query, parse_query: what a text says, without asking any data.
#include "promql/parse/parser.h"
#include "web/api_params.h"
#include "web/ast_json.h"
#include "web/envelope.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

void Format(const Context& context, Call& call) {
  const auto expr = ParseQueryParam(context, call);
  if (!expr) return RespondInvalidParam(call.response, "query", expr.error().message());
  Envelope envelope(call.response);
  envelope.data().String(promql::Prettify(**expr));
  envelope.Finish();
}

void ParseTree(const Context& context, Call& call) {
  const auto expr = ParseQueryParam(context, call);
  if (!expr) return RespondInvalidParam(call.response, "query", expr.error().message());
  Envelope envelope(call.response);
  WriteAst(envelope.data(), **expr);
  envelope.Finish();
}

}  // namespace

base::Result<promql::ExprPtr> ParseQueryParam(const Context& context, const Call& call) {
  const promql::Features& features = context.services.engine->options().features;
  promql::ParserOptions options;
  options.experimental_functions = features.experimental_functions;
  options.extended_range_selectors = features.extended_range_selectors;
  options.binop_fill_modifiers = features.binop_fill_modifiers;
  return promql::ParseExpr(call.param("query"), options);
}

void AddParseRoutes(Router& router, const Context& context) {
  const RouteOptions options = ApiRoute(kGet | kPost, /*server_only=*/true);
  router.Add("/api/v1/format_query", options, [&context](Call& call) { Format(context, call); });
  router.Add("/api/v1/parse_query", options, [&context](Call& call) { ParseTree(context, call); });
}

}  // namespace tributary::web

// promql: a question in, an answer out, exactly as Prometheus 3.14 gives it.
//   parse/   text -> AST that prints back; every node knows its place in the text
//   plan/    AST -> logical plan (constant folding, shared selectors, fused functions)
//   exec/    operators over blocks of series x steps in flat arrays, one operator a file
//   functions/
//   observe/ who asks what: active queries, queries.active, the query log, explain
// Promises: same question, same data, same answer as Prometheus; a budget on everything.
// Reads through storage::Queryable only. Knows nothing of tsdb or HTTP.
// Read on: engine.h, docs/life-of-a-query.md.
#pragma once

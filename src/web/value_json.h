// PromQL values as the API writes them. Source: Prometheus web/api/v1/json_codec.go.
#pragma once

#include "base/threads.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "promql/value.h"
#include "wire/json_writer.h"

namespace tributary::web {

void WriteLabels(wire::JsonWriter& json, const model::Labels& labels);
// {"count":"…","sum":"…","buckets":[[rule,"lower","upper","count"],…]}
void WriteHistogram(wire::JsonWriter& json, const model::FloatHistogram& h);
// The words of resultType: "scalar", "string", "vector", "matrix".
const char* ResultTypeName(const promql::Value& value);
// Many rows are written on the threads of `pool`, some at a time, and put together in their order;
// null: on the caller's alone.
void WriteResult(wire::JsonWriter& json, const promql::Value& value, base::ThreadPool* pool);

}  // namespace tributary::web

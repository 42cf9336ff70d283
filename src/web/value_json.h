// PromQL values as the API writes them. Source: Prometheus web/api/v1/json_codec.go.
#pragma once

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
void WriteResult(wire::JsonWriter& json, const promql::Value& value);

}  // namespace tributary::web

// Which bucket of a native histogram spans which values. Source: Prometheus
// model/histogram/generic.go.
#pragma once

#include <cstdint>
#include <span>

#include "model/histogram.h"

namespace tributary::model {

inline bool IsCustomBucketsSchema(int32_t schema) { return schema == kCustomBucketsSchema; }
inline bool IsExponentialSchema(int32_t schema) {
  return schema >= kMinExponentialSchema && schema <= kMaxExponentialSchema;
}
inline bool IsValidSchema(int32_t schema) {
  return IsCustomBucketsSchema(schema) || IsExponentialSchema(schema);
}
// Also those that must be brought down to the nearest valid schema before use (-9 … 52).
inline bool IsKnownSchema(int32_t schema) {
  return IsCustomBucketsSchema(schema) || (schema >= -9 && schema <= 52);
}

// Upper bound of the positive bucket `index`. REQUIRES: IsExponentialSchema(schema).
double ExponentialBound(int32_t index, int32_t schema);

// The same for any valid schema. A custom bucket behind the last bound ends at +Inf; what lies
// before the first bucket is -Inf.
double BucketBound(int32_t index, int32_t schema, std::span<const double> custom_values);

// The bucket of the coarser `target_schema` that holds bucket `index` of `schema`.
// REQUIRES: target_schema <= schema, both exponential.
inline int32_t TargetIndex(int32_t index, int32_t schema, int32_t target_schema) {
  return static_cast<int32_t>(((static_cast<int64_t>(index) - 1) >> (schema - target_schema)) + 1);
}

}  // namespace tributary::model

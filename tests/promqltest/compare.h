// Whether a result is what a script expects. Each returns what differs, or nothing.
#pragma once

#include <optional>
#include <string>

#include "promql/value.h"
#include "script.h"

namespace tributary::promqltest {

using Mismatch = std::optional<std::string>;

// Prometheus's tolerance: relative error below 1e-6 of the sum of both; NaNs are equal, except that
// the staleness marker equals only itself.
bool AlmostEqual(double a, double b);

Mismatch CompareValue(const EvalCommand& eval, const promql::Value& value);
Mismatch CompareVector(const EvalCommand& eval, const promql::Vector& vector);
Mismatch CompareScalar(const EvalCommand& eval, double value);
Mismatch CheckSorted(const promql::Matrix& matrix);
Mismatch CheckAnnotations(const EvalCommand& eval, const promql::Annotations& annotations);
Mismatch CheckFailure(const EvalCommand& eval, const std::string& message);

}  // namespace tributary::promqltest

// Binary operators on single elements.
#pragma once

#include <span>

#include "promql/exec/block.h"
#include "promql/exec/context.h"
#include "promql/parse/ast.h"

namespace tributary::promql {

// A float, or a histogram when `h` is set.
struct Element {
  double v = 0;
  HistogramPtr h;
};

// On floats. For comparisons: 1 or 0.
double ScalarBinary(BinaryOp op, double lhs, double rhs);

// On floats, where a comparison says whether to keep the left one. For operators that floats do
// not have (trims), false.
struct FloatOutcome {
  double v;
  bool keep;
};
inline FloatOutcome FloatBinary(BinaryOp op, double lhs, double rhs) {
  switch (op) {
    case BinaryOp::kEq:
      return {lhs, lhs == rhs};
    case BinaryOp::kNe:
      return {lhs, lhs != rhs};
    case BinaryOp::kGt:
      return {lhs, lhs > rhs};
    case BinaryOp::kGe:
      return {lhs, lhs >= rhs};
    case BinaryOp::kLt:
      return {lhs, lhs < rhs};
    case BinaryOp::kLe:
      return {lhs, lhs <= rhs};
    default:
      return {ScalarBinary(op, lhs, rhs), true};
  }
}

// values[i] = values[i] op scalars[i], or the other way round, where values[i] is present.
// REQUIRES: ChangesMetric(op), scalars.size() >= values.size().
void ApplyScalars(BinaryOp op, std::span<double> values, std::span<const double> scalars,
                  bool scalar_on_left);

// Whether the operation took place; if so, its result and whether a filter keeps it. What is wrong
// or remarkable goes to the annotations.
struct Outcome {
  bool valid = false;
  bool keep = false;
  Element value;
};
Outcome ElementBinary(BinaryOp op, const Element& lhs, const Element& rhs,
                      AnnotationSink& annotations, PosRange pos);

// Whether results of `op` are not the metric any more.
bool ChangesMetric(BinaryOp op);

}  // namespace tributary::promql

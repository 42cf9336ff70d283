// The times at which an expression is evaluated: start, start + step, …
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/sample.h"

namespace tributary::promql {

struct Steps {
  model::Timestamp start = 0;
  int64_t step_ms = 1;  // > 0
  size_t count = 1;
  // There is one step only because the range ends before the next: not an instant query.
  bool lone_of_range = false;

  model::Timestamp at(size_t i) const { return start + static_cast<int64_t>(i) * step_ms; }
  model::Timestamp last() const { return at(count == 0 ? 0 : count - 1); }
  bool instant() const { return count == 1 && !lone_of_range; }
  friend bool operator==(const Steps&, const Steps&) = default;
};

}  // namespace tributary::promql

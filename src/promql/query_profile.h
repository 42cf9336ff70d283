// What `explain` tells of a query that has run: the operators as they were executed, and the series
// they read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/sample.h"

namespace tributary::promql {

// What one operator did. Figures are its own, without those of `inputs`; but a fused operator
// yields its rows one by one while the one above it runs, so its time is in that one's, and what a
// fused chain looks at stands at its lower end.
struct OperatorProfile {
  std::string name;  // "aggregate sum", "select", "function rate", "constant", …
  std::string text;  // the part of the query it stands for
  bool fused = false;
  std::optional<size_t> selection;  // of a selector: index into QueryProfile::selections
  uint64_t rows = 0;                // series it yields
  uint64_t samples = 0;             // looked at; once for each window they lie in
  uint64_t bytes = 0;               // of its result; 0: never held as a whole
  uint64_t tasks = 0;               // it was cut into to run in parallel; 0: it was not
  double seconds = 0;               // wall time
  std::vector<OperatorProfile> inputs;
};

// One look into the index, shared by all operators that need the same series.
struct SelectionProfile {
  std::string matchers;  // {__name__="up",job="node"}
  model::Timestamp start = 0, end = 0;
  uint64_t readers = 0;  // operators that asked for it
  uint64_t series = 0;
  double seconds = 0;
};

struct QueryProfile {
  OperatorProfile root;
  std::vector<SelectionProfile> selections;
};

}  // namespace tributary::promql

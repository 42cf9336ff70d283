// What a query answers: a scalar, a string, an instant vector or a matrix, plus annotations.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"

namespace tributary::promql {

struct Scalar {
  model::Timestamp t = 0;
  double v = 0;
};

struct String {
  model::Timestamp t = 0;
  std::string v;
};

struct HistogramSample {
  model::Timestamp t = 0;
  std::shared_ptr<const model::FloatHistogram> h;
};

// One element of an instant vector: a float, or a histogram when `h` is set.
struct VectorSample {
  model::Labels metric;
  model::Timestamp t = 0;
  double v = 0;
  std::shared_ptr<const model::FloatHistogram> h;
};
using Vector = std::vector<VectorSample>;

// One row of a matrix; floats and histograms are each in order of time.
struct Series {
  model::Labels metric;
  std::vector<model::Sample> floats;
  std::vector<HistogramSample> histograms;
};
using Matrix = std::vector<Series>;

// What a matrix says when all rows have the same steps, in half the memory.
struct Grid {
  struct Row {
    model::Labels metric;
    std::span<const double> values;  // one a step; a staleness marker: no float there
    std::vector<std::shared_ptr<const model::FloatHistogram>> histograms;  // empty, or one a step
  };
  model::Timestamp start = 0;
  int64_t step_ms = 0;
  std::vector<Row> rows;
  std::shared_ptr<const void> memory;  // that `values` point into

  model::Timestamp at(size_t step) const { return start + static_cast<int64_t>(step) * step_ms; }
};

using Value = std::variant<Scalar, String, Vector, Matrix, Grid>;

// Texts as Prometheus writes them, prefix and position included, deduplicated, in no stated order.
struct Annotations {
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
};

}  // namespace tributary::promql

// An exemplar: a sample that points at a trace.
#pragma once

#include "model/labels.h"
#include "model/sample.h"

namespace tributary::model {

struct Exemplar {
  Labels labels;
  double value = 0;
  Timestamp t = 0;
  bool has_timestamp = false;
};

}  // namespace tributary::model

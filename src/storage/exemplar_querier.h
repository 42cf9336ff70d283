// Reading exemplars: the seam between the store that keeps the newest ones and the API.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "model/exemplar.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

namespace tributary::storage {

struct SeriesExemplars {
  model::Labels labels;
  std::vector<model::Exemplar> exemplars;  // by time, never empty
};

// Thread-safe.
class ExemplarQueryable {
 public:
  virtual ~ExemplarQueryable() = default;
  // The exemplars in [start, end] (both inclusive) of the series that satisfy all matchers of at
  // least one of the sets, sorted by labels. No set selects nothing; an empty set selects all.
  virtual base::Result<std::vector<SeriesExemplars>> SelectExemplars(
      model::Timestamp start, model::Timestamp end,
      std::span<const std::vector<model::Matcher>> matcher_sets) const = 0;
};

}  // namespace tributary::storage

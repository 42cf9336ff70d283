// Which group of an aggregation each series belongs to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/labels.h"
#include "promql/exec/row_source.h"

namespace tributary::promql {

struct Grouping {
  std::vector<uint32_t> group_of;     // of each series
  std::vector<model::Labels> labels;  // of each group, in order of first appearance
  std::vector<bool> drop_name;        // of each group
  size_t size() const { return labels.size(); }
};

// by (names), or without (names) and the metric name. `by` works on symbol ids alone.
Grouping GroupRows(const RowSource& rows, const std::vector<std::string>& names, bool without);
Grouping GroupBlock(const Block& block, const std::vector<std::string>& names, bool without);

}  // namespace tributary::promql

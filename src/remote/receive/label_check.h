// The rules a received label set must follow before a store sees it (Prometheus's
// storage/remote/write_handler.go with UTF-8 names).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"

namespace tributary::remote {

// Sorts `labels` by name and drops empty values. Errors: no metric name, a label name that is empty
// or not UTF-8, a value that is not UTF-8, a name that is there twice.
base::Status NormalizeLabels(std::vector<model::Label>* labels);

// {a="b", c="d"} of labels in any state, for messages. Long sets are cut.
std::string DescribeLabels(model::LabelSpan labels);

}  // namespace tributary::remote

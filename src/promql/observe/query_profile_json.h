// The answer of `explain`, for programs and for people.
#pragma once

#include <string>

#include "promql/engine.h"
#include "wire/json_writer.h"

namespace tributary::promql {

// {"operators":{"name":…,"query":…,"inputs":[…]},"selections":[…],"totals":{…}}
void WriteQueryProfile(wire::JsonWriter& json, const QueryProfile& profile,
                       const QueryStats& stats);

// One line an operator, what it reads below it, two blanks further in.
std::string RenderQueryProfile(const QueryProfile& profile, const QueryStats& stats);

}  // namespace tributary::promql

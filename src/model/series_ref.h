// SeriesRef: the number by which one store calls one series. Unique within a store's life, never
// reused; 0 is no series. Two stores number on their own.
#pragma once

#include <cstdint>

#include "base/strong_int.h"

namespace tributary::model {

struct SeriesRefTag;
using SeriesRef = base::StrongInt<SeriesRefTag, uint64_t>;

}  // namespace tributary::model

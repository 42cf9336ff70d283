// Go's sort.Sort where its result is defined by more than `less`: comparisons that put NaN before
// NaN both ways order short slices by the steps of an insertion sort. Of more than 12 elements
// those that are equal keep their order here; in Go they may come in any.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace tributary::promql {

template <class T, class Less>
void GoSort(std::vector<T>* items, Less&& less) {
  constexpr size_t kInsertionSort = 12;
  if (items->size() > kInsertionSort) {
    std::stable_sort(items->begin(), items->end(),
                     [&](const T& a, const T& b) { return less(a, b) && !less(b, a); });
    return;
  }
  for (size_t i = 1; i < items->size(); i++) {
    for (size_t j = i; j > 0 && less((*items)[j], (*items)[j - 1]); j--) {
      std::swap((*items)[j], (*items)[j - 1]);
    }
  }
}

}  // namespace tributary::promql

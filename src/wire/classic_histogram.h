// ClassicHistogram: gathers the parts of one classic histogram and makes a native histogram with
// custom buckets of them. Rules: prometheus util/convertnhcb/convertnhcb.go.
#pragma once

#include <vector>

#include "base/result.h"
#include "model/histogram.h"

namespace tributary::wire {

class ClassicHistogram {
 public:
  void Clear();
  // A bucket that was there already is ignored. What is wrong is told by Convert().
  void AddBucket(double upper_bound, double cumulative_count);
  void SetCount(double count);
  void SetSum(double sum) { sum_ = sum; }

  // Fills `h` when all counts are whole numbers, else `fh` with *is_float set. Fails on negative
  // counts and on counts that are not cumulative.
  base::Status Convert(model::Histogram* h, model::FloatHistogram* fh, bool* is_float);

 private:
  struct Bucket {
    double bound;
    double count;
  };

  std::vector<Bucket> buckets_;  // by bound
  double count_ = 0;
  double sum_ = 0;
  bool has_count_ = false;
  base::Status status_;
};

}  // namespace tributary::wire

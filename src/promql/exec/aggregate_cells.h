// What an aggregation keeps for each group and step. Add() takes the next float; Merge() takes
// what another shard has seen after this one; Value() is absent when nothing was added.
#pragma once

#include <cmath>
#include <limits>

#include "promql/exec/block.h"
#include "promql/functions/kahan.h"

namespace tributary::promql {

struct SumCell {
  KahanSum sum{Absent(), 0};

  void Add(double v) {
    if (IsAbsent(sum.sum)) {
      sum.sum = v;
    } else {
      sum.Add(v);
    }
  }
  void Merge(const SumCell& o) {
    if (IsAbsent(o.sum.sum)) return;
    if (IsAbsent(sum.sum)) {
      sum = o.sum;
      return;
    }
    sum.Add(o.sum.sum);
    if (!std::isinf(sum.sum)) sum.c += o.sum.c;
  }
  double Value() const { return IsAbsent(sum.sum) ? Absent() : sum.total(); }
};

struct AvgCell {
  KahanMean mean;

  void Add(double v) { mean.Add(v); }
  void Merge(const AvgCell& o) {
    if (o.mean.count == 0) return;
    if (mean.count == 0) {
      mean = o.mean;
      return;
    }
    const double count = mean.count + o.mean.count;
    if (!mean.incremental && !o.mean.incremental) {
      KahanSum total = mean.sum;
      total.Add(o.mean.sum.sum);
      total.c += o.mean.sum.c;
      if (!std::isinf(total.sum)) {
        mean.sum = total;
        mean.count = count;
        return;
      }
    }
    mean.mean = mean.value() * (mean.count / count) + o.mean.value() * (o.mean.count / count);
    mean.sum.c = 0;
    mean.incremental = true;
    mean.count = count;
  }
  double Value() const { return mean.count == 0 ? Absent() : mean.value(); }
};

struct CountCell {
  double count = 0;
  void Add(double) { count++; }
  void Merge(const CountCell& o) { count += o.count; }
  double Value() const { return count == 0 ? Absent() : count; }
};

struct GroupCell {
  double value = Absent();
  void Add(double) { value = 1; }
  void Merge(const GroupCell& o) {
    if (!IsAbsent(o.value)) value = 1;
  }
  double Value() const { return value; }
};

// NaN gives way to anything.
struct MaxCell {
  double max = Absent();
  void Add(double v) {
    if (max < v || std::isnan(max)) max = v;
  }
  void Merge(const MaxCell& o) {
    if (!IsAbsent(o.max)) Add(o.max);
  }
  double Value() const { return max; }
};

struct MinCell {
  double min = Absent();
  void Add(double v) {
    if (min > v || std::isnan(min)) min = v;
  }
  void Merge(const MinCell& o) {
    if (!IsAbsent(o.min)) Add(o.min);
  }
  double Value() const { return min; }
};

// Welford's algorithm.
template <bool kRoot>
struct VarianceCell {
  double count = 0, mean = 0, squares = 0;

  void Add(double v) {
    count++;
    if (count == 1) {
      mean = v;
      squares = std::isfinite(v) ? 0 : std::numeric_limits<double>::quiet_NaN();
      return;
    }
    const double delta = v - mean;
    mean += delta / count;
    squares += delta * (v - mean);
  }
  void Merge(const VarianceCell& o) {
    if (o.count == 0) return;
    if (count == 0) {
      *this = o;
      return;
    }
    const double total = count + o.count;
    const double delta = o.mean - mean;
    squares += o.squares + delta * delta * (count * o.count / total);
    mean += delta * (o.count / total);
    count = total;
  }
  double Value() const {
    if (count == 0) return Absent();
    return kRoot ? std::sqrt(squares / count) : squares / count;
  }
};

}  // namespace tributary::promql

#include "model/bucket_layout.h"

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "model/histogram_bounds.h"
#include "model/kahan.h"

namespace tributary::model {

namespace {

// Builds the spans of a rising sequence of bucket indices.
class SpanBuilder {
 public:
  explicit SpanBuilder(std::vector<BucketSpan>* out) : out_(out) { out_->clear(); }
  void Add(int64_t index, uint32_t length) {
    if (!out_->empty() && index == end_) {
      out_->back().length += length;
    } else {
      out_->push_back({static_cast<int32_t>(out_->empty() ? index : index - end_), length});
    }
    end_ = index + length;
  }
  bool empty() const { return out_->empty(); }
  int64_t end() const { return end_; }

 private:
  std::vector<BucketSpan>* out_;
  int64_t end_ = 0;  // one behind the last bucket
};

// Integers of an invalid histogram may overflow; they wrap then.
int64_t Sum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
double Sum(double a, double b) { return a + b; }

template <class Count>
bool IsEmpty(const BucketSide<Count>& side, size_t i) {
  return (*side.buckets)[i] == 0 && (side.compensation == nullptr || (*side.compensation)[i] == 0);
}

template <class Count>
bool IsCompact(const BucketSide<Count>& side, size_t max_empty) {
  for (const Count count : *side.buckets) {
    if (count == 0) return false;
  }
  const std::vector<BucketSpan>& spans = *side.spans;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].length == 0) return false;
    if (i > 0 && (spans[i].offset <= 0 || static_cast<size_t>(spans[i].offset) <= max_empty)) {
      return false;
    }
  }
  return true;
}

// A run of buckets that stays: bucket index, first position in the side's arrays, length.
struct Run {
  int64_t index;
  size_t position;
  size_t length;
};

// The spans of `side`, empty and touching ones joined.
template <class Count>
std::vector<Run> SpansAsRuns(const BucketSide<Count>& side) {
  std::vector<Run> runs;
  int64_t index = 0;
  size_t position = 0;
  for (const BucketSpan& span : *side.spans) {
    index += span.offset;
    const size_t length = std::min<size_t>(span.length, side.buckets->size() - position);
    if (length > 0) {
      const bool touches =
          !runs.empty() && runs.back().index + static_cast<int64_t>(runs.back().length) == index;
      if (touches) {
        runs.back().length += length;
      } else {
        runs.push_back({index, position, length});
      }
    }
    index += static_cast<int64_t>(length);
    position += length;
  }
  return runs;
}

// Cuts empty buckets off both ends of `run` and out of its middle where there are too many.
template <class Count>
void SplitAtEmpty(const BucketSide<Count>& side, Run run, size_t max_empty, std::vector<Run>* out) {
  const size_t end = run.position + run.length;
  size_t i = run.position;
  while (i < end && IsEmpty(side, i)) ++i;
  while (i < end) {
    const size_t begin = i;
    size_t last = i;  // the last bucket that is not empty
    for (++i; i < end && i - last - 1 <= max_empty; ++i) {
      if (!IsEmpty(side, i)) last = i;
    }
    out->push_back(
        {run.index + static_cast<int64_t>(begin - run.position), begin, last - begin + 1});
    i = last + 1;
    while (i < end && IsEmpty(side, i)) ++i;
  }
}

// Keeps the runs only, with `gap[i]` zeros before run i.
template <class T>
void KeepRuns(std::vector<T>* values, const std::vector<Run>& runs,
              const std::vector<size_t>& gaps) {
  std::vector<T> kept;
  size_t size = 0;
  for (size_t i = 0; i < runs.size(); ++i) size += gaps[i] + runs[i].length;
  kept.reserve(size);
  for (size_t i = 0; i < runs.size(); ++i) {
    kept.resize(kept.size() + gaps[i]);
    const auto from = values->begin() + static_cast<std::ptrdiff_t>(runs[i].position);
    kept.insert(kept.end(), from, from + static_cast<std::ptrdiff_t>(runs[i].length));
  }
  *values = std::move(kept);
}

}  // namespace

base::Status CheckSpans(const std::vector<BucketSpan>& spans, size_t num_buckets) {
  uint64_t needed = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) {
      return base::InvalidArgument(fmt::format(
          "span number {} with offset {}: histogram has a span whose offset is negative", i + 1,
          spans[i].offset));
    }
    needed += spans[i].length;
  }
  if (needed == num_buckets) return base::OkStatus();
  constexpr std::string_view kMismatch =
      "histogram spans specify different number of buckets than provided";
  if (needed > num_buckets) {
    return base::InvalidArgument(
        fmt::format("have {} buckets but spans need more: {}", num_buckets, kMismatch));
  }
  return base::InvalidArgument(
      fmt::format("spans need {} buckets, have {} buckets: {}", needed, num_buckets, kMismatch));
}

template <class Count>
void CompactSide(BucketSide<Count> side, size_t max_empty) {
  if (IsCompact(side, max_empty)) return;
  std::vector<Run> runs;
  for (const Run& run : SpansAsRuns(side)) SplitAtEmpty(side, run, max_empty, &runs);

  std::vector<size_t> gaps(runs.size(), 0);  // zeros to fill in before each run
  SpanBuilder spans(side.spans);
  for (size_t i = 0; i < runs.size(); ++i) {
    const int64_t gap = spans.empty() ? 0 : runs[i].index - spans.end();
    if (!spans.empty() && gap >= 0 && static_cast<uint64_t>(gap) <= max_empty) {
      gaps[i] = static_cast<size_t>(gap);
      spans.Add(spans.end(), static_cast<uint32_t>(gap));
    }
    spans.Add(runs[i].index, static_cast<uint32_t>(runs[i].length));
  }
  KeepRuns(side.buckets, runs, gaps);
  if (side.compensation != nullptr) KeepRuns(side.compensation, runs, gaps);
}

template <class Count>
void ReduceSide(BucketSide<Count> side, int32_t schema, int32_t target_schema) {
  std::vector<BucketSpan> target_spans;
  SpanBuilder spans(&target_spans);
  std::vector<Count>& buckets = *side.buckets;
  size_t from = 0;
  size_t to = 0;  // never ahead of `from`
  int64_t index = 0;
  for (const BucketSpan& span : *side.spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length; ++i, ++index, ++from) {
      const int32_t target = TargetIndex(static_cast<int32_t>(index), schema, target_schema);
      if (spans.empty() || target >= spans.end()) {
        spans.Add(target, 1);
        buckets[to] = buckets[from];
        if (side.compensation != nullptr) (*side.compensation)[to] = (*side.compensation)[from];
        ++to;
      } else if (side.compensation == nullptr) {
        buckets[to - 1] = Sum(buckets[to - 1], buckets[from]);
      } else if constexpr (std::is_same_v<Count, double>) {
        double* c = &(*side.compensation)[to - 1];
        KahanInc(buckets[from], &buckets[to - 1], c);
        KahanInc((*side.compensation)[from], &buckets[to - 1], c);
      }
    }
  }
  buckets.resize(to);
  if (side.compensation != nullptr) side.compensation->resize(to);
  *side.spans = std::move(target_spans);
}

template void CompactSide(BucketSide<int64_t>, size_t);
template void CompactSide(BucketSide<double>, size_t);
template void ReduceSide(BucketSide<int64_t>, int32_t, int32_t);
template void ReduceSide(BucketSide<double>, int32_t, int32_t);

namespace {

// A position in one side: the next bucket to be taken.
class Cursor {
 public:
  explicit Cursor(const std::vector<BucketSpan>& spans) : spans_(spans) {
    if (!spans_.empty()) index_ = spans_[0].offset;
    SkipEmptySpans();
  }
  bool done() const { return span_ == spans_.size(); }
  int64_t index() const { return index_; }
  size_t position() const { return position_; }
  void Advance() {
    ++index_;
    ++position_;
    ++in_span_;
    SkipEmptySpans();
  }

 private:
  void SkipEmptySpans() {
    while (span_ < spans_.size() && in_span_ >= spans_[span_].length) {
      in_span_ = 0;
      if (++span_ < spans_.size()) index_ += spans_[span_].offset;
    }
  }
  const std::vector<BucketSpan>& spans_;
  size_t span_ = 0;
  uint32_t in_span_ = 0;
  int64_t index_ = 0;
  size_t position_ = 0;
};

void Accumulate(BucketSide<double>& a, size_t i, double b, double b_c) {
  double* sum = &(*a.buckets)[i];
  if (a.compensation == nullptr) {
    *sum += b;
    return;
  }
  double* c = &(*a.compensation)[i];
  KahanInc(b, sum, c);
  if (b_c != 0) KahanInc(b_c, sum, c);
}

}  // namespace

void AddSide(int32_t schema, double threshold, bool subtract, BucketSide<double> a,
             const std::vector<BucketSpan>& b_spans, const std::vector<double>& b_buckets,
             const std::vector<double>* b_compensation) {
  const double sign = subtract ? -1 : 1;
  const auto b_value = [&](size_t i) { return sign * b_buckets[i]; };
  const auto b_c = [&](size_t i) {
    return b_compensation == nullptr ? 0 : sign * (*b_compensation)[i];
  };

  Cursor b(b_spans);
  if (IsExponentialSchema(schema)) {
    while (!b.done() && ExponentialBound(static_cast<int32_t>(b.index()), schema) <= threshold) {
      b.Advance();
    }
  }
  if (b.done()) return;
  if (b.position() == 0 && *a.spans == b_spans) {
    for (size_t i = 0; i < b_buckets.size(); ++i) Accumulate(a, i, b_value(i), b_c(i));
    return;
  }

  // Merge the two rising sequences; spans that touch become one.
  std::vector<BucketSpan> spans;
  std::vector<double> buckets;
  std::vector<double> compensation;
  buckets.reserve(a.buckets->size() + b_buckets.size());
  int64_t end = 0;
  const auto push = [&](int64_t index, double value, double c) {
    if (spans.empty() || index != end) {
      spans.push_back({static_cast<int32_t>(spans.empty() ? index : index - end), 1});
    } else {
      ++spans.back().length;
    }
    buckets.push_back(value);
    if (a.compensation != nullptr) compensation.push_back(c);
    end = index + 1;
  };
  Cursor i(*a.spans);
  while (!i.done() || !b.done()) {
    if (b.done() || (!i.done() && i.index() <= b.index())) {
      const bool both = !b.done() && i.index() == b.index();
      if (both) Accumulate(a, i.position(), b_value(b.position()), b_c(b.position()));
      push(i.index(), (*a.buckets)[i.position()],
           a.compensation == nullptr ? 0 : (*a.compensation)[i.position()]);
      i.Advance();
      if (both) b.Advance();
    } else {
      push(b.index(), b_value(b.position()), b_c(b.position()));
      b.Advance();
    }
  }
  *a.spans = std::move(spans);
  *a.buckets = std::move(buckets);
  if (a.compensation != nullptr) *a.compensation = std::move(compensation);
}

}  // namespace tributary::model

#include "chunk/histogram_appender.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "chunk/histogram_reader.h"
#include "chunk/varbit.h"
#include "model/histogram_bounds.h"

namespace tributary::chunk {

namespace {

using model::BucketSpan;
using model::CounterResetHint;

int64_t WrapSub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t WrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

// The bucket indices that spans describe, rising.
std::vector<int64_t> Indices(const std::vector<BucketSpan>& spans) {
  std::vector<int64_t> indices;
  int64_t index = 0;
  for (const BucketSpan& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length; ++i) indices.push_back(index++);
  }
  return indices;
}

std::vector<BucketSpan> SpansOf(const std::vector<int64_t>& indices) {
  std::vector<BucketSpan> spans;
  int64_t end = 0;
  for (const int64_t index : indices) {
    if (!spans.empty() && index == end) {
      ++spans.back().length;
    } else {
      spans.push_back({static_cast<int32_t>(index - end), 1});
    }
    end = index + 1;
  }
  return spans;
}

// Spans that cover the buckets of both. Exactly `a` when `b` adds nothing.
std::vector<BucketSpan> Union(const std::vector<BucketSpan>& a, const std::vector<BucketSpan>& b) {
  if (a == b) return a;
  const std::vector<int64_t> in_a = Indices(a);
  const std::vector<int64_t> in_b = Indices(b);
  std::vector<int64_t> all;
  std::set_union(in_a.begin(), in_a.end(), in_b.begin(), in_b.end(), std::back_inserter(all));
  return all.size() == in_a.size() ? a : SpansOf(all);
}

// The same buckets for spans that cover `from`; new buckets are empty. Integer buckets are deltas.
template <class Bucket>
std::vector<Bucket> Spread(const std::vector<BucketSpan>& from, const std::vector<Bucket>& buckets,
                           const std::vector<BucketSpan>& to) {
  if (from == to) return buckets;
  constexpr bool kDeltas = std::is_same_v<Bucket, int64_t>;
  const std::vector<int64_t> source = Indices(from);
  std::vector<Bucket> out;
  size_t i = 0;
  Bucket absolute = 0;
  Bucket written = 0;
  for (const int64_t index : Indices(to)) {
    Bucket count = 0;
    if (i < source.size() && source[i] == index) {
      if constexpr (kDeltas) {
        absolute = WrapAdd(absolute, buckets[i]);
      } else {
        absolute = buckets[i];
      }
      count = absolute;
      ++i;
    }
    if constexpr (kDeltas) {
      out.push_back(WrapSub(count, written));
      written = count;
    } else {
      out.push_back(count);
    }
  }
  return out;
}

template <class Bucket>
std::vector<Bucket> Absolute(std::vector<Bucket> buckets) {
  if constexpr (std::is_same_v<Bucket, int64_t>) {
    for (size_t i = 1; i < buckets.size(); ++i) buckets[i] = WrapAdd(buckets[i], buckets[i - 1]);
  }
  return buckets;
}

// Whether a bucket became smaller, or vanished while populated.
template <class Bucket>
bool HasReset(const std::vector<BucketSpan>& old_spans, const std::vector<Bucket>& old_buckets,
              const std::vector<BucketSpan>& new_spans, const std::vector<Bucket>& new_buckets) {
  const std::vector<Bucket> before = Absolute(old_buckets);
  const std::vector<Bucket> now = Absolute(new_buckets);
  if (old_spans == new_spans) {
    for (size_t i = 0; i < before.size(); ++i) {
      if (now[i] < before[i]) return true;
    }
    return false;
  }
  const std::vector<int64_t> old_indices = Indices(old_spans);
  const std::vector<int64_t> new_indices = Indices(new_spans);
  size_t j = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    while (j < now.size() && new_indices[j] < old_indices[i]) ++j;
    const bool present = j < now.size() && new_indices[j] == old_indices[i];
    if (present ? now[j] < before[i] : before[i] != 0) return true;
  }
  return false;
}

template <class AnyHistogram>
AnyHistogram StaleOnly(const AnyHistogram& h) {
  AnyHistogram stale;
  stale.sum = h.sum;
  return stale;
}

}  // namespace

template <class AnyHistogram>
CounterResetHeader HistogramAppender<AnyHistogram>::HeaderFor(const AnyHistogram& h) {
  if (h.reset_hint == CounterResetHint::kGauge) return CounterResetHeader::kGauge;
  if (h.reset_hint == CounterResetHint::kReset) return CounterResetHeader::kReset;
  return CounterResetHeader::kUnknown;
}

template <class AnyHistogram>
CounterResetHeader HistogramAppender<AnyHistogram>::HeaderAfter(const AnyHistogram& h) const {
  const CounterResetHeader alone = HeaderFor(h);
  if (alone != CounterResetHeader::kUnknown) return alone;
  switch (FitOf(h)) {
    case Fit::kFits:
      return CounterResetHeader::kNotReset;
    case Fit::kReset:
      return CounterResetHeader::kReset;
    case Fit::kOther:
      return CounterResetHeader::kUnknown;
  }
  return CounterResetHeader::kUnknown;
}

template <class AnyHistogram>
auto HistogramAppender<AnyHistogram>::FitOf(const AnyHistogram& h) const -> Fit {
  const bool gauge = h.reset_hint == CounterResetHint::kGauge;
  if (gauge != (header_ == CounterResetHeader::kGauge)) return Fit::kOther;
  if (!gauge && h.reset_hint == CounterResetHint::kReset) return Fit::kReset;
  if (model::IsStaleNaN(h.sum)) return Fit::kFits;
  if (model::IsStaleNaN(last_.sum)) return Fit::kOther;
  if (!gauge && h.count < last_.count) return Fit::kReset;
  if (h.schema != layout_.schema || h.zero_threshold != layout_.zero_threshold) return Fit::kOther;
  if (model::IsCustomBucketsSchema(h.schema) && h.custom_values != layout_.custom_values) {
    return gauge ? Fit::kOther : Fit::kReset;
  }
  if (gauge) return Fit::kFits;
  const bool reset = h.zero_count < last_.zero_count ||
                     HasReset(layout_.positive_spans, last_.positive_buckets, h.positive_spans,
                              h.positive_buckets) ||
                     HasReset(layout_.negative_spans, last_.negative_buckets, h.negative_spans,
                              h.negative_buckets);
  return reset ? Fit::kReset : Fit::kFits;
}

template <class AnyHistogram>
void HistogramAppender<AnyHistogram>::SetHeader(CounterResetHeader header) {
  header_ = header;
  out_.data()[2] = static_cast<uint8_t>(header);
}

template <class AnyHistogram>
void HistogramAppender<AnyHistogram>::Start(model::Timestamp t, const AnyHistogram& h,
                                            CounterResetHeader header) {
  out_ = BitWriter(kHistogramHeaderBytes);
  num_samples_ = 0;
  WriteFirst(t, model::IsStaleNaN(h.sum) ? StaleOnly(h) : h);
  SetHeader(header);
}

template <class AnyHistogram>
bool HistogramAppender<AnyHistogram>::Append(model::Timestamp t, const AnyHistogram& h) {
  if (num_samples_ >= kMaxSamples || FitOf(h) != Fit::kFits) return false;
  if (model::IsStaleNaN(h.sum)) {
    WriteNext(t, StaleOnly(h));
    return true;
  }
  if (h.positive_spans == layout_.positive_spans && h.negative_spans == layout_.negative_spans) {
    WriteNext(t, h);
    return true;
  }
  std::vector<BucketSpan> positive = Union(layout_.positive_spans, h.positive_spans);
  std::vector<BucketSpan> negative = Union(layout_.negative_spans, h.negative_spans);
  AnyHistogram spread = h;
  spread.positive_buckets = Spread(h.positive_spans, h.positive_buckets, positive);
  spread.negative_buckets = Spread(h.negative_spans, h.negative_buckets, negative);
  if (positive != layout_.positive_spans || negative != layout_.negative_spans) {
    Recode(std::move(positive), std::move(negative));
  }
  WriteNext(t, spread);
  return true;
}

template <class AnyHistogram>
void HistogramAppender<AnyHistogram>::WriteFirst(model::Timestamp t, const AnyHistogram& h) {
  layout_ = {h.schema, h.zero_threshold, h.positive_spans, h.negative_spans, h.custom_values};
  PutHistogramLayout(&out_, layout_);
  PutVarbitInt(&out_, t);
  sum_ = XorField{};
  count_ = Field{};
  zero_count_ = Field{};
  positive_.assign(h.positive_buckets.size(), {});
  negative_.assign(h.negative_buckets.size(), {});
  if constexpr (kFloat) {
    count_.PutFirst(&out_, h.count);
    zero_count_.PutFirst(&out_, h.zero_count);
    sum_.PutFirst(&out_, h.sum);
    for (size_t i = 0; i < positive_.size(); ++i) {
      positive_[i].PutFirst(&out_, h.positive_buckets[i]);
    }
    for (size_t i = 0; i < negative_.size(); ++i) {
      negative_[i].PutFirst(&out_, h.negative_buckets[i]);
    }
  } else {
    count_.value = static_cast<int64_t>(h.count);
    zero_count_.value = static_cast<int64_t>(h.zero_count);
    PutVarbitUint(&out_, h.count);
    PutVarbitUint(&out_, h.zero_count);
    sum_.PutFirst(&out_, h.sum);
    const auto put = [this](const std::vector<int64_t>& buckets, std::vector<Number>* fields) {
      for (size_t i = 0; i < fields->size(); ++i) {
        (*fields)[i].value = buckets[i];
        PutVarbitInt(&out_, buckets[i]);
      }
    };
    put(h.positive_buckets, &positive_);
    put(h.negative_buckets, &negative_);
  }
  t_ = t;
  t_delta_ = 0;
  last_ = h;
  num_samples_ = 1;
  out_.data()[0] = 0;
  out_.data()[1] = 1;
}

// `h` is stale and bare, or has the chunk's spans.
template <class AnyHistogram>
void HistogramAppender<AnyHistogram>::WriteNext(model::Timestamp t, const AnyHistogram& h) {
  const int64_t t_delta = WrapSub(t, t_);
  PutVarbitInt(&out_, WrapSub(t_delta, t_delta_));
  if constexpr (kFloat) {
    count_.Put(&out_, h.count);
    zero_count_.Put(&out_, h.zero_count);
    sum_.Put(&out_, h.sum);
    for (size_t i = 0; i < h.positive_buckets.size(); ++i) {
      positive_[i].Put(&out_, h.positive_buckets[i]);
    }
    for (size_t i = 0; i < h.negative_buckets.size(); ++i) {
      negative_[i].Put(&out_, h.negative_buckets[i]);
    }
  } else {
    const bool stale = model::IsStaleNaN(h.sum);
    const auto put = [this](Number* number, int64_t value) {
      const int64_t delta = WrapSub(value, number->value);
      PutVarbitInt(&out_, WrapSub(delta, number->delta));
      *number = {value, delta};
    };
    if (stale) {
      // The counts of a stale sample mean nothing: continue as the reader will read it.
      put(&count_, WrapAdd(count_.value, count_.delta));
      put(&zero_count_, WrapAdd(zero_count_.value, zero_count_.delta));
    } else {
      put(&count_, static_cast<int64_t>(h.count));
      put(&zero_count_, static_cast<int64_t>(h.zero_count));
    }
    sum_.Put(&out_, h.sum);
    for (size_t i = 0; i < h.positive_buckets.size(); ++i)
      put(&positive_[i], h.positive_buckets[i]);
    for (size_t i = 0; i < h.negative_buckets.size(); ++i)
      put(&negative_[i], h.negative_buckets[i]);
  }
  t_ = t;
  t_delta_ = t_delta;
  last_ = h;
  ++num_samples_;
  out_.data()[0] = static_cast<uint8_t>(num_samples_ >> 8);
  out_.data()[1] = static_cast<uint8_t>(num_samples_);
}

template <class AnyHistogram>
void HistogramAppender<AnyHistogram>::Recode(std::vector<BucketSpan> positive,
                                             std::vector<BucketSpan> negative) {
  const BitWriter old = std::exchange(out_, BitWriter(kHistogramHeaderBytes));
  const CounterResetHeader header = header_;
  HistogramReader in(kFloat ? Encoding::kFloatHistogram : Encoding::kHistogram, old.bytes());
  AnyHistogram h;
  num_samples_ = 0;
  while (in.Next()) {
    in.Get(&h);
    if (!in.is_stale()) {
      h.positive_buckets = Spread(h.positive_spans, h.positive_buckets, positive);
      h.negative_buckets = Spread(h.negative_spans, h.negative_buckets, negative);
      h.positive_spans = positive;
      h.negative_spans = negative;
    }
    if (num_samples_ == 0) {
      WriteFirst(in.t(), h);
    } else {
      WriteNext(in.t(), h);
    }
  }
  SetHeader(header);
}

template <class AnyHistogram>
base::Status HistogramAppender<AnyHistogram>::Resume(std::span<const uint8_t> chunk) {
  HistogramReader in(kFloat ? Encoding::kFloatHistogram : Encoding::kHistogram, chunk);
  out_ = BitWriter(kHistogramHeaderBytes);
  num_samples_ = 0;
  AnyHistogram h;
  while (in.Next()) {
    in.Get(&h);
    if (num_samples_ == 0) {
      WriteFirst(in.t(), h);
    } else {
      WriteNext(in.t(), h);
    }
  }
  SetHeader(in.header());
  RETURN_IF_ERROR(in.status());
  if (num_samples_ == 0) return base::Corruption("histogram chunk: no sample to go on from");
  return base::OkStatus();
}

template class HistogramAppender<model::Histogram>;
template class HistogramAppender<model::FloatHistogram>;

}  // namespace tributary::chunk

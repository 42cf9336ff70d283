#include "chunk/histogram_reader.h"

#include <utility>

#include "chunk/varbit.h"
#include "model/float_histogram.h"

namespace tributary::chunk {

namespace {

using base::Corruption;

// Hostile input may overflow; the arithmetic of the format wraps.
int64_t WrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t WrapSub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

// Chunks with start times keep the reset header in the sample count's high bits.
constexpr unsigned kStCountMask = 0x3fff;

// A zigzag varint whose bytes begin at any bit.
int64_t ReadUnalignedVarint(BitReader* in) {
  uint64_t zigzag = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    const uint64_t byte = in->Read(8);
    if (shift < 64) zigzag |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return static_cast<int64_t>(zigzag >> 1 ^ (~(zigzag & 1) + 1));
}

}  // namespace

HistogramReader::HistogramReader(Encoding encoding, std::span<const uint8_t> chunk)
    : in_(chunk, kHistogramHeaderBytes * 8),
      is_float_(encoding == Encoding::kFloatHistogram || encoding == Encoding::kFloatHistogramSt),
      has_start_times_(encoding == Encoding::kHistogramSt ||
                       encoding == Encoding::kFloatHistogramSt) {
  if (chunk.size() < kHistogramHeaderBytes) {
    status_ = Corruption("histogram chunk: shorter than its header");
    return;
  }
  const unsigned word = static_cast<unsigned>(chunk[0]) << 8 | chunk[1];
  num_samples_ = has_start_times_ ? word & kStCountMask : word;
  header_ = static_cast<CounterResetHeader>(chunk[has_start_times_ ? 0 : 2] & kCounterResetMask);
  if (has_start_times_) {
    first_start_known_ = (chunk[2] & 0x80) != 0;
    first_start_change_ = chunk[2] & 0x7f;
  }
}

bool HistogramReader::Fail(base::Status status) {
  status_ = std::move(status);
  return false;
}

bool HistogramReader::Next() {
  if (!status_ || num_read_ == num_samples_) return false;
  const model::Timestamp previous_t = t_;
  if (!(num_read_ == 0 ? ReadFirst() : ReadNext())) return false;
  ++num_read_;
  if (has_start_times_) ReadStartTime(previous_t);
  if (!in_.Overrun()) return true;
  return Fail(Corruption("histogram chunk: ends within sample " + std::to_string(num_read_ - 1)));
}

bool HistogramReader::ReadFirst() {
  // Each bucket takes a bit or, in float chunks, eight bytes.
  const size_t max_buckets = in_.bits_left() / (is_float_ ? 64 : 1);
  if (auto status = ReadHistogramLayout(&in_, max_buckets, &layout_); !status) {
    return Fail(std::move(status));
  }
  const size_t num_positive = CountBuckets(layout_.positive_spans);
  const size_t num_negative = CountBuckets(layout_.negative_spans);
  t_ = ReadVarbitInt(&in_);
  if (is_float_) {
    float_count_.ReadFirst(&in_);
    float_zero_count_.ReadFirst(&in_);
    sum_.ReadFirst(&in_);
    float_positive_.assign(num_positive, {});
    float_negative_.assign(num_negative, {});
    for (XorField& bucket : float_positive_) bucket.ReadFirst(&in_);
    for (XorField& bucket : float_negative_) bucket.ReadFirst(&in_);
    return true;
  }
  count_.value = static_cast<int64_t>(ReadVarbitUint(&in_));
  zero_count_.value = static_cast<int64_t>(ReadVarbitUint(&in_));
  sum_.ReadFirst(&in_);
  positive_.assign(num_positive, {});
  negative_.assign(num_negative, {});
  for (Number& bucket : positive_) bucket.value = ReadVarbitInt(&in_);
  for (Number& bucket : negative_) bucket.value = ReadVarbitInt(&in_);
  return true;
}

bool HistogramReader::ReadNext() {
  t_delta_ = WrapAdd(t_delta_, ReadVarbitInt(&in_));
  t_ = WrapAdd(t_, t_delta_);
  bool ok = true;
  if (is_float_) {
    ok = float_count_.Read(&in_) && float_zero_count_.Read(&in_) && sum_.Read(&in_);
    if (ok && !is_stale()) {
      for (XorField& bucket : float_positive_) ok = ok && bucket.Read(&in_);
      for (XorField& bucket : float_negative_) ok = ok && bucket.Read(&in_);
    }
  } else {
    const auto read = [this](Number* number) {
      number->delta = WrapAdd(number->delta, ReadVarbitInt(&in_));
      number->value = WrapAdd(number->value, number->delta);
    };
    read(&count_);
    read(&zero_count_);
    ok = sum_.Read(&in_);
    if (ok && !is_stale()) {
      for (Number& bucket : positive_) read(&bucket);
      for (Number& bucket : negative_) read(&bucket);
    }
  }
  if (ok) return true;
  return Fail(Corruption("histogram chunk: bad value in sample " + std::to_string(num_read_)));
}

// Called when the current sample is read, num_read_ counting it.
void HistogramReader::ReadStartTime(model::Timestamp previous_t) {
  if (num_read_ == 1) {
    if (first_start_known_) start_time_ = WrapSub(t_, ReadUnalignedVarint(&in_));
    return;
  }
  const size_t index = num_read_ - 1;
  if (first_start_change_ == 0 || index < first_start_change_) return;
  const int64_t change = ReadVarbitInt(&in_);
  start_diff_ = index == first_start_change_ ? change : WrapAdd(start_diff_, change);
  start_time_ = WrapSub(previous_t, start_diff_);
}

// Only within a chunk it is known that no reset happened: the chunk before it may be gone.
model::CounterResetHint HistogramReader::Hint() const {
  if (header_ == CounterResetHeader::kGauge) return model::CounterResetHint::kGauge;
  return num_read_ > 1 ? model::CounterResetHint::kNotReset : model::CounterResetHint::kUnknown;
}

template <class AnyHistogram>
void HistogramReader::FillCommon(AnyHistogram* out) const {
  out->reset_hint = Hint();
  out->schema = layout_.schema;
  out->zero_threshold = layout_.zero_threshold;
  out->sum = sum_.value();
  out->positive_spans = layout_.positive_spans;
  out->negative_spans = layout_.negative_spans;
  out->custom_values = layout_.custom_values;
}

void HistogramReader::Get(model::FloatHistogram* out) const {
  if (is_stale()) {
    *out = model::FloatHistogram{};
    out->sum = sum_.value();
    return;
  }
  FillCommon(out);
  if (is_float_) {
    out->count = float_count_.value();
    out->zero_count = float_zero_count_.value();
    const auto fill = [](const std::vector<XorField>& from, std::vector<double>* to) {
      to->resize(from.size());
      for (size_t i = 0; i < from.size(); ++i) (*to)[i] = from[i].value();
    };
    fill(float_positive_, &out->positive_buckets);
    fill(float_negative_, &out->negative_buckets);
  } else {
    out->count = static_cast<double>(static_cast<uint64_t>(count_.value));
    out->zero_count = static_cast<double>(static_cast<uint64_t>(zero_count_.value));
    const auto fill = [](const std::vector<Number>& from, std::vector<double>* to) {
      to->resize(from.size());
      int64_t absolute = 0;
      for (size_t i = 0; i < from.size(); ++i) {
        absolute = WrapAdd(absolute, from[i].value);
        (*to)[i] = static_cast<double>(absolute);
      }
    };
    fill(positive_, &out->positive_buckets);
    fill(negative_, &out->negative_buckets);
  }
  if (out->schema > model::kMaxExponentialSchema) {
    // Cannot fail: the layout's spans were checked.
    (void)model::ReduceResolution(out, model::kMaxExponentialSchema);
  }
}

void HistogramReader::Get(model::Histogram* out) const {
  if (is_stale()) {
    *out = model::Histogram{};
    out->sum = sum_.value();
    return;
  }
  FillCommon(out);
  out->count = static_cast<uint64_t>(count_.value);
  out->zero_count = static_cast<uint64_t>(zero_count_.value);
  const auto fill = [](const std::vector<Number>& from, std::vector<int64_t>* to) {
    to->resize(from.size());
    for (size_t i = 0; i < from.size(); ++i) (*to)[i] = from[i].value;
  };
  fill(positive_, &out->positive_buckets);
  fill(negative_, &out->negative_buckets);
  if (out->schema > model::kMaxExponentialSchema) {
    (void)model::ReduceResolution(out, model::kMaxExponentialSchema);
  }
}

}  // namespace tributary::chunk

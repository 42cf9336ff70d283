#include "wire/protobuf_metric.h"

#include "base/strings.h"
#include "wire/histogram_fields.h"
#include "wire/protobuf.h"

namespace tributary::wire {
namespace {

constexpr uint32_t Varint(uint32_t field) { return ProtoTag(field, WireType::kVarint); }
constexpr uint32_t Fixed(uint32_t field) { return ProtoTag(field, WireType::kFixed64); }
constexpr uint32_t Bytes(uint32_t field) { return ProtoTag(field, WireType::kBytes); }

// Calls field(reader) for each field of the message that the current field of `outer` holds.
template <class F>
void ForEachField(ProtoReader& outer, const char* what, F&& field) {
  ProtoReader r(outer.Bytes());
  while (r.Next()) field(r);
  if (!r.ok()) outer.Fail(what);
}

// google.protobuf.Timestamp in milliseconds; wraps around for times nobody means.
model::Timestamp ReadTime(ProtoReader& outer) {
  uint64_t seconds = 0;
  int32_t nanos = 0;
  ForEachField(outer, "a timestamp", [&](ProtoReader& r) {
    switch (r.tag()) {
      case Varint(1):
        seconds = r.Varint();
        break;
      case Varint(2):
        nanos = static_cast<int32_t>(r.Varint());
        break;
      default:
        r.Skip(ProtoFields(1, 2));
    }
  });
  return static_cast<model::Timestamp>(seconds * 1000 + static_cast<uint64_t>(nanos / 1'000'000));
}

void ReadLabel(ProtoReader& outer,
               std::vector<std::pair<std::string_view, std::string_view>>* labels) {
  auto& label = labels->emplace_back();
  ForEachField(outer, "a label pair", [&label](ProtoReader& r) {
    switch (r.tag()) {
      case Bytes(1):
        label.first = r.Bytes();
        break;
      case Bytes(2):
        label.second = r.Bytes();
        break;
      default:
        r.Skip(ProtoFields(1, 2));
    }
  });
}

void ReadValue(ProtoReader& outer, double* value) {
  ForEachField(outer, "a value", [&](ProtoReader& r) {
    if (r.tag() == Fixed(1)) {
      *value = r.Double();
    } else {
      r.Skip(ProtoFields(1));
    }
  });
}

void ReadCounter(ProtoReader& outer, ProtoMetric* m) {
  ForEachField(outer, "a counter", [&](ProtoReader& r) {
    switch (r.tag()) {
      case Fixed(1):
        m->value = r.Double();
        break;
      case Bytes(2):
        m->exemplar = r.Bytes();
        break;
      case Bytes(3):
        m->start = ReadTime(r);
        break;
      default:
        r.Skip(ProtoFields(1, 2, 3));
    }
  });
}

void ReadQuantile(ProtoReader& outer, ProtoMetric* m) {
  auto& quantile = m->quantiles.emplace_back();
  ForEachField(outer, "a quantile", [&quantile](ProtoReader& r) {
    switch (r.tag()) {
      case Fixed(1):
        quantile.first = r.Double();
        break;
      case Fixed(2):
        quantile.second = r.Double();
        break;
      default:
        r.Skip(ProtoFields(1, 2));
    }
  });
}

void ReadSummary(ProtoReader& outer, ProtoMetric* m) {
  ForEachField(outer, "a summary", [&](ProtoReader& r) {
    switch (r.tag()) {
      case Varint(1):
        m->count = static_cast<double>(r.Varint());
        break;
      case Fixed(2):
        m->sum = r.Double();
        break;
      case Bytes(3):
        ReadQuantile(r, m);
        break;
      case Bytes(4):
        m->start = ReadTime(r);
        break;
      default:
        r.Skip(ProtoFields(1, 2, 3, 4));
    }
  });
}

void ReadBucket(ProtoReader& outer, ProtoMetric* m) {
  ProtoBucket& bucket = m->buckets.emplace_back();
  double float_count = 0;
  ForEachField(outer, "a bucket", [&](ProtoReader& r) {
    switch (r.tag()) {
      case Varint(1):
        bucket.count = static_cast<double>(r.Varint());
        break;
      case Fixed(2):
        bucket.bound = r.Double();
        break;
      case Bytes(3):
        bucket.exemplar = r.Bytes();
        break;
      case Fixed(4):
        float_count = r.Double();
        break;
      default:
        r.Skip(ProtoFields(1, 2, 3, 4));
    }
  });
  if (float_count != 0) bucket.count = float_count;
}

void ReadHistogram(ProtoReader& outer, ProtoMetric* m) {
  model::Histogram& h = m->histogram;
  model::FloatHistogram& fh = m->float_histogram;
  ForEachField(outer, "a histogram", [&](ProtoReader& r) {
    switch (r.tag()) {
      case Varint(1):
        h.count = r.Varint();
        break;
      case Fixed(2):
        h.sum = r.Double();
        break;
      case Bytes(3):
        ReadBucket(r, m);
        break;
      case Fixed(4):
        fh.count = r.Double();
        break;
      case Varint(5):
        h.schema = static_cast<int32_t>(r.ZigZag());
        break;
      case Fixed(6):
        h.zero_threshold = r.Double();
        break;
      case Varint(7):
        h.zero_count = r.Varint();
        break;
      case Fixed(8):
        fh.zero_count = r.Double();
        break;
      case Bytes(9):
        ReadSpan(r, &h.negative_spans);
        break;
      case Bytes(10):
        ReadPackedDeltas(r, &h.negative_buckets);
        break;
      case Varint(10):
        h.negative_buckets.push_back(r.ZigZag());
        break;
      case Bytes(11):
        ReadPackedDoubles(r, &fh.negative_buckets);
        break;
      case Fixed(11):
        fh.negative_buckets.push_back(r.Double());
        break;
      case Bytes(12):
        ReadSpan(r, &h.positive_spans);
        break;
      case Bytes(13):
        ReadPackedDeltas(r, &h.positive_buckets);
        break;
      case Varint(13):
        h.positive_buckets.push_back(r.ZigZag());
        break;
      case Bytes(14):
        ReadPackedDoubles(r, &fh.positive_buckets);
        break;
      case Fixed(14):
        fh.positive_buckets.push_back(r.Double());
        break;
      case Bytes(15):
        m->start = ReadTime(r);
        break;
      case Bytes(16):
        m->exemplars.push_back(r.Bytes());
        break;
      default:
        r.Skip((uint64_t{1} << 17) - 2);
    }
  });
  m->count = fh.count != 0 ? fh.count : static_cast<double>(h.count);
  m->sum = h.sum;
}

template <class H>
void ClearHistogram(H* h) {
  h->schema = 0;
  h->count = h->zero_count = 0;
  h->sum = h->zero_threshold = 0;
  h->positive_spans.clear();
  h->negative_spans.clear();
  h->positive_buckets.clear();
  h->negative_buckets.clear();
}

void Clear(ProtoMetric* m) {
  m->labels.clear();
  m->timestamp = m->start = 0;
  m->value = m->count = m->sum = 0;
  m->exemplar = {};
  m->quantiles.clear();
  m->buckets.clear();
  m->exemplars.clear();
  ClearHistogram(&m->histogram);
  ClearHistogram(&m->float_histogram);
}

}  // namespace

base::Status ProtoMetric::Decode(std::string_view message, ProtoMetricType type) {
  Clear(this);
  const bool is_histogram =
      type == ProtoMetricType::kHistogram || type == ProtoMetricType::kGaugeHistogram;
  ProtoReader r(message);
  while (r.Next()) {
    const uint32_t tag = r.tag();
    if (tag == Bytes(1)) {
      ReadLabel(r, &labels);
    } else if (tag == Bytes(2) && type == ProtoMetricType::kGauge) {
      ReadValue(r, &value);
    } else if (tag == Bytes(3) && type == ProtoMetricType::kCounter) {
      ReadCounter(r, this);
    } else if (tag == Bytes(4) && type == ProtoMetricType::kSummary) {
      ReadSummary(r, this);
    } else if (tag == Bytes(5) && type == ProtoMetricType::kUntyped) {
      ReadValue(r, &value);
    } else if (tag == Bytes(7) && is_histogram) {
      ReadHistogram(r, this);
    } else if (tag == Varint(6)) {
      timestamp = static_cast<model::Timestamp>(r.Varint());
    } else if (tag == Bytes(2) || tag == Bytes(3) || tag == Bytes(4) || tag == Bytes(5) ||
               tag == Bytes(7)) {
      r.Bytes();
    } else {
      r.Skip(ProtoFields(1, 2, 3, 4, 5, 6, 7));
    }
  }
  return r.status();
}

bool DecodeProtoExemplar(std::string_view message, model::Exemplar* out) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  *out = {};
  ProtoReader r(message);
  while (r.Next()) {
    switch (r.tag()) {
      case Bytes(1):
        ReadLabel(r, &pairs);
        break;
      case Fixed(2):
        out->value = r.Double();
        break;
      case Bytes(3):
        out->t = ReadTime(r);
        out->has_timestamp = true;
        break;
      default:
        r.Skip(ProtoFields(1, 2, 3));
    }
  }
  model::LabelsBuilder builder;
  for (const auto& [name, value] : pairs) {
    if (!base::IsValidUtf8(name) || !base::IsValidUtf8(value)) return false;
    builder.Set(name, value);
  }
  out->labels = builder.Build();
  return r.ok();
}

}  // namespace tributary::wire

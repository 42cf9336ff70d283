#include "web/value_json.h"

#include <string>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/bucket_iterator.h"

namespace tributary::web {
namespace {

void WriteFloatText(wire::JsonWriter& json, double value) {
  std::string text;
  base::AppendFloatJson(&text, value);
  json.String(text);
}

// Unix seconds, with milliseconds when there are any.
void WriteTimestamp(wire::JsonWriter& json, model::Timestamp t) {
  const uint64_t magnitude = t < 0 ? 0 - static_cast<uint64_t>(t) : static_cast<uint64_t>(t);
  const char* sign = t < 0 ? "-" : "";
  json.Raw(magnitude % 1000 == 0
               ? fmt::format("{}{}", sign, magnitude / 1000)
               : fmt::format("{}{}.{:03}", sign, magnitude / 1000, magnitude % 1000));
}

void WriteHistogramSample(wire::JsonWriter& json, model::Timestamp t,
                          const model::FloatHistogram& h) {
  json.BeginArray();
  WriteTimestamp(json, t);
  WriteHistogram(json, h);
  json.EndArray();
}

void WriteSeries(wire::JsonWriter& json, const promql::Series& series) {
  json.BeginObject();
  json.Key("metric");
  WriteLabels(json, series.metric);
  if (!series.floats.empty()) {
    json.Key("values");
    json.BeginArray();
    for (const model::Sample& s : series.floats) json.Sample(s.t, s.v);
    json.EndArray();
  }
  if (!series.histograms.empty()) {
    json.Key("histograms");
    json.BeginArray();
    for (const promql::HistogramSample& s : series.histograms) {
      WriteHistogramSample(json, s.t, *s.h);
    }
    json.EndArray();
  }
  json.EndObject();
}

void WriteGridRow(wire::JsonWriter& json, const promql::Grid& grid, const promql::Grid::Row& row) {
  json.BeginObject();
  json.Key("metric");
  WriteLabels(json, row.metric);
  bool any = false;
  for (size_t step = 0; step < row.values.size(); step++) {
    if (model::IsStaleNaN(row.values[step])) continue;
    if (!any) {
      json.Key("values");
      json.BeginArray();
      any = true;
    }
    json.Sample(grid.at(step), row.values[step]);
  }
  if (any) json.EndArray();
  any = false;
  for (size_t step = 0; step < row.histograms.size(); step++) {
    if (!row.histograms[step]) continue;
    if (!any) {
      json.Key("histograms");
      json.BeginArray();
      any = true;
    }
    WriteHistogramSample(json, grid.at(step), *row.histograms[step]);
  }
  if (any) json.EndArray();
  json.EndObject();
}

void WriteVectorSample(wire::JsonWriter& json, const promql::VectorSample& s) {
  json.BeginObject();
  json.Key("metric");
  WriteLabels(json, s.metric);
  if (s.h) {
    json.Key("histogram");
    WriteHistogramSample(json, s.t, *s.h);
  } else {
    json.Key("value");
    json.Sample(s.t, s.v);
  }
  json.EndObject();
}

struct ResultWriter {
  wire::JsonWriter& json;
  void operator()(const promql::Scalar& s) const { json.Sample(s.t, s.v); }
  void operator()(const promql::String& s) const {
    json.BeginArray();
    WriteTimestamp(json, s.t);
    json.String(s.v);
    json.EndArray();
  }
  void operator()(const promql::Vector& v) const {
    json.BeginArray();
    for (const promql::VectorSample& s : v) WriteVectorSample(json, s);
    json.EndArray();
  }
  void operator()(const promql::Matrix& m) const {
    json.BeginArray();
    for (const promql::Series& series : m) WriteSeries(json, series);
    json.EndArray();
  }
  void operator()(const promql::Grid& grid) const {
    json.BeginArray();
    for (const promql::Grid::Row& row : grid.rows) WriteGridRow(json, grid, row);
    json.EndArray();
  }
};

}  // namespace

void WriteLabels(wire::JsonWriter& json, const model::Labels& labels) {
  json.BeginObject();
  for (const model::Label& label : labels) {
    json.Key(label.name);
    json.String(label.value);
  }
  json.EndObject();
}

void WriteHistogram(wire::JsonWriter& json, const model::FloatHistogram& h) {
  json.BeginObject();
  json.Key("count");
  WriteFloatText(json, h.count);
  json.Key("sum");
  WriteFloatText(json, h.sum);
  bool any = false;
  for (model::AllBucketIterator it(h); it.Next();) {
    const model::Bucket& bucket = it.At();
    if (bucket.count == 0) continue;
    if (!any) {
      json.Key("buckets");
      json.BeginArray();
      any = true;
    }
    json.BeginArray();
    // 0: (a,b]  1: [a,b)  2: (a,b)  3: [a,b]
    json.Int(bucket.lower_inclusive ? (bucket.upper_inclusive ? 3 : 1)
                                    : (bucket.upper_inclusive ? 0 : 2));
    WriteFloatText(json, bucket.lower);
    WriteFloatText(json, bucket.upper);
    WriteFloatText(json, bucket.count);
    json.EndArray();
  }
  if (any) json.EndArray();
  json.EndObject();
}

const char* ResultTypeName(const promql::Value& value) {
  static constexpr const char* kNames[] = {"scalar", "string", "vector", "matrix", "matrix"};
  return kNames[value.index()];
}

void WriteResult(wire::JsonWriter& json, const promql::Value& value) {
  std::visit(ResultWriter{json}, value);
}

}  // namespace tributary::web

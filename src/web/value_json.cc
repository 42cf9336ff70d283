#include "web/value_json.h"

#include <algorithm>
#include <string>
#include <vector>

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

void WriteGridRow(wire::JsonWriter& json, const promql::Grid& grid, const wire::SampleHeads& heads,
                  const promql::Grid::Row& row) {
  json.BeginObject();
  json.Key("metric");
  WriteLabels(json, row.metric);
  if (!std::ranges::all_of(row.values, model::IsStaleNaN)) {
    json.Key("values");
    json.Samples(heads, row.values);
  }
  bool any = false;
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

// Points in one piece of an answer: some 70 KB of text.
constexpr size_t kPiecePoints = 2048;
constexpr size_t kPiecesPerThread = 2;

// An array whose items write_row(json, i) writes, for i < rows. Memory is bounded by a few pieces a
// thread, whatever the size of the answer.
template <class WriteRow>
void WriteRows(wire::JsonWriter& json, base::ThreadPool* pool, size_t rows, size_t points_in_row,
               const WriteRow& write_row) {
  json.BeginArray();
  const size_t piece_rows = std::max<size_t>(1, kPiecePoints / std::max<size_t>(1, points_in_row));
  const size_t pieces = (rows + piece_rows - 1) / piece_rows;
  if (pool == nullptr || pieces < 2) {
    for (size_t i = 0; i < rows; ++i) write_row(json, i);
    json.EndArray();
    return;
  }
  std::vector<std::string> texts(std::min(pieces, kPiecesPerThread * (pool->size() + 1)));
  for (size_t first = 0; first < pieces && json.ok(); first += texts.size()) {
    const size_t count = std::min(texts.size(), pieces - first);
    pool->ParallelFor(count, [&](size_t i) {
      texts[i].clear();
      wire::JsonWriter piece(&texts[i]);
      piece.BeginArray();
      const size_t begin = (first + i) * piece_rows;
      for (size_t row = begin; row < std::min(rows, begin + piece_rows); ++row) {
        write_row(piece, row);
      }
    });
    // Without the bracket that the piece began with: items, commas between them.
    for (size_t i = 0; i < count; ++i) json.Raw(std::string_view(texts[i]).substr(1));
  }
  json.EndArray();
}

size_t PointsOf(const promql::Grid::Row& row) { return row.values.size() + row.histograms.size(); }

struct ResultWriter {
  wire::JsonWriter& json;
  base::ThreadPool* pool;
  void operator()(const promql::Scalar& s) const { json.Sample(s.t, s.v); }
  void operator()(const promql::String& s) const {
    json.BeginArray();
    WriteTimestamp(json, s.t);
    json.String(s.v);
    json.EndArray();
  }
  void operator()(const promql::Vector& v) const {
    WriteRows(json, pool, v.size(), 1,
              [&v](wire::JsonWriter& out, size_t i) { WriteVectorSample(out, v[i]); });
  }
  void operator()(const promql::Matrix& m) const {
    WriteRows(json, pool, m.size(), m.empty() ? 0 : m[0].floats.size(),
              [&m](wire::JsonWriter& out, size_t i) { WriteSeries(out, m[i]); });
  }
  void operator()(const promql::Grid& grid) const {
    const size_t steps = grid.rows.empty() ? 0 : grid.rows[0].values.size();
    const wire::SampleHeads heads(grid.start, grid.step_ms, steps);
    WriteRows(
        json, pool, grid.rows.size(), grid.rows.empty() ? 0 : PointsOf(grid.rows[0]),
        [&](wire::JsonWriter& out, size_t i) { WriteGridRow(out, grid, heads, grid.rows[i]); });
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

void WriteResult(wire::JsonWriter& json, const promql::Value& value, base::ThreadPool* pool) {
  std::visit(ResultWriter{json, pool}, value);
}

}  // namespace tributary::web

#include "promql/observe/query_profile_json.h"

#include <string_view>

#include <fmt/format.h>

namespace tributary::promql {
namespace {

double TotalSeconds(const QueryStats& stats) {
  return stats.queue_seconds + stats.prepare_seconds + stats.eval_seconds;
}

void WriteOperator(wire::JsonWriter& json, const OperatorProfile& op) {
  const auto number = [&](std::string_view key, uint64_t value) {
    json.Key(key);
    json.Uint(value);
  };
  json.BeginObject();
  json.Key("name");
  json.String(op.name);
  json.Key("query");
  json.String(op.text);
  json.Key("fused");
  json.Bool(op.fused);
  if (op.selection) number("selection", *op.selection);
  number("rows", op.rows);
  number("samples", op.samples);
  number("bytes", op.bytes);
  number("tasks", op.tasks);
  json.Key("seconds");
  json.Double(op.seconds);
  json.Key("inputs");
  json.BeginArray();
  for (const OperatorProfile& input : op.inputs) WriteOperator(json, input);
  json.EndArray();
  json.EndObject();
}

void WriteSelection(wire::JsonWriter& json, const SelectionProfile& selection) {
  json.BeginObject();
  json.Key("matchers");
  json.String(selection.matchers);
  json.Key("start");
  json.Double(static_cast<double>(selection.start) / 1000);
  json.Key("end");
  json.Double(static_cast<double>(selection.end) / 1000);
  json.Key("readers");
  json.Uint(selection.readers);
  json.Key("series");
  json.Uint(selection.series);
  json.Key("seconds");
  json.Double(selection.seconds);
  json.EndObject();
}

void RenderOperator(const OperatorProfile& op, size_t depth, std::string* out) {
  constexpr size_t kLongestText = 100;
  out->append(2 * depth, ' ');
  *out += op.name;
  if (op.fused) *out += " (fused)";
  *out += fmt::format(": {} rows, {} samples, ", op.rows, op.samples);
  // Time and memory of a fused operator are those of the one above it.
  if (!op.fused) *out += fmt::format("{} B, {:.3f} ms, ", op.bytes, op.seconds * 1e3);
  if (op.tasks > 0) *out += fmt::format("{} tasks, ", op.tasks);
  if (op.selection) *out += fmt::format("selection {}, ", *op.selection);
  if (op.text.size() <= kLongestText) {
    *out += op.text;
  } else {
    *out += fmt::format("{} bytes of text", op.text.size());
  }
  *out += '\n';
  for (const OperatorProfile& input : op.inputs) RenderOperator(input, depth + 1, out);
}

}  // namespace

void WriteQueryProfile(wire::JsonWriter& json, const QueryProfile& profile,
                       const QueryStats& stats) {
  json.BeginObject();
  json.Key("operators");
  WriteOperator(json, profile.root);
  json.Key("selections");
  json.BeginArray();
  for (const SelectionProfile& selection : profile.selections) WriteSelection(json, selection);
  json.EndArray();
  json.Key("totals");
  json.BeginObject();
  json.Key("samples");
  json.Uint(stats.total_samples);
  json.Key("peakSamples");
  json.Uint(stats.peak_samples);
  json.Key("peakBytes");
  json.Uint(stats.peak_bytes);
  json.Key("seconds");
  json.Double(TotalSeconds(stats));
  json.EndObject();
  json.EndObject();
}

std::string RenderQueryProfile(const QueryProfile& profile, const QueryStats& stats) {
  std::string out;
  RenderOperator(profile.root, 0, &out);
  out += '\n';
  for (size_t i = 0; i < profile.selections.size(); i++) {
    const SelectionProfile& selection = profile.selections[i];
    out += fmt::format("selection {}: {} series in {:.3f} ms for {} operators, {}\n", i,
                       selection.series, selection.seconds * 1e3, selection.readers,
                       selection.matchers);
  }
  out += fmt::format("total: {} samples, at most {} samples and {} B held, {:.3f} ms\n",
                     stats.total_samples, stats.peak_samples, stats.peak_bytes,
                     TotalSeconds(stats) * 1e3);
  return out;
}

}  // namespace tributary::promql

// Writes random data and questions for programs that ask real servers:
//
//   random_queries FOLDER SEED COUNT full|version2
//
// FOLDER/write-<n>.bin are bodies of remote write 1.0 to be posted in order, FOLDER/queries.jsonl
// has a question a line: {"query":…,"time":…,"start":…,"end":…,"step":…}, times in milliseconds.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "random_data.h"
#include "random_query.h"
#include "wire/compression.h"
#include "wire/json_writer.h"
#include "wire/remote_write_v1.h"

namespace tributary::reference {
namespace {

// A body takes the n-th run of samples of one kind from every series.
std::vector<std::string> WriteRequests(const std::vector<DataSeries>& data) {
  std::vector<std::string> bodies;
  for (const DataSeries& series : data) {
    std::vector<model::Label> labels;
    series.labels.ToSpan(&labels);
    size_t run = 0;
    for (size_t i = 0; i < series.samples.size(); i++) {
      const DataSample& s = series.samples[i];
      if (i > 0 && s.h.has_value() != series.samples[i - 1].h.has_value()) run++;
      if (bodies.size() <= run) bodies.resize(run + 1);
      wire::WriteEncoderV1 encoder(&bodies[run]);
      if (s.h) {
        encoder.AddHistogram(labels, s.t, *s.h);
      } else {
        encoder.AddSample(labels, {s.t, s.v});
      }
    }
  }
  return bodies;
}

void WriteFile(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

int Main(const std::string& folder, uint64_t seed, size_t count, std::string_view name) {
  const Dialect dialect = name == "full" ? Dialect::kFull : Dialect::kVersion2;
  const auto bodies = WriteRequests(RandomData(seed, dialect == Dialect::kFull));
  for (size_t i = 0; i < bodies.size(); i++) {
    std::string packed;
    wire::SnappyEncode(base::AsBytes(bodies[i]), &packed);
    WriteFile(fmt::format("{}/write-{}.bin", folder, i), packed);
  }
  QueryGenerator generator(seed, dialect);
  std::string lines;
  for (size_t i = 0; i < count; i++) {
    const RandomQuery query = generator.Next();
    wire::JsonWriter json(&lines);
    json.BeginObject();
    json.Key("query");
    json.String(query.text);
    for (const auto& [key, value] : {std::pair{"time", query.time},
                                     {"start", query.start},
                                     {"end", query.end},
                                     {"step", query.step}}) {
      json.Key(key);
      json.Int(value);
    }
    json.EndObject();
    lines += "\n";
  }
  WriteFile(folder + "/queries.jsonl", lines);
  return 0;
}

}  // namespace
}  // namespace tributary::reference

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: random_queries FOLDER SEED COUNT full|version2\n");
    return 2;
  }
  return tributary::reference::Main(argv[1], std::strtoull(argv[2], nullptr, 10),
                                    std::strtoull(argv[3], nullptr, 10), argv[4]);
}

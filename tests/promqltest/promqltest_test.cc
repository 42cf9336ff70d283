// Prometheus's own scripts and ours (cases/), one test case a file and way. All must pass, but for
// the few answers that depend on where chunks begin: chunk_borders.txt tells what they are then,
// and that Prometheus gives the same.
//
// The scripts are found by the environment variable TRIBUTARY_SHARED_DATA or beside the source
// tree.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "base/metrics.h"
#include "base/threads.h"
#include "promql/engine.h"
#include "runner.h"

namespace tributary::promqltest {
namespace {

namespace fs = std::filesystem;

// This file is <root>/tests/promqltest/promqltest_test.cc.
fs::path Here() { return fs::path(__FILE__).parent_path(); }

fs::path ScriptFolder() {
  if (const char* dir = std::getenv("TRIBUTARY_SHARED_DATA")) return fs::path(dir) / "promqltest";
  return Here() / ".." / ".." / ".." / "shared" / "data" / "promqltest";
}

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What differs from the script in this case, by line.
std::map<int, std::string> AtChunkBorders(const std::string& name) {
  std::map<int, std::string> differences;
  std::ifstream in(Here() / "chunk_borders.txt");
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (line.substr(0, colon) != name) continue;
    const size_t text = line.find(": ", colon) + 2;
    differences[std::stoi(line.substr(colon + 1))] = line.substr(text);
  }
  return differences;
}

fs::path PathOf(const std::string& script) {
  const fs::path ours = Here() / "cases" / (script + ".test");
  return fs::exists(ours) ? ours : ScriptFolder() / (script + ".test");
}

std::vector<std::string> ScriptNames() {
  std::vector<std::string> names;
  for (const fs::path& folder : {ScriptFolder(), Here() / "cases"}) {
    if (!fs::is_directory(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".test") names.push_back(entry.path().stem().string());
    }
  }
  if (!fs::is_directory(ScriptFolder())) names.emplace_back("prometheus");
  std::ranges::sort(names);
  return names;
}

// A way to keep the samples and to run the queries. The answers must not depend on it.
struct Way {
  const char* name;
  RunOptions options;
  size_t threads = 2;
};

const std::vector<Way>& Ways() {
  static const std::vector<Way> kWays = {
      {"by_120", {}},
      {"by_2", {.samples_per_chunk = 2}},
      {"step_by_step", {.step_by_step = true}},
      {"one_thread", {}, 1},
      {"eight_threads", {}, 8},
      {"head", {.store = StoreKind::kHead}},
      {"blocks", {.store = StoreKind::kBlocks}},
      {"blocks_and_head", {.store = StoreKind::kBlocksAndHead}},
  };
  return kWays;
}

std::string CaseName(const std::string& script, const Way& way) {
  std::string name = script + "_" + way.name;
  std::ranges::replace(name, '-', '_');
  return name;
}

class PromqlTest : public testing::TestWithParam<std::tuple<std::string, size_t>> {};

TEST_P(PromqlTest, AnswersAsPrometheus) {
  const auto& [name, way_index] = GetParam();
  const Way& way = Ways()[way_index];
  const std::string file = name + ".test";
  if (!fs::exists(PathOf(name))) {
    GTEST_SKIP() << "no scripts: set TRIBUTARY_SHARED_DATA";
  }
  base::ThreadPool pool("promqltest", way.threads);
  base::MetricsRegistry metrics;
  const auto engine = promql::Engine::Create(ScriptEngineOptions(), pool, metrics);
  const auto outcomes = RunScript(ReadAll(PathOf(name)), *engine, way.options);
  ASSERT_TRUE(outcomes) << file << ": " << outcomes.error().message();

  const auto at_borders = AtChunkBorders(CaseName(name, way));
  for (const EvalOutcome& outcome : *outcomes) {
    const auto expected = at_borders.find(outcome.line);
    EXPECT_EQ(outcome.failure, expected == at_borders.end() ? "" : expected->second)
        << file << ":" << outcome.line << ": " << outcome.expr;
  }
  std::cout << file << ": " << outcomes->size() - at_borders.size() << " answers as written, "
            << at_borders.size() << " as at chunk borders\n";
}

INSTANTIATE_TEST_SUITE_P(Scripts, PromqlTest,
                         testing::Combine(testing::ValuesIn(ScriptNames()),
                                          testing::Range(size_t{0}, Ways().size())),
                         [](const auto& param_info) {
                           return CaseName(std::get<0>(param_info.param),
                                           Ways()[std::get<1>(param_info.param)]);
                         });

}  // namespace
}  // namespace tributary::promqltest

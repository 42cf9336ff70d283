// Debian's promtool as a witness: our blocks, read by it, and its blocks, read by us. Skipped where
// it is not installed.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <unistd.h>

#include "base/strings.h"
#include "base/temp_dir_test_support.h"
#include "storage/merge_selection.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_test_support.h"
#include "tsdb/block/ulid.h"
#include "tsdb/compact/write_block.h"

namespace tributary::tsdb {
namespace {

constexpr const char* kPromtool = "/usr/bin/promtool";

class PromtoolBlocksTest : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kPromtool, X_OK) != 0) GTEST_SKIP() << "promtool is not installed";
  }
  // What `promtool tsdb <arguments>` prints; it must succeed.
  static std::set<std::string> Lines(const std::string& arguments) {
    std::set<std::string> lines;
    const std::string command = std::string(kPromtool) + " tsdb " + arguments;
    std::FILE* pipe = popen(command.c_str(), "r");
    char* line = nullptr;
    size_t capacity = 0;
    while (getline(&line, &capacity, pipe) > 0) {
      lines.insert(std::string(base::TrimSpace(line)));
    }
    free(line);
    EXPECT_EQ(pclose(pipe), 0) << command;
    return lines;
  }

  const base::TempDir temp_;
  const std::string dir_ = temp_.path();
};

TEST_F(PromtoolBlocksTest, PromtoolReadsOurBlocks) {
  const PlainData data = MakePlain(30, 1'700'000'000'000, 1'700'003'000'000, 15'000);
  storage::MemoryStore store;
  Store(&store, data);
  const auto querier = store.NewQuerier(model::kMinTime, model::kMaxTime);
  std::vector<std::unique_ptr<storage::SeriesSelection>> one;
  one.push_back(std::move(*(*querier)->Select({}, {})));
  const auto selection = storage::MergeSelections(std::move(one));
  WriteBlockOptions options{.parent = dir_,
                            .meta = {.ulid = MakeUlid(1'700'003'000'000),
                                     .min_time = 1'700'000'000'000,
                                     .max_time = 1'700'003'000'000},
                            .on_chunk = {}};
  options.meta.sources = {options.meta.ulid};
  const auto written = WriteBlock(base::PosixFileSystem(), options, {selection.get()});
  ASSERT_TRUE(written) << written.error().message();
  // It opens a store, which wants a log.
  std::filesystem::create_directory(dir_ + "/wal");

  std::set<std::string> want;
  for (const auto& [labels, samples] : data) {
    for (const auto& [t, v] : samples) {
      want.insert(labels.ToString() + " " + base::FormatFloatG(v) + " " + std::to_string(t));
    }
  }
  EXPECT_EQ(Lines("dump " + dir_), want);

  bool listed = false;
  for (const std::string& line : Lines("list " + dir_)) {
    if (!line.starts_with(options.meta.ulid)) continue;
    listed = true;
    EXPECT_NE(line.find(" 6000 "), std::string::npos) << line;  // samples
    EXPECT_NE(line.find(" 30 "), std::string::npos) << line;    // series
  }
  EXPECT_TRUE(listed);
  const auto analysis = Lines("analyze " + dir_ + " " + options.meta.ulid);
  EXPECT_TRUE(analysis.contains("Series: 30"));
  EXPECT_TRUE(analysis.contains("Label names: 3"));
}

TEST_F(PromtoolBlocksTest, WeReadPromtoolsBlocks) {
  const PlainData data = MakePlain(12, 1'700'000'000'000, 1'700'020'000'000, 30'000);
  std::ofstream text(dir_ + "/metrics.txt");
  for (const std::string name : {"up", "requests"}) {
    text << "# TYPE " << name << " gauge\n";
    for (const auto& [labels, samples] : data) {
      if (labels.Get("__name__") != name) continue;
      std::string metric = labels.ToMetricString();
      std::erase(metric, ' ');  // OpenMetrics has no space between labels
      for (const auto& [t, v] : samples) {
        text << metric << " " << base::FormatFloat(v) << " " << t / 1000 << "\n";
      }
    }
  }
  text << "# EOF\n";
  text.close();
  Lines("create-blocks-from openmetrics " + dir_ + "/metrics.txt " + dir_ + "/data");
  PlainData got;
  size_t blocks = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/data")) {
    if (!IsUlid(entry.path().filename().string())) continue;
    ++blocks;
    const auto block = Block::Open(base::PosixFileSystem(), entry.path().string());
    ASSERT_TRUE(block) << block.error().message();
    for (const auto& [labels, samples] : ReadPlain(**block)) {
      got[labels].insert(samples.begin(), samples.end());
    }
    EXPECT_EQ(FormatBlockMeta(*ParseBlockMeta(FormatBlockMeta((*block)->meta()))),
              FormatBlockMeta((*block)->meta()));
  }
  EXPECT_GT(blocks, 2u);
  EXPECT_EQ(got, data);
}

}  // namespace
}  // namespace tributary::tsdb

// Blocks written and read back, whole and damaged.
#include "tsdb/block/block.h"

#include <filesystem>
#include <fstream>

#include "base/fs_test_support.h"
#include "base/temp_dir_test_support.h"
#include "storage/merge_selection.h"
#include "tsdb/block/block_test_support.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/block/ulid.h"
#include "tsdb/compact/write_block.h"

namespace tributary::tsdb {
namespace {

using model::Matcher;
using model::MatchType;

class BlockTest : public testing::Test {
 protected:
  // Writes `data` into a block and opens it. Null when nothing was to be written.
  std::shared_ptr<Block> MakeBlock(const PlainData& data, int64_t begin, int64_t end,
                                   uint64_t max_chunk_file_bytes = kMaxChunkFileBytes) {
    storage::MemoryStore store;
    Store(&store, data);
    const auto querier = store.NewQuerier(model::kMinTime, model::kMaxTime);
    auto selection = (*querier)->Select({}, {});
    if (!(*selection)->sorted()) {
      std::vector<std::unique_ptr<storage::SeriesSelection>> one;
      one.push_back(std::move(*selection));
      selection = storage::MergeSelections(std::move(one));
    }
    WriteBlockOptions options{.parent = "data",
                              .meta = {.ulid = MakeUlid(1), .min_time = begin, .max_time = end},
                              .max_chunk_file_bytes = max_chunk_file_bytes,
                              .on_chunk = {}};
    options.meta.sources = {options.meta.ulid};
    const auto written = WriteBlock(*fs_, options, {selection->get()});
    EXPECT_TRUE(written) << written.error().message();
    if (!written->has_value()) return nullptr;
    return Open((*written)->ulid);
  }
  std::shared_ptr<Block> Open(const std::string& ulid) {
    auto block = Block::Open(*fs_, "data/" + ulid);
    EXPECT_TRUE(block) << block.error().message();
    return block ? *block : nullptr;
  }
  void Overwrite(const std::string& path, std::string_view bytes) {
    const auto file = fs_->Create(path);
    ASSERT_TRUE((*file)->Append(base::AsBytes(bytes)));
    ASSERT_TRUE((*file)->Close());
  }

  const std::unique_ptr<base::FileSystem> fs_ = [] {
    auto fs = base::MakeMemoryFileSystem();
    EXPECT_TRUE(fs->CreateDirs("data"));
    return fs;
  }();
};

TEST_F(BlockTest, GivesBackWhatWasWritten) {
  const PlainData data = MakePlain(50, 1000, 2'000'000, 7000);
  for (const uint64_t file_bytes : {kMaxChunkFileBytes, uint64_t{2000}}) {
    const auto block = MakeBlock(data, 0, 2'000'000, file_bytes);
    EXPECT_EQ(ReadPlain(*block), data);
    EXPECT_EQ(block->meta().stats.num_series, 50u);
    EXPECT_EQ(block->meta().stats.num_samples, 50u * 286);
    EXPECT_EQ(block->meta().stats.num_float_samples, 50u * 286);
  }
}

TEST_F(BlockTest, HoldsOnlyItsTime) {
  const PlainData data = MakePlain(5, -50'000, 50'000, 100);
  const auto block = MakeBlock(data, -10'000, 20'000);
  PlainData want;
  for (const auto& [labels, samples] : data) {
    want[labels] = PlainSeries(samples.lower_bound(-10'000), samples.lower_bound(20'000));
  }
  EXPECT_EQ(ReadPlain(*block), want);
  EXPECT_EQ(MakeBlock(data, 60'000, 70'000), nullptr);
  EXPECT_EQ(fs_->List("data")->size(), 1u);
}

TEST_F(BlockTest, GivesItsMemoryBackWhenNobodyReadsAnyMore) {
  const PlainData data = MakePlain(50, 0, 2'000'000, 7000);
  const std::string ulid = MakeBlock(data, 0, 2'000'000)->meta().ulid;
  const base::TempDir parent;
  const std::string dir = parent.path() + "/" + ulid;
  std::filesystem::create_directories(dir + "/chunks");
  for (const char* file : {"/meta.json", "/index", "/chunks/000001"}) {
    std::ofstream(dir + file) << *fs_->ReadFile("data/" + ulid + file);
  }
  const auto block = Block::Open(base::PosixFileSystem(), dir);
  ASSERT_TRUE(block) << block.error().message();
  const base::Bytes some = base::AsBytes((*block)->index().Symbol(0));
  EXPECT_EQ(ReadPlain(**block), data);
  (*block)->ReleaseIdlePages();
  EXPECT_EQ(base::ResidentPages(some), 1u) << "somebody was reading";
  (*block)->ReleaseIdlePages();
  EXPECT_EQ(base::ResidentPages(some), 0u);
  EXPECT_EQ(ReadPlain(**block), data);
}

TEST_F(BlockTest, QueriesSelectAsMatchersSay) {
  const PlainData data = MakePlain(40, 0, 10'000, 1000);
  const auto block = MakeBlock(data, 0, 10'000);
  const auto f = [&](const std::vector<Matcher>& matchers) {
    PlainData want;
    for (const auto& [labels, samples] : data) {
      const auto matches = [&l = labels](const Matcher& m) { return m.Matches(l.Get(m.name())); };
      if (std::ranges::all_of(matchers, matches)) want[labels] = samples;
    }
    EXPECT_EQ(ReadPlain(*block, model::kMinTime, model::kMaxTime, matchers), want);
    return want.size();
  };
  const auto m = [](MatchType type, const char* name, const char* value) {
    return *Matcher::Create(type, name, value);
  };
  EXPECT_EQ(f({m(MatchType::kEqual, "__name__", "up")}), 14u);
  EXPECT_EQ(f({m(MatchType::kEqual, "__name__", "down")}), 0u);
  EXPECT_EQ(f({m(MatchType::kEqual, "nope", "")}), 40u);
  EXPECT_EQ(f({m(MatchType::kNotEqual, "nope", "")}), 0u);
  EXPECT_EQ(f({m(MatchType::kEqual, "mode", "")}), 20u);
  EXPECT_EQ(f({m(MatchType::kNotEqual, "mode", "idle")}), 20u);
  EXPECT_EQ(f({m(MatchType::kNotEqual, "mode", "")}), 20u);
  EXPECT_EQ(f({m(MatchType::kRegexp, "instance", "host1.*")}), 11u);
  EXPECT_EQ(f({m(MatchType::kRegexp, "instance", "host1|host2|nobody")}), 2u);
  EXPECT_EQ(f({m(MatchType::kNotRegexp, "instance", "host1.*"),
               m(MatchType::kEqual, "__name__", "requests"), m(MatchType::kEqual, "mode", "idle")}),
            10u);
  EXPECT_EQ(f({m(MatchType::kRegexp, "mode", ".*"), m(MatchType::kRegexp, "__name__", "u.+")}),
            14u);
  EXPECT_EQ(f({m(MatchType::kEqual, "", "")}), 40u);
  EXPECT_EQ(f({m(MatchType::kNotEqual, "", "")}), 0u);

  const auto querier = block->NewQuerier(0, 10'000);
  const std::vector<Matcher> up = {m(MatchType::kEqual, "__name__", "up"),
                                   m(MatchType::kNotEqual, "mode", "idle")};
  EXPECT_EQ(*(*querier)->LabelNames({}),
            (std::vector<std::string>{"__name__", "instance", "mode"}));
  EXPECT_EQ(*(*querier)->LabelNames(up), (std::vector<std::string>{"__name__", "instance"}));
  EXPECT_EQ(*(*querier)->LabelValues("__name__", {}), (std::vector<std::string>{"requests", "up"}));
  EXPECT_EQ((*querier)->LabelValues("instance", up)->size(), 7u);
}

TEST_F(BlockTest, ColumnsSayWhatLabelsSay) {
  const auto block = MakeBlock(MakePlain(30, 0, 1000, 100), 0, 1000);
  const auto querier = block->NewQuerier(0, 1000);
  const auto selection = (*querier)->Select({}, {});
  ASSERT_EQ((*selection)->size(), 30u);
  for (const std::string_view name : {"__name__", "instance", "mode", "nope"}) {
    const storage::LabelColumn column = (*selection)->Column(name);
    ASSERT_EQ(column.ids.size(), 30u);
    for (size_t i = 0; i < 30; ++i) {
      EXPECT_EQ(column.values[column.ids[i]], (*selection)->LabelsOf(i).Get(name));
      if (i > 0) {
        EXPECT_LT((*selection)->LabelsOf(i - 1), (*selection)->LabelsOf(i));
      }
    }
  }
}

TEST_F(BlockTest, TombstonesHideSamples) {
  PlainData data = MakePlain(3, 0, 400'000, 1000);
  const auto block = MakeBlock(data, 0, 400'000);
  const auto refs = block->index().AllPostings();
  const Tombstones deleted = {{(*refs)[1], {{50'000, 99'999}, {390'000, 1'000'000}}},
                              {(*refs)[2], {{model::kMinTime, model::kMaxTime}}}};
  Overwrite(block->dir() + "/tombstones", FormatTombstones(deleted));
  auto second = std::next(data.begin());
  std::erase_if(second->second, [](const auto& s) {
    return (s.first >= 50'000 && s.first <= 99'999) || s.first >= 390'000;
  });
  data.erase(std::next(second));
  EXPECT_EQ(ReadPlain(*Open(block->meta().ulid)), data);
}

// Each byte of each file, changed: an error or another answer, but no crash.
TEST_F(BlockTest, DamageIsSeenOrHarmless) {
  const PlainData data = MakePlain(4, 0, 30'000, 1000);
  const auto block = MakeBlock(data, 0, 30'000);
  const std::string dir = block->dir();
  size_t refused = 0;
  size_t tried = 0;
  for (const char* name : {"index", "chunks/000001", "meta.json", "tombstones"}) {
    const std::string path = dir + "/" + name;
    const std::string whole = *fs_->ReadFile(path);
    const auto look = [&](const std::string& bytes) {
      Overwrite(path, bytes);
      ++tried;
      const auto opened = Block::Open(*fs_, dir);
      if (!opened) {
        ++refused;
        return;
      }
      const auto querier = (*opened)->NewQuerier(0, 20'000);
      const auto selection = (*querier)->Select({}, {});
      bool fine = selection.has_value();
      storage::ChunkBuffer buffer;
      std::vector<chunk::ChunkView> chunks;
      for (size_t i = 0; fine && i < (*selection)->size(); ++i) {
        (void)(*selection)->LabelsOf(i);
        fine = (*selection)->Chunks(i, &buffer, &chunks).has_value();
      }
      if (selection) (void)(*selection)->Column("instance");
      if (!fine) ++refused;
    };
    for (size_t i = 0; i < whole.size(); ++i) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ (i % 2 == 0 ? 0x01 : 0xff));
      look(bytes);
    }
    for (size_t size = 0; size < whole.size(); size += 13) look(whole.substr(0, size));
    Overwrite(path, whole);
  }
  // What may pass unseen: padding, white space and numbers that meta.json only reports.
  EXPECT_GT(refused, tried * 7 / 10);
  EXPECT_EQ(ReadPlain(*Open(block->meta().ulid)), data);
}

TEST(BlockMetaTest, ComesBack) {
  BlockMeta meta{.ulid = "01BKGV7JC0RY8A6MACW02A2PJD", .min_time = -5, .max_time = 7'200'000};
  meta.stats = {10, 8, 2, 3, 4, 1};
  meta.level = 3;
  meta.sources = {"01BKGTZQ1SYQJTR4PB43C8PD98", "01BKGV7JBM69T2G1BGBGM6KB12"};
  meta.parents = {{"01BKGTZQ1SYQJTR4PB43C8PD98", -5, 10}, {"01BKGV7JBM69T2G1BGBGM6KB12", 10, 20}};
  meta.hints = {"from-out-of-order"};
  meta.failed = true;
  const auto again = ParseBlockMeta(FormatBlockMeta(meta));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(FormatBlockMeta(*again), FormatBlockMeta(meta));
  EXPECT_EQ(again->parents[1].min_time, 10);
  EXPECT_EQ(again->stats.num_histogram_samples, 2u);
}

TEST(BlockMetaTest, ReadsForeignMembersAndRefusesOthers) {
  const auto f = [](std::string_view json) { return ParseBlockMeta(json).has_value(); };
  EXPECT_TRUE(f(R"({"version":1,"ulid":"01BKGV7JC0RY8A6MACW02A2PJD","minTime":0,"maxTime":1,
      "thanos":{"labels":{"a":"b\u0041"},"downsample":{"resolution":0},"x":[1,-2.5e3,null,true]},
      "compaction":{"level":1,"sources":null}})"));
  EXPECT_FALSE(f(""));
  EXPECT_FALSE(f("{}"));
  EXPECT_FALSE(f(R"({"version":2,"ulid":"01BKGV7JC0RY8A6MACW02A2PJD","minTime":0,"maxTime":1})"));
  EXPECT_FALSE(f(R"({"version":1,"ulid":"../../../../etc/passwd/xyz","minTime":0,"maxTime":1})"));
  EXPECT_FALSE(f(R"({"version":1,"ulid":"01BKGV7JC0RY8A6MACW02A2PJD","minTime":2,"maxTime":1})"));
  EXPECT_FALSE(f(R"({"version":1,"ulid":"01BKGV7JC0RY8A6MACW02A2PJD","minTime":0,"maxTime":1}x)"));
  EXPECT_FALSE(f(R"({"version":1,"x":)" + std::string(100'000, '[')));
}

TEST(UlidTest, NamesSortByTimeAndDiffer) {
  const std::string early = MakeUlid(1'000);
  EXPECT_TRUE(IsUlid(early));
  EXPECT_NE(early, MakeUlid(1'000));
  EXPECT_LT(early, MakeUlid(1'001));
  EXPECT_TRUE(MakeUlid(1'500'000'000'000).starts_with("01BMZFF600"));
  EXPECT_FALSE(IsUlid("01BKGV7JC0RY8A6MACW02A2PJ"));
  EXPECT_FALSE(IsUlid("01BKGV7JC0RY8A6MACW02A2PJU"));
  EXPECT_FALSE(IsUlid("81BKGV7JC0RY8A6MACW02A2PJD"));
}

}  // namespace
}  // namespace tributary::tsdb

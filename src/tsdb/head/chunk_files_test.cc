// Head chunk files: what they hold need not be made again, and what they do not hold is not lost.
#include "tsdb/head/chunk_files.h"

#include <bit>
#include <map>

#include <gtest/gtest.h>

#include "base/fs_faulty.h"
#include "base/metrics.h"
#include "chunk/xor_chunk.h"
#include "tsdb/head/head_test_support.h"
#include "tsdb/wal/segment.h"

namespace tributary::tsdb {
namespace {

constexpr const char* kDir = "chunks_head";

TEST(ChunkFileTest, IsLaidOutAsInPrometheus) {
  const uint8_t data[] = {0, 1, 0x80, 0x01, 0, 0, 0, 0, 0, 0, 0, 0};
  std::string file;
  BeginChunkFile(&file);
  EXPECT_EQ(file, std::string("\x01\x30\xBC\x91\x01\0\0\0", 8));
  const size_t at = AppendFileChunk(
      {.ref = model::SeriesRef(0x0102),
       .out_of_order = true,
       .chunk = {.encoding = chunk::Encoding::kXor, .min_time = 3, .max_time = 4, .data = data}},
      &file);
  EXPECT_EQ(file.substr(8, 26),
            std::string("\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04\x81\x0c", 26));
  EXPECT_EQ(at, 8u + 26u);
  EXPECT_EQ(file.size(), at + sizeof(data) + 4);

  const ParsedChunkFile parsed = ParseChunkFile(base::AsBytes(file));
  EXPECT_FALSE(parsed.damage);
  ASSERT_EQ(parsed.chunks.size(), 1u);
  EXPECT_EQ(parsed.chunks[0].ref.value(), 0x0102u);
  EXPECT_TRUE(parsed.chunks[0].out_of_order);
  EXPECT_EQ(parsed.chunks[0].chunk.encoding, chunk::Encoding::kXor);
  EXPECT_EQ(parsed.chunks[0].chunk.min_time, 3);
  EXPECT_EQ(parsed.chunks[0].chunk.max_time, 4);
  EXPECT_TRUE(std::ranges::equal(parsed.chunks[0].chunk.data, data));
}

TEST(ChunkFileTest, ZerosAtTheEndAreRoomThatWasNotUsed) {
  std::string file;
  BeginChunkFile(&file);
  for (const size_t zeros : {1, 23, 24, 30, 4096}) {
    const ParsedChunkFile parsed = ParseChunkFile(base::AsBytes(file + std::string(zeros, '\0')));
    EXPECT_FALSE(parsed.damage) << zeros;
    EXPECT_TRUE(parsed.chunks.empty());
  }
}

TEST(ChunkFileTest, NoDamageGetsAChunkThrough) {
  const uint8_t data[] = {0, 1, 0x80, 0x01, 1, 2, 3, 4, 5, 6, 7, 8};
  std::string file;
  BeginChunkFile(&file);
  for (int i = 1; i <= 3; ++i) {
    AppendFileChunk(
        {.ref = model::SeriesRef(static_cast<uint64_t>(i) << 56),
         .chunk = {.encoding = chunk::Encoding::kXor, .min_time = i, .max_time = i, .data = data}},
        &file);
  }
  const size_t entry = (file.size() - 8) / 3;
  for (size_t at = 0; at < file.size(); ++at) {
    std::string flipped = file;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    const ParsedChunkFile parsed = ParseChunkFile(base::AsBytes(flipped));
    const bool in_padding = at >= 5 && at < 8;
    EXPECT_EQ(parsed.damage.has_value(), !in_padding) << at;
    if (!in_padding) {
      EXPECT_EQ(parsed.chunks.size(), at < 8 ? 0 : (at - 8) / entry) << at;
    }
    const ParsedChunkFile cut = ParseChunkFile(base::AsBytes(file).first(at));
    EXPECT_EQ(cut.chunks.size(), at < 8 ? 0 : (at - 8) / entry) << at;
    EXPECT_EQ(cut.damage.has_value(), at < 8 || (at - 8) % entry != 0) << at;
  }
}

std::vector<std::string> FilesIn(base::FileSystem& fs) {
  std::vector<std::string> names;
  const auto entries = fs.List(kDir);
  if (entries) {
    for (const base::DirEntry& entry : *entries) names.push_back(entry.name);
  }
  return names;
}

double Metric(StoredHead& store, const std::string& name) {
  return store.registry.GetCounter(name, "").value();
}

class ChunkFilesTest : public ::testing::Test {
 protected:
  // Three files, a chunk of each series in each, and some samples behind them.
  void SetUp() override {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    for (int64_t tick = 0; tick < kTicks; ++tick) {
      ASSERT_TRUE(Tick(*store, tick));
      if (tick % 121 == 120) {
        ASSERT_TRUE(store->head.WriteChunks());
      }
    }
    want_ = All(store->head);
    ASSERT_EQ(want_.size(), kFloatSeries + 1u);
    for (const auto& [series, samples] : want_) ASSERT_EQ(samples.size(), kTicks) << series;
    ASSERT_EQ(FilesIn(*fs_), (std::vector<std::string>{"000001", "000002", "000003"}));
  }

  static constexpr int64_t kTicks = 400;
  std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  Values want_;
};

TEST_F(ChunkFilesTest, ReplayTakesChunksFromFilesAndTheRestFromTheLog) {
  for (int restart = 0; restart < 3; ++restart) {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    EXPECT_EQ(All(store->head), want_);
    EXPECT_EQ(Metric(*store, "prometheus_tsdb_mmap_chunk_corruptions_total"), 0);
    // Goes on as if nothing had been.
    const int64_t tick = kTicks + restart;
    ASSERT_TRUE(Tick(*store, tick));
    want_ = All(store->head);
    for (const auto& [series, samples] : want_) {
      ASSERT_EQ(samples.size(), static_cast<size_t>(tick) + 1) << series;
    }
  }
}

// Two processes have cut a series' chunks otherwise, and the log has no more of them: what only the
// second file has is taken from it.
TEST(ChunkFilesOverlapTest, WhatAChunkHasBehindOthersIsTakenFromIt) {
  const auto fs = base::MakeMemoryFileSystem();
  const auto value = [](int64_t tick) { return static_cast<double>(tick) / 4; };
  model::SeriesRef ref;
  {
    const auto store = Open(*fs);
    const auto appender = store->head.NewAppender();
    ref = Ref(*appender, 0);
    const storage::RefSample sample{ref, kNow, value(0)};
    storage::AppendOutcome outcome;
    appender->Append({&sample, 1}, {&outcome, 1});
    ASSERT_TRUE(appender->Commit());
  }
  const auto write_file = [&](const std::string& name, int64_t first, int64_t last) {
    uint8_t data[1024];
    chunk::XorState state;
    chunk::XorBegin(&state, data);
    for (int64_t tick = first; tick <= last; ++tick) {
      ASSERT_TRUE(chunk::XorAppend(&state, data, kNow + tick * kInterval, value(tick)));
    }
    std::string file;
    BeginChunkFile(&file);
    AppendFileChunk({.ref = ref,
                     .chunk = {.encoding = chunk::Encoding::kXor,
                               .min_time = kNow + first * kInterval,
                               .max_time = kNow + last * kInterval,
                               .data = std::span(data).first(chunk::XorBytes(state))}},
                    &file);
    ASSERT_TRUE(base::WriteFileAtomically(*fs, base::JoinPath(kDir, name), file));
  };
  ASSERT_TRUE(fs->CreateDirs(kDir));
  write_file("000001", 0, 9);
  write_file("000002", 5, 14);
  write_file("000003", 15, 20);
  const auto store = Open(*fs);
  const auto samples = All(store->head)["{__name__=\"m\", i=\"0\"}"];
  EXPECT_EQ(samples.size(), 21u);
  for (const auto& [t, text] : samples) {
    EXPECT_EQ(text, std::to_string(std::bit_cast<uint64_t>(value((t - kNow) / kInterval)))) << t;
  }
}

TEST_F(ChunkFilesTest, AnyMissingFileIsMadeUpForByTheLog) {
  for (const auto& missing : std::vector<std::vector<std::string>>{
           {"000001"}, {"000002"}, {"000003"}, {"000001", "000003"}, {"000001", "000002"}}) {
    std::map<std::string, std::string> kept;
    for (const std::string& name : missing) {
      const std::string path = base::JoinPath(kDir, name);
      kept[path] = *fs_->ReadFile(path);
      ASSERT_TRUE(fs_->Remove(path));
    }
    {
      const auto store = Open(*fs_);
      ASSERT_TRUE(store);
      EXPECT_EQ(All(store->head), want_) << missing.front();
    }
    for (const auto& [path, bytes] : kept) {
      ASSERT_TRUE(base::WriteFileAtomically(*fs_, path, bytes));
    }
  }
}

TEST_F(ChunkFilesTest, DamageAnywhereIsMadeUpForByTheLog) {
  WithEachDamage(*fs_, base::JoinPath(kDir, "000002"), 37, [&](const std::string& where) {
    const auto store = Open(*fs_);
    ASSERT_TRUE(store);
    ASSERT_EQ(All(store->head), want_) << where;
  });
}

TEST_F(ChunkFilesTest, FilesGoWithTheHead) {
  const auto store = Open(*fs_);
  ASSERT_TRUE(store);
  store->head.Truncate(kNow + 130 * kInterval);
  EXPECT_EQ(FilesIn(*fs_), (std::vector<std::string>{"000002", "000003"}));
  store->head.Truncate(kNow + 1000 * kInterval);
  EXPECT_EQ(FilesIn(*fs_), std::vector<std::string>{});
}

TEST_F(ChunkFilesTest, ARefOfALostSeriesIsNotGivenToAnother) {
  // The log is gone, the chunk files are not.
  const auto segments = ListSegments(*fs_, "wal");
  for (const SegmentInfo& segment : *segments) {
    ASSERT_TRUE(fs_->Remove(SegmentPath("wal", segment.index)));
  }
  const auto store = Open(*fs_);
  ASSERT_TRUE(store);
  EXPECT_TRUE(All(store->head).empty());
  ASSERT_TRUE(Tick(*store, 10));
  const Values one = All(store->head);
  const auto again = Open(*fs_);
  ASSERT_TRUE(again);
  EXPECT_EQ(All(again->head), one);
}

// Every changing call of writing files fails once, also half-done; then the power goes.
TEST(ChunkFilesFaultTest, NothingAcknowledgedIsLostByAnyFault) {
  for (const bool tear : {false, true}) {
    for (uint64_t n = 1;; ++n) {
      auto memory = base::MakeMemoryFileSystem();
      base::FaultyFileSystem fs(*memory);
      Values want;
      bool fired = false;
      {
        const auto store = Open(fs);
        ASSERT_TRUE(store);
        for (int64_t tick = 0; tick < 250; ++tick) ASSERT_TRUE(Tick(*store, tick));
        if (tear) {
          fs.TearAt(n, 40, base::ErrorCode::kNoSpace);
        } else {
          fs.FailAt(n, base::ErrorCode::kNoSpace);
        }
        (void)store->head.WriteChunks();
        store->head.Truncate(kNow + 1000);
        fired = fs.fault_fired();
        fs.Heal();
        for (int64_t tick = 250; tick < 400; ++tick) ASSERT_TRUE(Tick(*store, tick));
        EXPECT_TRUE(store->head.WriteChunks());
        store->head.Truncate(kNow + 150 * kInterval);
        want = All(store->head);
        ASSERT_TRUE(fs.DropUnsynced());
      }
      const auto store = Open(*memory);
      ASSERT_TRUE(store);
      store->head.Truncate(kNow + 150 * kInterval);
      EXPECT_EQ(All(store->head), want) << "call " << n << " tear " << tear;
      for (const std::string& name : FilesIn(*memory)) EXPECT_EQ(name.find(".tmp"), name.npos);
      if (!fired) break;
    }
  }
}

}  // namespace
}  // namespace tributary::tsdb

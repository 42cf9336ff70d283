#include "tsdb/verify/verify.h"

#include <algorithm>
#include <map>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "tsdb/tsdb.h"

namespace tributary::tsdb {
namespace {

// A store with a block, tombstones in it, and a log.
class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    DbOptions options;
    options.path = "data";
    options.min_block_duration_ms = 10'000;
    options.retention_time_ms = 0;
    options.use_lock_file = false;
    options.compaction_poll_ms = 5;
    options.min_snapshot_log_bytes = 1;
    EXPECT_TRUE(fs_->CreateDirs("data"));
    const auto db = *Db::Open(options, *fs_, clock_, pool_, metrics_);
    EXPECT_TRUE(db->Replay());
    for (int64_t t = 0; t < 16'000; t += 200) {
      const auto appender = db->NewAppender();
      for (int i = 0; i < 5; ++i) {
        const model::Labels labels =
            model::Labels::Of({{"__name__", "m"}, {"i", std::to_string(i)}, {"job", "a"}});
        std::vector<model::Label> span;
        labels.ToSpan(&span);
        const storage::RefSample sample{*appender->GetOrCreate(span, labels.Hash()), t,
                                        static_cast<double>(t * i) / 7};
        storage::AppendOutcome outcome;
        appender->Append({&sample, 1}, {&outcome, 1});
      }
      EXPECT_TRUE(appender->Commit());
    }
    for (int i = 0; i < 400 && db->Blocks().size() != 1; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const model::Matcher matchers[] = {model::Matcher::Equal("i", "2")};
    EXPECT_TRUE(db->Delete(1000, 12'000, matchers));
    EXPECT_TRUE(db->Close());
  }

  std::vector<std::string> Problems() {
    std::vector<std::string> problems;
    const auto summary =
        VerifyStore(*fs_, "data", [&](const std::string& problem) { problems.push_back(problem); });
    EXPECT_TRUE(summary);
    summary_ = *summary;
    EXPECT_EQ(summary_.problems, problems.size());
    return problems;
  }
  void Write(const std::string& path, const std::string& content) {
    const auto file = fs_->Create(path);
    ASSERT_TRUE((*file)->Append(base::AsBytes(content)));
  }
  // Bytes of the file, padding left out, that can be flipped without anything being said of it.
  size_t Unnoticed(const std::string& path) {
    const std::string content = *fs_->ReadFile(path);
    size_t unnoticed = 0;
    for (size_t i = 0; i < content.size(); ++i) {
      if (content[i] == 0) continue;
      std::string damaged = content;
      damaged[i] = static_cast<char>(damaged[i] ^ 0x15);
      Write(path, damaged);
      const std::vector<std::string> problems = Problems();
      const bool named = std::ranges::any_of(
          problems, [&](const std::string& p) { return p.find(path) != std::string::npos; });
      unnoticed += named ? 0 : 1;
    }
    Write(path, content);
    return unnoticed;
  }
  std::string BlockDir() {
    const std::vector<base::DirEntry> entries = *fs_->List("data");
    for (const base::DirEntry& entry : entries) {
      if (entry.name.size() == 26) return "data/" + entry.name;
    }
    return "";
  }

  const std::unique_ptr<base::FileSystem> fs_ = base::MakeMemoryFileSystem();
  const base::ManualClock clock_{1'700'000'000'000};
  base::ThreadPool pool_{"verify", 2};
  base::MetricsRegistry metrics_;
  VerifySummary summary_;
};

TEST_F(VerifyTest, ASoundStoreHasNoProblems) {
  EXPECT_EQ(Problems(), std::vector<std::string>());
  EXPECT_EQ(summary_.blocks, 1u);
  EXPECT_EQ(summary_.series, 5u);
  EXPECT_EQ(summary_.postings, 15u);
  EXPECT_EQ(summary_.chunks, 5u);
  EXPECT_EQ(summary_.samples, 250u);
  EXPECT_GT(summary_.records, 0u);
}

TEST_F(VerifyTest, EveryFlippedByteIsNamed) {
  const std::string block = BlockDir();
  EXPECT_EQ(Unnoticed(block + "/index"), 0u);
  EXPECT_EQ(Unnoticed(block + "/chunks/000001"), 0u);
  EXPECT_EQ(Unnoticed(block + "/tombstones"), 0u);
  for (const std::string dir : {"data/wal/", "data/head_snapshots/"}) {
    const std::vector<base::DirEntry> files = *fs_->List(dir);
    EXPECT_FALSE(files.empty()) << dir;
    for (const base::DirEntry& file : files) {
      if (file.is_directory) continue;
      EXPECT_EQ(Unnoticed(dir + file.name), 0u) << dir << file.name;
    }
  }
}

TEST_F(VerifyTest, WhatIsMissingIsNamed) {
  const std::string block = BlockDir();
  ASSERT_TRUE(fs_->Remove(block + "/chunks/000001"));
  EXPECT_FALSE(Problems().empty());
  ASSERT_TRUE(fs_->Remove(block + "/index"));
  const std::vector<std::string> problems = Problems();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find(block + "/index"), std::string::npos) << problems[0];
}

}  // namespace
}  // namespace tributary::tsdb

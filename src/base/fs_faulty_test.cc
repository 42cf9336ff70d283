#include "base/fs_faulty.h"

#include <gtest/gtest.h>

namespace tributary::base {
namespace {

class FaultyFsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(memory_->CreateDirs("/d/sub")); }

  std::unique_ptr<WritableFile> Create(const std::string& path, std::string_view data) {
    auto file = fs_.Create(path);
    EXPECT_TRUE(file);
    EXPECT_TRUE((*file)->Append(AsBytes(data)));
    return std::move(*file);
  }
  void Durable(const std::string& path, std::string_view data) {
    EXPECT_TRUE(Create(path, data)->Sync());
    EXPECT_TRUE(fs_.SyncDir(DirName(path)));
  }
  std::string Read(const std::string& path) {
    const auto data = fs_.ReadFile(path);
    return data ? *data : "missing";
  }

  std::unique_ptr<FileSystem> memory_ = MakeMemoryFileSystem();
  FaultyFileSystem fs_{*memory_};
};

TEST_F(FaultyFsTest, FailsTheNthCallOnce) {
  fs_.FailAt(3);
  const auto file = *fs_.Create("/d/a");
  EXPECT_TRUE(file->Append(AsBytes("x")));
  const Status failed = file->Sync();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kIo);
  EXPECT_EQ(failed.error().message(), "sync /d/a: input/output error");
  EXPECT_TRUE(file->Sync());
  EXPECT_TRUE(fs_.fault_fired());
  EXPECT_EQ(fs_.operations(), 4u);
}

TEST_F(FaultyFsTest, FailsForEverUntilHealed) {
  const auto file = Create("/d/a", "ok");
  fs_.FailAt(1, ErrorCode::kNoSpace, FaultyFileSystem::Repeat::kForever);
  for (int i = 0; i < 3; ++i) {
    const Status failed = file->Append(AsBytes("more"));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), ErrorCode::kNoSpace);
  }
  EXPECT_FALSE(fs_.Rename("/d/a", "/d/b"));
  EXPECT_EQ(Read("/d/a"), "ok");
  fs_.Heal();
  EXPECT_TRUE(file->Append(AsBytes("!")));
  EXPECT_EQ(Read("/d/a"), "ok!");
}

TEST_F(FaultyFsTest, EveryChangingCallCanFail) {
  const auto file = Create("/d/a", "x");
  const auto f = [&](const char* what, const auto& call) {
    fs_.FailAt(1);
    EXPECT_FALSE(call()) << what;
    EXPECT_EQ(Read("/d/a"), "x") << what;
  };
  f("create", [&] { return fs_.Create("/d/a").has_value(); });
  f("create private", [&] { return fs_.CreatePrivate("/d/a").has_value(); });
  f("append", [&] { return fs_.OpenForAppend("/d/a").has_value(); });
  f("mkdir", [&] { return fs_.CreateDirs("/d/new").has_value(); });
  f("rename", [&] { return fs_.Rename("/d/a", "/d/b").has_value(); });
  f("remove", [&] { return fs_.Remove("/d/a").has_value(); });
  f("remove all", [&] { return fs_.RemoveAll("/d").has_value(); });
  f("link", [&] { return fs_.HardLink("/d/a", "/d/b").has_value(); });
  f("sync dir", [&] { return fs_.SyncDir("/d").has_value(); });
  f("write", [&] { return file->Append(AsBytes("y")).has_value(); });
  f("sync", [&] { return file->Sync().has_value(); });
  f("truncate", [&] { return file->Truncate(0).has_value(); });
}

TEST_F(FaultyFsTest, TearsAWrite) {
  const auto file = Create("/d/a", "12");
  fs_.TearAt(1, 3);
  EXPECT_FALSE(file->Append(AsBytes("345678")));
  EXPECT_EQ(Read("/d/a"), "12345");
  EXPECT_EQ(file->size(), 5u);
}

TEST_F(FaultyFsTest, APowerCutTakesUnsyncedBytes) {
  Durable("/d/a", "safe");
  const auto file = *fs_.OpenForAppend("/d/a");
  ASSERT_TRUE(file->Append(AsBytes("+synced")));
  ASSERT_TRUE(file->Sync());
  ASSERT_TRUE(file->Append(AsBytes("+lost")));
  ASSERT_TRUE(fs_.DropUnsynced());
  EXPECT_EQ(Read("/d/a"), "safe+synced");
  EXPECT_FALSE(file->Append(AsBytes("from the dead")));
  EXPECT_FALSE(file->Sync());
  EXPECT_EQ(Read("/d/a"), "safe+synced");
  ASSERT_TRUE(fs_.DropUnsynced());
  EXPECT_EQ(Read("/d/a"), "safe+synced");
}

TEST_F(FaultyFsTest, APowerCutTakesNamesOfUnsyncedDirectories) {
  ASSERT_TRUE(Create("/d/a", "bytes are synced, the name is not")->Sync());
  ASSERT_TRUE(fs_.DropUnsynced());
  EXPECT_EQ(Read("/d/a"), "missing");
}

TEST_F(FaultyFsTest, APowerCutUndoesUnsyncedRenamesAndRemoves) {
  Durable("/d/old", "old");
  Durable("/d/gone", "gone");
  Durable("/d/sub/deep", "deep");
  ASSERT_TRUE(Create("/d/new", "new")->Sync());
  ASSERT_TRUE(fs_.Rename("/d/new", "/d/old"));
  ASSERT_TRUE(fs_.Remove("/d/gone"));
  ASSERT_TRUE(fs_.RemoveAll("/d/sub"));
  EXPECT_EQ(Read("/d/old"), "new");
  ASSERT_TRUE(fs_.DropUnsynced());
  EXPECT_EQ(Read("/d/old"), "old");
  EXPECT_EQ(Read("/d/new"), "missing");
  EXPECT_EQ(Read("/d/gone"), "gone");
  EXPECT_EQ(Read("/d/sub/deep"), "deep");
}

TEST_F(FaultyFsTest, SyncDirKeepsWhatWentThere) {
  ASSERT_TRUE(fs_.CreateDirs("/d/t.tmp"));
  const auto file = Create("/d/t.tmp/f", "whole");
  ASSERT_TRUE(file->Sync());
  ASSERT_TRUE(fs_.SyncDir("/d/t.tmp"));
  ASSERT_TRUE(fs_.Rename("/d/t.tmp", "/d/t"));
  ASSERT_TRUE(fs_.SyncDir("/d"));
  ASSERT_TRUE(file->Append(AsBytes("+lost")));
  ASSERT_TRUE(fs_.DropUnsynced());
  EXPECT_EQ(Read("/d/t/f"), "whole");
  EXPECT_FALSE(*fs_.Exists("/d/t.tmp"));
}

TEST_F(FaultyFsTest, AMovedTreeStillLosesItsUnsyncedNames) {
  ASSERT_TRUE(fs_.CreateDirs("/d/t.tmp"));
  ASSERT_TRUE(Create("/d/t.tmp/f", "whole")->Sync());
  ASSERT_TRUE(fs_.Rename("/d/t.tmp", "/d/t"));
  ASSERT_TRUE(fs_.SyncDir("/d"));
  ASSERT_TRUE(fs_.DropUnsynced());
  EXPECT_TRUE(*fs_.Exists("/d/t"));
  EXPECT_EQ(Read("/d/t/f"), "missing");
}

// The promise of WriteFileAtomically, with a fault at its 1st, 2nd, 3rd... call and then a power
// cut.
TEST(WriteFileAtomically, LeavesOldOrNew) {
  uint64_t n = 1;
  for (;; ++n) {
    const auto memory = MakeMemoryFileSystem();
    FaultyFileSystem fs(*memory);
    ASSERT_TRUE(fs.CreateDirs("/d"));
    ASSERT_TRUE(WriteFileAtomically(fs, "/d/f", "old"));
    fs.TearAt(n, 1, ErrorCode::kNoSpace, FaultyFileSystem::Repeat::kForever);
    const Status status = WriteFileAtomically(fs, "/d/f", "new");
    const bool fired = fs.fault_fired();
    EXPECT_EQ(status.has_value(), !fired) << n;
    ASSERT_TRUE(fs.DropUnsynced());
    fs.Heal();
    EXPECT_EQ(*fs.ReadFile("/d/f"), fired ? "old" : "new") << n;
    if (!fired) break;
  }
  EXPECT_GT(n, 4u);
}

}  // namespace
}  // namespace tributary::base

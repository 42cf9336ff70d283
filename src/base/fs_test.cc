// One set of promises, held by the disk and by the memory file system.
#include "base/fs.h"

#include <algorithm>
#include <cstdlib>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs_test_support.h"

namespace tributary::base {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FsTestBase : public testing::Test {
 protected:
  void SetUpOn(bool posix) {
    if (posix) {
      char name[] = "/tmp/tributary_fs_test_XXXXXX";
      ASSERT_NE(::mkdtemp(name), nullptr);
      dir_ = name;
      fs_ = &PosixFileSystem();
    } else {
      memory_ = MakeMemoryFileSystem();
      fs_ = memory_.get();
      dir_ = "/data";
      ASSERT_TRUE(fs_->CreateDirs(dir_));
    }
  }
  void TearDown() override { EXPECT_TRUE(fs_->RemoveAll(dir_)); }

  std::string In(const char* name) const { return dir_ + "/" + name; }
  void Write(const std::string& path, std::string_view data) {
    auto file = fs_->Create(path);
    ASSERT_TRUE(file) << file.error().message();
    ASSERT_TRUE((*file)->Append(AsBytes(data)));
    ASSERT_TRUE((*file)->Close());
  }
  std::string Read(const std::string& path) {
    const auto data = fs_->ReadFile(path);
    return data ? *data : "error: " + data.error().message();
  }
  std::vector<std::string> Names(const std::string& path) {
    std::vector<std::string> names;
    const auto entries = fs_->List(path);
    if (!entries) return {"error: " + entries.error().message()};
    for (const DirEntry& entry : *entries) {
      names.push_back(entry.name + (entry.is_directory ? "/" : ":" + std::to_string(entry.size)));
    }
    return names;
  }

  std::unique_ptr<FileSystem> memory_;
  FileSystem* fs_ = nullptr;
  std::string dir_;
};

class FsTest : public FsTestBase, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override { SetUpOn(GetParam()); }
};

class PosixFsTest : public FsTestBase {
 protected:
  void SetUp() override { SetUpOn(true); }
};

INSTANTIATE_TEST_SUITE_P(All, FsTest, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "posix" : "memory"; });

TEST_P(FsTest, WritesAndReads) {
  Write(In("a"), "hello");
  EXPECT_EQ(Read(In("a")), "hello");
  EXPECT_EQ(*fs_->FileSize(In("a")), 5u);
  Write(In("a"), "x");
  EXPECT_EQ(Read(In("a")), "x");
  Write(In("empty"), "");
  EXPECT_EQ(Read(In("empty")), "");
}

TEST_P(FsTest, AppendsAtTheEnd) {
  Write(In("a"), "one");
  auto file = *fs_->OpenForAppend(In("a"));
  EXPECT_EQ(file->size(), 3u);
  ASSERT_TRUE(file->Append(AsBytes("two")));
  ASSERT_TRUE(file->Sync());
  EXPECT_EQ(file->size(), 6u);
  ASSERT_TRUE(file->Truncate(4));
  EXPECT_EQ(file->size(), 4u);
  ASSERT_TRUE(file->Append(AsBytes("!")));
  EXPECT_EQ(Read(In("a")), "onet!");
  ASSERT_TRUE(file->Close());
  EXPECT_FALSE(file->Append(AsBytes("late")));
  ASSERT_TRUE(fs_->OpenForAppend(In("new")));
  EXPECT_EQ(Read(In("new")), "");
}

TEST_P(FsTest, ReadsAtPositionsOfAGrowingFile) {
  auto writer = *fs_->Create(In("a"));
  ASSERT_TRUE(writer->Append(AsBytes("0123456789")));
  const auto reader = *fs_->OpenForRead(In("a"));
  uint8_t buffer[4] = {};
  EXPECT_EQ(*reader->ReadAt(3, buffer), 4u);
  EXPECT_EQ(AsString({buffer, 4}), "3456");
  EXPECT_EQ(*reader->ReadAt(8, buffer), 2u);
  EXPECT_EQ(*reader->ReadAt(10, buffer), 0u);
  EXPECT_EQ(*reader->ReadAt(uint64_t{1} << 40, buffer), 0u);
  ASSERT_TRUE(writer->Append(AsBytes("ab")));
  EXPECT_EQ(*reader->Size(), 12u);
  EXPECT_EQ(*reader->ReadAt(8, buffer), 4u);
}

TEST_P(FsTest, AMappingOutlivesItsName) {
  Write(In("a"), "mapped");
  Write(In("empty"), "");
  const auto map = *fs_->Map(In("a"));
  ASSERT_TRUE(fs_->Remove(In("a")));
  EXPECT_EQ(AsString(map->data()), "mapped");
  EXPECT_EQ((*fs_->Map(In("empty")))->data().size(), 0u);
}

TEST_P(FsTest, AMappingGivesItsMemoryBack) {
  Write(In("a"), std::string(1 << 20, 'm'));
  const auto map = *fs_->Map(In("a"));
  EXPECT_EQ(std::ranges::count(map->data(), 'm'), 1 << 20);
  const bool on_disk = fs_ == &PosixFileSystem();
  if (on_disk) {
    EXPECT_EQ(ResidentPages(map->data()), 256u);
  }
  map->ReleasePages();
  if (on_disk) {
    EXPECT_EQ(ResidentPages(map->data()), 0u);
  }
  EXPECT_EQ(std::ranges::count(map->data(), 'm'), 1 << 20);
}

TEST_P(FsTest, LargeFilesReadWhole) {
  std::string data(300'001, 'x');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  Write(In("big"), data);
  EXPECT_EQ(Read(In("big")), data);
}

TEST_P(FsTest, NamesWhatIsMissing) {
  const auto f = [&](const Error& error, const std::string& want) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_EQ(error.message(), want + ": no such file or directory");
  };
  const std::string no = In("no");
  f(fs_->OpenForRead(no).error(), "open " + no);
  f(fs_->ReadFile(no).error(), "open " + no);
  f(fs_->Map(no).error(), "open " + no);
  f(fs_->List(no).error(), "open " + no);
  f(fs_->FileSize(no).error(), "stat " + no);
  f(fs_->Remove(no).error(), "remove " + no);
  f(fs_->Rename(no, In("to")).error(), "rename " + no + " " + In("to"));
  f(fs_->HardLink(no, In("to")).error(), "link " + no + " " + In("to"));
  f(fs_->SyncDir(no).error(), "open " + no);
  f(fs_->Create(no + "/x").error(), "open " + no + "/x");
  EXPECT_FALSE(*fs_->Exists(no));
  EXPECT_TRUE(fs_->RemoveAll(no));
}

TEST_P(FsTest, DirectoriesAreMadeListedAndRemoved) {
  ASSERT_TRUE(fs_->CreateDirs(In("x/y/z")));
  ASSERT_TRUE(fs_->CreateDirs(In("x/y/z/")));
  Write(In("x/b"), "12");
  Write(In("x/a"), "1");
  EXPECT_THAT(Names(In("x")), ElementsAre("a:1", "b:2", "y/"));
  EXPECT_THAT(Names(In("x/")), ElementsAre("a:1", "b:2", "y/"));
  EXPECT_TRUE(*fs_->Exists(In("x/y")));
  EXPECT_FALSE(fs_->Remove(In("x")));
  EXPECT_FALSE(fs_->CreateDirs(In("x/a/below")));
  EXPECT_FALSE(fs_->CreateDirs(In("x/a")));
  ASSERT_TRUE(fs_->Remove(In("x/y/z")));
  ASSERT_TRUE(fs_->RemoveAll(In("x")));
  EXPECT_THAT(Names(dir_), ElementsAre());
}

TEST_P(FsTest, RenameReplacesFilesAndMovesTrees) {
  Write(In("a"), "new");
  Write(In("b"), "old");
  ASSERT_TRUE(fs_->Rename(In("a"), In("b")));
  EXPECT_THAT(Names(dir_), ElementsAre("b:3"));
  EXPECT_EQ(Read(In("b")), "new");
  ASSERT_TRUE(fs_->CreateDirs(In("t/u")));
  Write(In("t/u/f"), "deep");
  ASSERT_TRUE(fs_->CreateDirs(In("empty")));
  ASSERT_TRUE(fs_->Rename(In("t"), In("empty")));
  EXPECT_EQ(Read(In("empty/u/f")), "deep");
  EXPECT_FALSE(*fs_->Exists(In("t")));
  ASSERT_TRUE(fs_->CreateDirs(In("full")));
  Write(In("full/f"), "");
  EXPECT_FALSE(fs_->Rename(In("empty"), In("full")));
  EXPECT_FALSE(fs_->Rename(In("empty"), In("b")));
  EXPECT_FALSE(fs_->Rename(In("b"), In("full")));
  EXPECT_FALSE(fs_->Rename(In("empty"), In("empty/u/self")));
}

TEST_P(FsTest, HardLinksShareTheBytes) {
  Write(In("a"), "one");
  ASSERT_TRUE(fs_->HardLink(In("a"), In("b")));
  const auto again = fs_->HardLink(In("a"), In("b"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  ASSERT_TRUE(fs_->Remove(In("a")));
  EXPECT_EQ(Read(In("b")), "one");
}

TEST_P(FsTest, ALockHasOneHolder) {
  auto lock = fs_->Lock(In("lock"));
  ASSERT_TRUE(lock) << lock.error().message();
  EXPECT_FALSE((*lock)->replaced_stale_lock());
  const auto second = fs_->Lock(In("lock"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message(), HasSubstr("already held"));
  lock->reset();
  EXPECT_FALSE(*fs_->Exists(In("lock")));
  EXPECT_TRUE(fs_->Lock(In("lock")));
}

TEST_P(FsTest, AStaleLockIsTakenOver) {
  Write(In("lock"), "123\n");
  const auto lock = fs_->Lock(In("lock"));
  ASSERT_TRUE(lock);
  EXPECT_TRUE((*lock)->replaced_stale_lock());
}

TEST_P(FsTest, WritesAtomically) {
  ASSERT_TRUE(WriteFileAtomically(*fs_, In("a"), "one"));
  ASSERT_TRUE(WriteFileAtomically(*fs_, In("a"), "two", FileAccess::kOwnerOnly));
  EXPECT_EQ(Read(In("a")), "two");
  EXPECT_THAT(Names(dir_), ElementsAre("a:3"));
  EXPECT_FALSE(WriteFileAtomically(*fs_, In("no/a"), "x"));
}

TEST_P(FsTest, SpaceIsKnown) {
  const auto space = fs_->SpaceAt(dir_);
  ASSERT_TRUE(space);
  EXPECT_GT(space->total, 0u);
  EXPECT_LE(space->free, space->total);
}

TEST_F(PosixFsTest, SecretsAreTheOwnersAlone) {
  Write(In("secret"), "wide open before");
  ASSERT_TRUE(WriteFileAtomically(*fs_, In("secret"), "s3cret", FileAccess::kOwnerOnly));
  struct stat info;
  ASSERT_EQ(::stat(In("secret").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(PosixFsTest, ReadsFilesWithoutASize) {
  const auto text = PosixFileSystem().ReadFile("/proc/self/status");
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("Name:"));
}

TEST(Paths, JoinAndSplit) {
  EXPECT_EQ(JoinPath("a/b", "c"), "a/b/c");
  EXPECT_EQ(JoinPath("a/", "c"), "a/c");
  EXPECT_EQ(JoinPath("", "c"), "c");
  EXPECT_EQ(JoinPath("a", ""), "a");
  EXPECT_EQ(JoinPath("a", "/c"), "/c");
  EXPECT_EQ(JoinPath("/", "c"), "/c");
  EXPECT_EQ(DirName("a/b/c"), "a/b");
  EXPECT_EQ(DirName("a/b/"), "a");
  EXPECT_EQ(DirName("c"), ".");
  EXPECT_EQ(DirName("/c"), "/");
  EXPECT_EQ(DirName("/"), "/");
  EXPECT_EQ(BaseName("a/b/c"), "c");
  EXPECT_EQ(BaseName("a/b/"), "b");
  EXPECT_EQ(BaseName("c"), "c");
  EXPECT_EQ(BaseName("/"), "/");
}

}  // namespace
}  // namespace tributary::base

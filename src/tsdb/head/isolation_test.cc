#include "tsdb/head/isolation.h"

#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace tributary::tsdb {
namespace {

using Commit = Isolation::Commit;
using View = Isolation::View;

TEST(IsolationTest, AViewSeesWhatWasCompleteWhenItWasMade) {
  Isolation isolation;
  std::optional<Commit> first(std::in_place, isolation);
  std::optional<Commit> second(std::in_place, isolation);
  const CommitNumber one = first->number();
  const CommitNumber two = second->number();
  second.reset();
  const View between(isolation);
  EXPECT_TRUE(between.Sees(0));  // what a replay brought
  EXPECT_FALSE(between.Sees(one));
  EXPECT_TRUE(between.Sees(two));
  first.reset();
  EXPECT_FALSE(between.Sees(one));
  const View after(isolation);
  EXPECT_TRUE(after.Sees(one));
  const Commit third(isolation);
  EXPECT_FALSE(after.Sees(third.number()));
}

TEST(IsolationTest, WhatAllSeeIsHeldBackByReadersAndOpenCommits) {
  Isolation isolation;
  {
    const Commit commit(isolation);
  }
  std::optional<View> view(std::in_place, isolation);
  std::optional<Commit> open(std::in_place, isolation);
  EXPECT_EQ(open->seen_by_all(), open->number());
  const CommitNumber oldest = open->number();
  EXPECT_EQ(Commit(isolation).seen_by_all(), oldest);  // for the open commit and the view
  open.reset();
  EXPECT_EQ(Commit(isolation).seen_by_all(), oldest);  // for the view
  view.reset();
  const Commit last(isolation);
  EXPECT_EQ(last.seen_by_all(), last.number());
}

// Series 7 gets one sample of each commit; a view made after commit i sees i of them, however many
// come later.
TEST(SupersededTest, CountsWhatEachReaderDoesNotSee) {
  Isolation isolation;
  Superseded superseded;
  CommitNumber newest = 0;
  std::vector<std::unique_ptr<View>> views;
  constexpr size_t kCommits = 20;
  for (size_t i = 0; i < kCommits; ++i) {
    views.push_back(std::make_unique<View>(isolation));
    const Commit commit(isolation);
    superseded.Note(7, commit, &newest);
  }
  for (size_t i = 0; i < kCommits; ++i) {
    EXPECT_EQ(superseded.Hidden(*views[i], 7, newest), kCommits - i);
    EXPECT_EQ(superseded.Hidden(*views[i], 8, 0), 0u);
  }
  EXPECT_EQ(superseded.Hidden(View(isolation), 7, newest), 0u);
}

TEST(SupersededTest, SeveralSamplesOfOneCommitAreHiddenTogether) {
  Isolation isolation;
  Superseded superseded;
  CommitNumber newest = 0;
  std::optional<Commit> commit(std::in_place, isolation);
  for (int i = 0; i < 5; ++i) superseded.Note(3, *commit, &newest);
  const View during(isolation);
  commit.reset();
  EXPECT_EQ(superseded.Hidden(during, 3, newest), 5u);
  EXPECT_EQ(superseded.Hidden(View(isolation), 3, newest), 0u);
}

TEST(SupersededTest, WhatIsNewerThanAHiddenSampleIsHiddenToo) {
  Isolation isolation;
  Superseded superseded;
  CommitNumber newest = 0;
  std::optional<Commit> slow(std::in_place, isolation);
  superseded.Note(3, *slow, &newest);
  {
    const Commit fast(isolation);
    superseded.Note(3, fast, &newest);
  }
  EXPECT_EQ(superseded.Hidden(View(isolation), 3, newest), 2u);
  slow.reset();
  EXPECT_EQ(superseded.Hidden(View(isolation), 3, newest), 0u);
}

TEST(SupersededTest, OldReadersHoldItUpAndNothingElse) {
  Isolation isolation;
  Superseded superseded;
  std::vector<CommitNumber> newest(5000, 0);
  for (int round = 0; round < 3; ++round) {
    std::optional<View> reader(std::in_place, isolation);
    for (int i = 0; i < 2; ++i) {
      const Commit commit(isolation);
      for (uint32_t slot = 0; slot < newest.size(); ++slot) {
        superseded.Note(slot, commit, &newest[slot]);
      }
    }
    for (uint32_t slot = 0; slot < newest.size(); ++slot) {
      ASSERT_EQ(superseded.Hidden(*reader, slot, newest[slot]), 2u);
    }
    reader.reset();
    EXPECT_LE(superseded.size(), 2 * newest.size());
  }
}

}  // namespace
}  // namespace tributary::tsdb

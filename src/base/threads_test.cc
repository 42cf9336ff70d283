#include "base/threads.h"

#include <atomic>
#include <future>
#include <pthread.h>
#include <vector>

#include <gtest/gtest.h>

namespace tributary::base {
namespace {

TEST(ThreadPool, RunsAllThatWasSubmittedBeforeItDies) {
  std::atomic<int> ran{0};
  {
    ThreadPool pool("pool", 3);
    EXPECT_EQ(pool.size(), 3u);
    for (int i = 0; i < 1000; ++i) pool.Submit([&] { ++ran; });
  }
  EXPECT_EQ(ran, 1000);
}

TEST(ThreadPool, HasAThreadACore) { EXPECT_GE(ThreadPool("pool", 0).size(), 1u); }

TEST(ThreadPool, NamesItsThreads) {
  ThreadPool pool("a-name-that-is-too-long", 1);
  std::promise<std::string> name;
  pool.Submit([&] {
    char buffer[32] = {};
    pthread_getname_np(pthread_self(), buffer, sizeof(buffer));
    name.set_value(buffer);
  });
  EXPECT_EQ(name.get_future().get(), "a-name-that-is-");
}

TEST(ParallelFor, RunsEachIndexOnce) {
  ThreadPool pool("pool", 4);
  for (const size_t n : {0u, 1u, 2u, 3u, 4u, 5u, 1000u}) {
    std::vector<std::atomic<int>> runs(n);
    pool.ParallelFor(n, [&](size_t i) { ++runs[i]; });
    for (size_t i = 0; i < n; ++i) EXPECT_EQ(runs[i], 1) << i << " of " << n;
  }
}

TEST(ParallelFor, MayBeNestedOnAPoolThatIsBusy) {
  ThreadPool pool("pool", 1);
  std::atomic<int> ran{0};
  std::promise<void> done;
  pool.Submit([&] {
    pool.ParallelFor(4, [&](size_t) { pool.ParallelFor(4, [&](size_t) { ++ran; }); });
    done.set_value();
  });
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(ran, 16);
}

TEST(TimerQueue, RunsInTheOrderOfDeadlines) {
  TimerQueue timers("timers");
  std::promise<void> done;
  std::vector<int> order;  // touched by the queue's thread only, until done
  timers.RunAfter(60, [&] {
    order.push_back(3);
    done.set_value();
  });
  timers.RunAfter(30, [&] { order.push_back(2); });
  timers.RunAfter(0, [&] { order.push_back(1); });
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(TimerQueue, CancellingManyLeavesTheOthersInOrder) {
  constexpr int kTimers = 400;
  TimerQueue timers("timers");
  std::promise<void> done;
  std::vector<int> ran;  // touched by the queue's thread only, until done
  std::vector<TimerQueue::Id> ids;
  // Asked for in one order, due in the other.
  for (int i = 0; i < kTimers; ++i) {
    ids.push_back(timers.RunAfter(1000 - i, [&, i] { ran.push_back(i); }));
  }
  for (int i = 0; i < kTimers; ++i) {
    EXPECT_TRUE(i % 8 == 0 || timers.Cancel(ids[static_cast<size_t>(i)]));
  }
  timers.RunAfter(1100, [&] { done.set_value(); });
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  std::vector<int> want;
  for (int i = kTimers - 8; i >= 0; i -= 8) {
    want.push_back(i);
  }
  EXPECT_EQ(ran, want);
}

TEST(TimerQueue, CancelsWhatIsPendingOnly) {
  TimerQueue timers("timers");
  std::promise<void> running;
  std::promise<void> go;
  std::promise<void> done;
  std::atomic<bool> cancelled_ran{false};
  const auto pending = timers.RunAfter(3'600'000, [&] { cancelled_ran = true; });
  const auto active = timers.RunAfter(0, [&] {
    running.set_value();
    go.get_future().wait();
    done.set_value();
  });
  running.get_future().wait();
  EXPECT_FALSE(timers.Cancel(active));
  EXPECT_TRUE(timers.Cancel(pending));
  EXPECT_FALSE(timers.Cancel(pending));
  EXPECT_FALSE(timers.Cancel(12345));
  go.set_value();
  done.get_future().wait();
  EXPECT_FALSE(timers.Cancel(active));
  EXPECT_FALSE(cancelled_ran);
}

TEST(TimerQueue, CallbacksMayAskAgainAndTheRestIsDropped) {
  std::atomic<int> ran{0};
  {
    TimerQueue timers("timers");
    std::promise<void> done;
    timers.RunAfter(INT64_MAX, [&] { ran += 100; });
    timers.RunAfter(-5, [&] {
      ++ran;
      timers.RunAfter(0, [&] {
        ++ran;
        done.set_value();
      });
    });
    done.get_future().wait();
  }
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace tributary::base

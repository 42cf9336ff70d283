// The load that is killed, and the truth about it: which samples must be in the store once so many
// ticks of it were acknowledged. Everything follows from the tick, so nothing needs to be recorded.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "model/labels.h"
#include "tsdb/tsdb.h"

namespace tributary::tests {

inline constexpr int kWriters = 2;
inline constexpr int64_t kTickMs = 1000;  // of the samples' time, not of the clock's

// In memory that outlives the killed process. Ticks [0, acknowledged) of a writer are in the store
// for good.
struct Acknowledged {
  std::atomic<int64_t> ticks[kWriters];
};

struct Expected {
  model::Labels labels;
  int64_t t = 0;
  double v = 0;
};

// Whether there are series, too, whose samples come out of order.
enum class Order : unsigned char { kKept, kMixed };
// How far out of order.
inline constexpr int64_t kLateTicks = 32;

// The samples of one tick of one writer: some series that stay, some that are replaced every
// minute of the samples' time.
void ForEachSample(int writer, int64_t tick, Order order,
                   const std::function<void(const Expected&)>& visit);

// Commits tick after tick, each writer from where it was acknowledged, until killed. Returns only
// when the store refuses a sample or a commit, after saying so on stderr.
void RunLoad(tsdb::Db& db, Order order, Acknowledged& acknowledged);

}  // namespace tributary::tests

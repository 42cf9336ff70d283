#include "scrape/schedule.h"

#include <array>

namespace tributary::scrape {
namespace {

// Each divides the one before, and the usual intervals, so that beats of all intervals meet.
constexpr std::array<int64_t, 5> kBeatsMs = {500, 250, 125, 25, 5};
constexpr int64_t kLeastBeats = 10;       // in an interval
constexpr double kMostScrapesABeat = 24;  // as expected

}  // namespace

int64_t BeatMs(int64_t interval_ms, double scrapes_per_second) {
  for (const int64_t beat_ms : kBeatsMs) {
    if (beat_ms * kLeastBeats <= interval_ms &&
        scrapes_per_second * static_cast<double>(beat_ms) / 1000 <= kMostScrapesABeat) {
      return beat_ms;
    }
  }
  return 1;
}

int64_t ScrapeOffsetMs(uint64_t target_id, uint64_t seed, int64_t interval_ms, int64_t beat_ms) {
  const auto spread = static_cast<int64_t>((target_id ^ seed) % static_cast<uint64_t>(interval_ms));
  const auto phase = static_cast<int64_t>(seed % static_cast<uint64_t>(beat_ms));
  return (spread - spread % beat_ms + phase) % interval_ms;
}

}  // namespace tributary::scrape

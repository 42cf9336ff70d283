// When targets are scraped. Each has its offset in its interval: stable, spread by a hash, another
// one for differently seeded replicas.
//
// Offsets stand on beats, so that a few targets are due together: scraped one right after the
// other, with the code and the tables still in the processor's caches, a page costs three tenths
// less, and the process wakes a few times a second instead of once for each. The more scrapes there
// are a second, the closer the beats, so that no beat becomes a burst. When in its half second the
// beat is depends on the seed too: a thousand agents do not push at the same moment.
#pragma once

#include <cstdint>

namespace tributary::scrape {

// For a target that joins so many scrapes a second, itself included. A later, closer beat has all
// the instants of an earlier one. REQUIRES: interval_ms > 0.
int64_t BeatMs(int64_t interval_ms, double scrapes_per_second);

// Milliseconds in [0, interval). `target_id` and `seed` are good hashes.
int64_t ScrapeOffsetMs(uint64_t target_id, uint64_t seed, int64_t interval_ms, int64_t beat_ms);

}  // namespace tributary::scrape

// LineCache: what a loop remembers of the page it scrapes: for each line the hash of its series
// text and the series it became, in page order. The next page is usually laid out the same, so the
// expected line is looked at first and no map is kept; when the layout changed, an index is built
// for that one scrape. 32 bytes a line.
//
// Also knows which series are alive, so that vanished ones get their staleness marker.
// Thread-compatible: one scrape at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/hash.h"
#include "model/series_ref.h"

namespace tributary::scrape {

class LineCache {
 public:
  struct Line {
    base::Hash128 hash;
    model::SeriesRef ref;  // 0: dropped by metric relabelling
    uint32_t seen = 0;     // number of the scrape that saw it last
    uint32_t position : 30 = 0;
    uint32_t tracked : 1 = 0;  // takes part in staleness, as this scrape says
    uint32_t live : 1 = 0;     // was in the last committed scrape, tracked
  };

  // Begins a scrape: no line is seen yet.
  void Begin();
  // The line with this hash, or null. Marks nothing.
  Line* Find(const base::Hash128& hash);
  Line& Add(const base::Hash128& hash, model::SeriesRef ref);
  bool SeenNow(const Line& line) const { return line.seen == scrape_; }
  // Notes that the page has this line at the next position.
  void MarkSeen(Line* line, bool tracked);

  // Calls `stale(ref)` for the series that were alive and are not tracked any more.
  template <class F>
  void ForEachVanished(F&& stale) const {
    for (const Line& line : lines_) {
      if (line.live && !(line.seen == scrape_ && line.tracked)) {
        stale(line.ref);
      }
    }
  }
  // As above for all that are alive: the scrape failed or the target is gone.
  template <class F>
  void ForEachLive(F&& stale) const {
    for (const Line& line : lines_) {
      if (line.live) {
        stale(line.ref);
      }
    }
  }

  // The scrape was stored: what it saw is alive, the rest is forgotten, order is the page's.
  void Commit();
  // The scrape failed and staleness was told: nothing is alive, lines are kept.
  void Fail();
  void Clear() { lines_.clear(); }

  size_t size() const { return lines_.size(); }

 private:
  std::vector<Line> lines_;
  absl::flat_hash_map<uint64_t, uint32_t> index_;  // low hash -> lines_; of this scrape only
  bool indexed_ = false;
  bool in_order_ = true;
  size_t next_ = 0;  // expected line
  uint32_t scrape_ = 0;
  uint32_t position_ = 0;
};

static_assert(sizeof(LineCache::Line) == 32);

}  // namespace tributary::scrape

// LineCache: what a loop remembers of the page it scrapes: for each line the length and hash of its
// series text and the series it became, in page order. The next page is usually laid out the same:
// then the expected line is recognised by hashing the bytes where its text should be, without
// parsing. When the layout changed, an index is built for that one scrape. 24 bytes a line.
//
// Also knows which series are alive, so that vanished ones get their staleness marker.
// Thread-compatible: one scrape at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/hash.h"
#include "model/series_ref.h"

namespace tributary::scrape {

class LineCache {
 public:
  struct Line {
    uint64_t hash = 0;         // of the series text, seeded for this process
    model::SeriesRef ref;      // 0: dropped by metric relabelling
    uint32_t size : 29 = 0;    // of the series text, cut to kMaxSize
    uint32_t seen : 1 = 0;     // its scrape's parity: whether this scrape saw it
    uint32_t tracked : 1 = 0;  // takes part in staleness, as this scrape says
    uint32_t live : 1 = 0;     // was in the last committed scrape, tracked
  };

  static uint64_t Hash(std::string_view series_text) {
    return base::Hash64(series_text, base::ProcessSeed());
  }

  // Begins a scrape: no line is seen yet.
  void Begin();
  // The line that comes next if the page is laid out as the last one, provided that `page`, the
  // unread part of it, begins with that line's series text; else null. Marks nothing.
  Line* Expected(std::string_view page) {
    if (next_ >= lines_.size()) return nullptr;
    Line* line = &lines_[next_];
    const size_t size = line->size;
    return size < page.size() && Hash(page.substr(0, size)) == line->hash ? line : nullptr;
  }
  // The line of this text, whose hash is `hash`, or null. Marks nothing.
  Line* Find(uint64_t hash, size_t size);
  // Views into the cache end here.
  Line& Add(uint64_t hash, size_t size, model::SeriesRef ref);
  bool SeenNow(const Line& line) const { return line.seen == parity_; }
  // Notes that the page has this line at the next position. Once a scrape.
  void MarkSeen(Line* line, bool tracked) {
    const auto at = static_cast<size_t>(line - lines_.data());
    if (at != position_ || !order_.empty()) [[unlikely]]
      NoteOrder(at);
    ++position_;
    next_ = at + 1;
    line->seen = parity_;
    line->tracked = tracked;
  }

  // Calls `stale(ref)` for the series that were alive and are not tracked any more.
  template <class F>
  void ForEachVanished(F&& stale) const {
    for (const Line& line : lines_) {
      if (line.live && !(SeenNow(line) && line.tracked)) {
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
  // The scrape failed and staleness was told: nothing is alive; the lines of the last good page are
  // kept.
  void Fail();
  void Clear();

  size_t size() const { return lines_.size(); }

 private:
  static constexpr uint32_t kMaxSize = (1U << 29) - 1;

  void NoteOrder(size_t at);
  void Abandon();
  void DropIndex();

  std::vector<Line> lines_;
  size_t committed_ = 0;  // lines of the last good page; those behind are new
  bool open_ = false;     // between Begin() and Commit() or Fail()
  absl::flat_hash_map<uint64_t, uint32_t> index_;  // hash -> lines_; of this scrape only
  std::vector<uint32_t> order_;  // lines seen, in page order; empty while that is lines_' order
  bool indexed_ = false;
  size_t next_ = 0;      // expected line
  size_t position_ = 0;  // lines seen
  uint32_t parity_ = 0;  // flips with each scrape
};

static_assert(sizeof(LineCache::Line) == 24);

}  // namespace tributary::scrape

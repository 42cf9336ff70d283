#include "scrape/line_cache.h"

#include <algorithm>

namespace tributary::scrape {

void LineCache::Begin() {
  ++scrape_;
  next_ = 0;
  position_ = 0;
  in_order_ = true;
}

LineCache::Line* LineCache::Find(const base::Hash128& hash) {
  if (next_ < lines_.size() && lines_[next_].hash == hash) {
    return &lines_[next_];
  }
  if (!indexed_) {
    index_.reserve(lines_.size());
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      index_.emplace(lines_[i].hash.low, i);
    }
    indexed_ = true;
  }
  const auto it = index_.find(hash.low);
  return it != index_.end() && lines_[it->second].hash == hash ? &lines_[it->second] : nullptr;
}

LineCache::Line& LineCache::Add(const base::Hash128& hash, model::SeriesRef ref) {
  if (indexed_) {
    index_.emplace(hash.low, static_cast<uint32_t>(lines_.size()));
  }
  Line line;
  line.hash = hash;
  line.ref = ref;
  lines_.push_back(line);
  return lines_.back();
}

void LineCache::MarkSeen(Line* line, bool tracked) {
  const size_t at = static_cast<size_t>(line - lines_.data());
  in_order_ = in_order_ && at == position_;
  next_ = at + 1;
  line->seen = scrape_;
  line->tracked = tracked;
  line->position = position_++;
}

void LineCache::Commit() {
  std::erase_if(lines_, [this](const Line& line) { return line.seen != scrape_; });
  for (Line& line : lines_) {
    line.live = line.tracked && line.ref.value() != 0;
  }
  if (!in_order_) {
    std::sort(lines_.begin(), lines_.end(),
              [](const Line& a, const Line& b) { return a.position < b.position; });
  }
  index_ = {};
  indexed_ = false;
}

void LineCache::Fail() {
  for (Line& line : lines_) {
    line.live = 0;
  }
  index_ = {};
  indexed_ = false;
}

}  // namespace tributary::scrape

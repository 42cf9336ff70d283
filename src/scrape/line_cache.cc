#include "scrape/line_cache.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tributary::scrape {

void LineCache::Begin() {
  if (std::exchange(open_, true)) {
    Abandon();
  }
  // Between scrapes every line has the parity of the last one.
  parity_ ^= 1;
  next_ = 0;
  position_ = 0;
  order_.clear();
}

LineCache::Line* LineCache::Find(uint64_t hash, size_t size) {
  const auto is = [&](const Line& line) {
    return line.hash == hash && line.size == std::min<size_t>(size, kMaxSize);
  };
  if (next_ < lines_.size() && is(lines_[next_])) {
    return &lines_[next_];
  }
  if (!indexed_) {
    index_.reserve(lines_.size());
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      index_.emplace(lines_[i].hash, i);
    }
    indexed_ = true;
  }
  const auto it = index_.find(hash);
  return it != index_.end() && is(lines_[it->second]) ? &lines_[it->second] : nullptr;
}

LineCache::Line& LineCache::Add(uint64_t hash, size_t size, model::SeriesRef ref) {
  if (indexed_) {
    index_.emplace(hash, static_cast<uint32_t>(lines_.size()));
  }
  Line line;
  line.hash = hash;
  line.ref = ref;
  line.size = static_cast<uint32_t>(std::min<size_t>(size, kMaxSize));
  line.seen = parity_ ^ 1;
  lines_.push_back(line);
  return lines_.back();
}

void LineCache::NoteOrder(size_t at) {
  if (order_.empty()) {
    order_.resize(position_);
    std::iota(order_.begin(), order_.end(), 0);
  }
  order_.push_back(static_cast<uint32_t>(at));
}

void LineCache::Commit() {
  if (!order_.empty()) {
    std::vector<Line> lines;
    lines.reserve(order_.size());
    for (const uint32_t at : order_) {
      lines.push_back(lines_[at]);
    }
    lines_ = std::move(lines);
  } else {
    lines_.resize(position_);
    if (lines_.capacity() > lines_.size() + lines_.size() / 8 + 8) {
      lines_.shrink_to_fit();
    }
  }
  for (Line& line : lines_) {
    line.live = line.tracked && line.ref.value() != 0;
  }
  committed_ = lines_.size();
  open_ = false;
  DropIndex();
}

void LineCache::Fail() {
  Abandon();
  for (Line& line : lines_) {
    line.live = 0;
  }
  open_ = false;
}

// What a page that was not stored has added goes again: pages that fail must not add up.
void LineCache::Abandon() {
  lines_.resize(committed_);
  for (Line& line : lines_) {
    line.seen = parity_;
  }
  DropIndex();
}

void LineCache::Clear() {
  lines_ = {};
  committed_ = 0;
  open_ = false;
  DropIndex();
}

void LineCache::DropIndex() {
  index_ = {};
  order_ = {};
  indexed_ = false;
}

}  // namespace tributary::scrape

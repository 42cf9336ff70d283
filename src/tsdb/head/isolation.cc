#include "tsdb/head/isolation.h"

#include <algorithm>

namespace tributary::tsdb {

void Isolation::Register(View* view) {
  base::MutexLock lock(mutex_);
  view->next_ = next_;
  view->open_ = open_;
  view->all_before_ = open_.empty() ? next_ : open_.front();
  views_.push_back(view);
}

void Isolation::Unregister(const View* view) {
  base::MutexLock lock(mutex_);
  std::erase(views_, view);
}

void Isolation::Begin(Commit* commit) {
  base::MutexLock lock(mutex_);
  commit->number_ = next_++;
  open_.push_back(commit->number_);
  commit->seen_by_all_ = open_.front();
  for (const View* view : views_) {
    if (CommitBefore(view->all_before_, commit->seen_by_all_)) {
      commit->seen_by_all_ = view->all_before_;
    }
  }
}

void Isolation::End(CommitNumber number) {
  base::MutexLock lock(mutex_);
  std::erase(open_, number);
}

void Superseded::Keep(uint32_t slot, const Isolation::Commit& commit, CommitNumber* newest) {
  if (entries_ >= sweep_at_) {
    for (auto it = by_slot_.begin(); it != by_slot_.end();) {
      entries_ -= std::erase_if(it->second, [&](const Entry& entry) {
        return CommitBefore(entry.commit, commit.seen_by_all());
      });
      if (it->second.empty()) {
        by_slot_.erase(it++);
      } else {
        ++it;
      }
    }
    sweep_at_ = std::max<size_t>(1024, 2 * entries_);
  }
  std::vector<Entry>& entries = by_slot_[slot];
  if (!entries.empty() && entries.back().commit == *newest) {
    ++entries.back().samples;
  } else {
    entries.push_back({*newest, 1});
    ++entries_;
  }
  *newest = commit.number();
}

size_t Superseded::Hidden(const Isolation::View& view, uint32_t slot, CommitNumber newest) const {
  // Commits of one series may be complete in another order than they were put in place, but what
  // is newer than a hidden sample must be hidden with it: chunks can only be cut at their end.
  size_t hidden = view.Sees(newest) ? 0 : 1;
  const auto it = by_slot_.find(slot);
  if (it == by_slot_.end()) return hidden;
  size_t newer = 1;
  for (auto entry = it->second.rbegin(); entry != it->second.rend(); ++entry) {
    newer += entry->samples;
    if (!view.Sees(entry->commit)) hidden = newer;
  }
  return hidden;
}

}  // namespace tributary::tsdb

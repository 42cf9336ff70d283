#include "promql/observe/active_queries.h"

#include <utility>

namespace tributary::promql {

ActiveQueries::Entry::Entry(ActiveQueries& list, ActiveQuery about)
    : list_(list), about_(std::move(about)) {
  base::MutexLock lock(list_.mutex_);
  about_.id = ++list_.last_id_;
  list_.entries_.emplace(about_.id, this);
}

ActiveQueries::Entry::~Entry() {
  base::MutexLock lock(list_.mutex_);
  list_.entries_.erase(about_.id);
}

std::vector<ActiveQuery> ActiveQueries::List() const {
  std::vector<ActiveQuery> list;
  base::MutexLock lock(mutex_);
  list.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) {
    ActiveQuery& query = list.emplace_back(entry->about_);
    const QueryProgress& progress = entry->progress_;
    query.running = progress.running.load();
    query.cancelled = progress.cancel.load();
    query.samples = progress.samples.load();
    query.bytes = progress.bytes.load();
    query.peak_bytes = progress.peak_bytes.load();
  }
  return list;
}

bool ActiveQueries::Cancel(uint64_t id) {
  base::MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  found->second->progress_.cancel.store(true);
  return true;
}

}  // namespace tributary::promql

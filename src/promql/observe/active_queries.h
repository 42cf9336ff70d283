// ActiveQueries: what is asked right now, by whom, and how far it is; any of it can be stopped.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "model/sample.h"
#include "promql/engine.h"

namespace tributary::promql {

// One query as it stood when the list was made.
struct ActiveQuery {
  uint64_t id = 0;
  std::string query;
  QueryOrigin origin;
  model::Timestamp start = 0, end = 0;  // equal for an instant query
  int64_t step_ms = 0;                  // 0: instant
  int64_t since_ms = 0;                 // wall clock
  bool running = false;                 // false: waits for its turn
  bool cancelled = false;
  uint64_t samples = 0;     // looked at so far
  uint64_t bytes = 0;       // held now
  uint64_t peak_bytes = 0;  // the most held so far
};

// Thread-safe.
class ActiveQueries {
 public:
  // Oldest first.
  std::vector<ActiveQuery> List() const;
  // False: no such query (any more).
  bool Cancel(uint64_t id);

  // Lists a query for as long as it lives; must not outlive the list.
  class Entry {
   public:
    // The figures of `about` that change are taken from progress().
    Entry(ActiveQueries& list, ActiveQuery about);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    QueryProgress& progress() { return progress_; }

   private:
    friend class ActiveQueries;
    ActiveQueries& list_;
    ActiveQuery about_;  // constant once listed
    QueryProgress progress_;
  };

 private:
  mutable base::Mutex mutex_;
  uint64_t last_id_ TB_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Entry*> entries_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::promql

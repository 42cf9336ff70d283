// Isolation: a reader sees of every commit all or nothing, however long it reads.
//
// Commits are numbered when they begin to put samples into chunks. A reader's View is the set of
// commits that were complete when it was made. A series remembers which commit brought its newest
// sample (MemSeries::commit), and a reader takes away what its view does not see. One number is
// enough as long as no reader needs to tell the sample before the newest one apart; when one does,
// the number it loses goes to the shard's Superseded list, which is empty most of the time: it
// fills only when a series gets two samples while one reader is at work, or several in one commit.
//
// Numbers are 32 bits and compared around their wrap: right as long as fewer than 2^31 commits
// pass while a series stays in the head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/mutex.h"

namespace tributary::tsdb {

using CommitNumber = uint32_t;

inline bool CommitBefore(CommitNumber a, CommitNumber b) { return static_cast<int32_t>(a - b) < 0; }

// Thread-safe.
class Isolation {
 public:
  // What a reader sees. Registered as long as it lives.
  class View {
   public:
    explicit View(Isolation& isolation) : isolation_(isolation) { isolation.Register(this); }
    ~View() { isolation_.Unregister(this); }
    View(const View&) = delete;
    View& operator=(const View&) = delete;

    bool Sees(CommitNumber commit) const {
      if (!CommitBefore(commit, next_)) return false;
      for (const CommitNumber open : open_) {
        if (open == commit) return false;
      }
      return true;
    }

   private:
    friend class Isolation;
    Isolation& isolation_;
    CommitNumber next_ = 0;           // the first that had not begun
    std::vector<CommitNumber> open_;  // those that had begun and were not complete
    CommitNumber all_before_ = 0;     // everything before this is seen
  };

  // A commit that puts its samples in place; complete when destroyed.
  class Commit {
   public:
    explicit Commit(Isolation& isolation) : isolation_(isolation) { isolation.Begin(this); }
    ~Commit() { isolation_.End(number_); }
    Commit(const Commit&) = delete;
    Commit& operator=(const Commit&) = delete;

    CommitNumber number() const { return number_; }
    // Every reader there is or will be sees all commits before this one.
    CommitNumber seen_by_all() const { return seen_by_all_; }

   private:
    friend class Isolation;
    Isolation& isolation_;
    CommitNumber number_ = 0;
    CommitNumber seen_by_all_ = 0;
  };

 private:
  void Register(View* view);
  void Unregister(const View* view);
  void Begin(Commit* commit);
  void End(CommitNumber number);

  base::Mutex mutex_;
  CommitNumber next_ TB_GUARDED_BY(mutex_) = 1;
  std::vector<CommitNumber> open_ TB_GUARDED_BY(mutex_);  // ascending
  std::vector<const View*> views_ TB_GUARDED_BY(mutex_);
};

// The commits of samples that are not the newest of their series any more, as far as some reader
// may not see them; of one shard, under its lock.
class Superseded {
 public:
  // The series at `slot` gets one more sample; `*newest` is its MemSeries::commit.
  void Note(uint32_t slot, const Isolation::Commit& commit, CommitNumber* newest) {
    if (CommitBefore(*newest, commit.seen_by_all())) {
      *newest = commit.number();
    } else {
      Keep(slot, commit, newest);
    }
  }

  size_t size() const { return entries_; }  // series and commits that are remembered

  // How many of the newest samples of the series `view` does not see.
  size_t Hidden(const Isolation::View& view, uint32_t slot, CommitNumber newest) const;

 private:
  struct Entry {
    CommitNumber commit;
    uint32_t samples;
  };
  void Keep(uint32_t slot, const Isolation::Commit& commit, CommitNumber* newest);

  absl::flat_hash_map<uint32_t, std::vector<Entry>> by_slot_;
  size_t entries_ = 0;
  size_t sweep_at_ = 1024;
};

}  // namespace tributary::tsdb
